"""Poisson arrivals and any law of service at one server: M/G/1, alone and in batches.

Services enter by their mean (s) and squared coefficient of variation (scv, variance over squared mean): 0 for a fixed
time (M/D/1), 1/k for Erlang's (M/E_k/1), 1 for the exponential (M/M/1), more for hyperexponential and log-normal laws.
"""

from typing import NamedTuple


def pollaczek_khinchine(arrival_rate: float, service: float, scv: float) -> float:
    """The mean wait in M/G/1, first come first served (s): rho / (1 - rho) x (1 + scv) / 2 x service (Pollaczek)."""
    load = arrival_rate * service
    return load / (1.0 - load) * (1.0 + scv) / 2.0 * service


def batch_arrivals_wait(
    batch_rate: float, size: float, size_scv: float, service: float, service_scv: float = 1.0
) -> float:
    """The mean wait in M^[X]/G/1 (s): batches come at `batch_rate` (1/s) with this mean size and scv.

    A batch waits as one customer of M/G/1 whose service is all of its requests'; within it a request waits for the
    E[X(X-1)] / (2 E[X]) before it (Burke 1975).
    """
    whole_scv = service_scv / size + size_scv
    before = ((1.0 + size_scv) * size - 1.0) / 2.0
    return pollaczek_khinchine(batch_rate, size * service, whole_scv) + before * service


def moments(values: tuple[float, ...], weights: tuple[float, ...]) -> tuple[float, float]:
    """Mean and squared coefficient of variation of values with such probabilities."""
    mean = sum(value * weight for value, weight in zip(values, weights, strict=True))
    square = sum(value * value * weight for value, weight in zip(values, weights, strict=True))
    return mean, square / mean**2 - 1.0


def hyperexponential_scv(weights: tuple[float, ...], means: tuple[float, ...]) -> float:
    """The squared coefficient of variation of a mixture of exponentials."""
    return 2.0 * moments(means, weights)[1] + 1.0


def setup_response(arrival_rate: float, service: float, setup: float) -> float:
    """The mean time in M/M/1 whose server goes off when idle, and is set up again for an exponential time (s).

    The response of M/M/1 and the mean setup: W = 1 / (mu - lambda) + 1 / alpha (Welch 1964; Gandhi, Harchol-Balter and
    Adan 2010), because the setup that is left when a customer finds one under way is exponential again.
    """
    return 1.0 / (1.0 / service - arrival_rate) + setup


class SetupShares(NamedTuple):
    """The shares of time for which a server is off, is being set up, and is busy."""

    off: float
    setup: float
    busy: float


def setup_shares(arrival_rate: float, service: float, setup: float) -> SetupShares:
    """The same server's shares of time: off and setup divide the time that is not busy as 1 / lambda to 1 / alpha."""
    load = arrival_rate * service
    off = 1.0 / (arrival_rate * setup + 1.0)
    return SetupShares((1.0 - load) * off, (1.0 - load) * (1.0 - off), load)
