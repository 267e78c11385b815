"""How long accelerators were free, and how much of that was of use to a gang that takes a whole node."""

from dataclasses import dataclass


@dataclass(slots=True)
class FreeTime:
    """Accelerator-seconds up to `since` (s) that were free, and those of them that were on nodes all of which was free.

    The rest is fragmented: free, and of no use to a gang of a whole node. This is the fragmentation of Weng et al.
    (Beware of Fragmentation, USENIX ATC 2023) for a workload of such gangs.
    """

    free: float = 0.0
    whole: float = 0.0
    since: float = 0.0

    def pass_until(self, now: float, free: int, whole: int) -> None:
        """Count so many accelerators as free, and on free nodes, up to `now` (s)."""
        elapsed = now - self.since
        self.free += elapsed * free
        self.whole += elapsed * whole
        self.since = now
