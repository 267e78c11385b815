"""Poisson arrivals and any law of service at one server: M/G/1, alone and in batches.

Services enter by their mean (s) and squared coefficient of variation (scv, variance over squared mean): 0 for a fixed
time (M/D/1), 1/k for Erlang's (M/E_k/1), 1 for the exponential (M/M/1), more for hyperexponential and log-normal laws.
"""


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
