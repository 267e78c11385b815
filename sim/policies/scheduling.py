"""In which order waiting jobs start."""

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
