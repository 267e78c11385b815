"""Who shares the fleet: weights, quotas, and what each holds now."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Tenant:
    """A tenant. `quota` is the most accelerators for its gangs together, by pool; without one there is no bound.

    What a gang holds beyond what it asked for, the rest of a node or of a slice, is not counted.
    """

    name: str
    weight: float = 1.0
    quota: Mapping[str, int] = field(default_factory=dict)
    held: Counter[str] = field(default_factory=Counter)
    """Accelerators of its jobs, by pool."""

    def may_hold(self, pool: str, accelerators: int) -> bool:
        """Whether so many more of a pool are within its quota."""
        return pool not in self.quota or self.held[pool] + accelerators <= self.quota[pool]
