"""Watts and joules that hold for any queue, whatever waits for what: the utilization law."""


def mean_power(servers: int, load: float, idle: float, busy: float) -> float:
    """The mean watts of servers that draw `busy` at work and `idle` else, and carry a load in erlangs."""
    return servers * idle + load * (busy - idle)


def joules_per_request(arrival_rate: float, servers: int, load: float, idle: float, busy: float) -> float:
    """Joules of all servers, idle ones too, over the requests served (rate in 1/s)."""
    return mean_power(servers, load, idle, busy) / arrival_rate
