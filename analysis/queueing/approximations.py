"""Waits for any law of gaps and services, approximately: brackets for a plan, never proof of a simulation."""

from analysis.queueing.many_servers import mmc_wait


def kingman(arrival_rate: float, service: float, gap_scv: float, service_scv: float) -> float:
    """The mean wait in G/G/1 (s), exact in heavy traffic and for M/G/1 (Kingman 1961)."""
    load = arrival_rate * service
    return load / (1.0 - load) * (gap_scv + service_scv) / 2.0 * service


def allen_cunneen(arrival_rate: float, service: float, servers: int, gap_scv: float, service_scv: float) -> float:
    """The mean wait in G/G/c (s): that of M/M/c times the mean of both scv; exact for M/M/c and M/G/1 (Allen 1990)."""
    return mmc_wait(arrival_rate, service, servers) * (gap_scv + service_scv) / 2.0
