"""In which of its pools a job is tried first."""

from collections.abc import Mapping, Sequence

from sim.fleet.pool import FleetError, PoolState
from sim.policies.protocols import PoolOffer


def pools_in_order(pools: Sequence[PoolState], speed: Mapping[str, float] | None = None) -> Sequence[str]:
    """The names of the pools that a job may use, in the order that placement gives them, else as they come.

    `speed` is that of the job by pool; None: 1 in all. Raises FleetError for an answer that is not these names.
    """
    names = [pool.name for pool in pools]
    policy = pools[0].placement
    order = getattr(policy, "order", None)
    if order is None or len(pools) == 1:
        return names
    offers = [
        PoolOffer(pool.name, pool.traits.price, pool.traits.power, 1.0 if speed is None else speed[pool.name])
        for pool in pools
    ]
    try:
        found = list(order(offers))
    except Exception as error:
        raise FleetError(f"the placement policy {type(policy).__name__} failed: {error!r}") from error
    if sorted(map(str, found)) != sorted(names):
        raise FleetError(f"the placement policy {type(policy).__name__} orders {', '.join(names)} as {found}")
    return found
