"""Options of policies, as people write them."""

from sim.units import parse


def positive_time(name: str, text: str) -> float:
    """Read an option that is a time, such as "240 s", in seconds. Raises ValueError."""
    seconds = parse(text, "time")
    if not seconds > 0:
        raise ValueError(f"`{name}` {text} must be positive")
    return seconds
