"""In which order jobs start, and which of them give way."""

from sim.policies.protocols import JobView, Sees


class Fifo:
    """First come, first served: a job that does not fit blocks those behind it."""

    blocks = True
    preempts = False
    sees: Sees = "nothing"

    def key(self, job: JobView) -> tuple[float, ...]:
        """Return the time of submission."""
        return (job.submitted,)

    def next_change(self, job: JobView) -> None:
        """Never: the key stays."""


class FifoFirstFit(Fifo):
    """In order of submission every job that fits starts: the whole queue is scanned."""

    blocks = False


class Sjf(Fifo):
    """The shortest job first: one that does not fit blocks the longer ones."""

    def __init__(self, sees: Sees = "durations") -> None:
        self.sees = length_is_seen(sees)

    def key(self, job: JobView) -> tuple[float, ...]:
        """Return the seconds that remain."""
        return (job.remaining or 0.0,)


class Srtf(Sjf):
    """The job with the least time remaining first; running ones give way."""

    blocks = False
    preempts = True


class Srsf(Srtf):
    """The job with the least accelerator-time remaining first; running ones give way (Tiresias)."""

    def key(self, job: JobView) -> tuple[float, ...]:
        """Return the accelerator-seconds that remain."""
        return ((job.remaining or 0.0) * job.gang,)


class Priority(Fifo):
    """The highest priority first, by submission within one; with `preempts`, running jobs of a lower one give way."""

    def __init__(self, *, preempts: bool = False, blocks: bool = True) -> None:
        self.preempts = preempts
        self.blocks = blocks and not preempts

    def key(self, job: JobView) -> tuple[float, ...]:
        """Return the priority, the highest first; among equals those that run, who do not give way to one another."""
        return (-float(job.priority), float(not job.held), job.submitted)


def length_is_seen(sees: Sees) -> Sees:
    """Refuse a policy that is to go by lengths and see none. Raises ValueError."""
    if sees not in ("estimates", "durations"):
        raise ValueError(f"`sees` is estimates or durations, not {sees}")
    return sees
