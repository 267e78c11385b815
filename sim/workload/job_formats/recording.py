"""What every reader of recorded jobs gives: the jobs, and an account of the rows it read."""

from collections import Counter
from dataclasses import dataclass, field

from sim.workload.submissions import Submission
from sim.workload.trace_files import amount

LATEST = 2.0**33
"""Seconds, some 270 years: up to here sums of control-plane times are exact."""


@dataclass
class Recording:
    """The jobs of a trace, and how many rows were `read`; `dropped` and `changed` count jobs by what was done."""

    read: int = 0
    jobs: list[Submission] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    """Kept, but not as they stand."""

    def sort(self) -> None:
        """Put the jobs in order of submission; those of one instant stay in the order of the file."""
        self.jobs.sort(key=lambda job: job.submit)

    def sentence(self) -> str:
        """Say what was read, dropped and changed, and why."""
        parts = [f"{len(self.jobs):,} of {self.read:,} jobs were taken"]
        for what, counts in (("left out", self.dropped), ("changed", self.changed)):
            if counts:
                parts.append(f"{what}: " + ", ".join(f"{number:,} {why}" for why, number in counts.items()))
        return "; ".join(parts)


def seconds(text: str) -> float:
    """Read a time that the clock reaches."""
    value = amount(text)
    if value > LATEST:
        raise ValueError(f"`{text}` is more than {LATEST:.0f} s: times are in seconds")
    return value


def whole(text: str) -> int:
    """Read a whole number that is not negative."""
    value = amount(text)
    if not value.is_integer():
        raise ValueError(f"`{text}` is not a whole number")
    return int(value)


def gang(text: str) -> int:
    """Read a number of accelerators."""
    value = whole(text)
    if value < 1:
        raise ValueError(f"`{text}` accelerators: a gang has at least one")
    return value
