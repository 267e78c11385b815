"""Schedulers of training jobs in plain Python, a function each: see `jobs` for what they act on."""

import math
from bisect import bisect_left


def in_order(cluster, key, *, blocks):
    for job in sorted(cluster.waiting, key=lambda job: (key(job), job.number)):
        nodes = cluster.place(job.gang, cluster.free)
        if nodes is not None:
            cluster.begin(job, nodes)
        elif blocks:
            return


def fifo(cluster):
    in_order(cluster, lambda job: job.submit, blocks=True)


def fifo_first_fit(cluster):
    in_order(cluster, lambda job: job.submit, blocks=False)


def sjf(cluster):
    in_order(cluster, cluster.remaining, blocks=True)


def priority(cluster):
    in_order(cluster, lambda job: -job.priority, blocks=True)


def with_running(cluster, order):
    """Give room in an order to jobs that run and wait; whoever runs and finds none is preempted.

    Jobs that run stand where they are until their turn. For one that waits the last of them are thought away, as many
    as it takes; at their own turn they find room where they were, elsewhere, or nowhere.
    """
    free, standing = list(cluster.free), [job for job in order if job.running]
    preempted, starting = [], []

    def change(nodes, sign):
        for node, count in nodes.items():
            free[node] += sign * count

    for job in order:
        old = job.spells[-1][2] if job.running else None
        if job in standing:
            standing.remove(job)
            continue
        if old is not None and all(free[node] >= count for node, count in old.items()):
            change(old, -1)
            continue
        if old is not None:
            preempted.append(job)
        away = []
        while (nodes := cluster.place(job.gang, free)) is None and len(away) < len(standing):
            away.append(standing[-1 - len(away)])
            change(away[-1].spells[-1][2], 1)
        if nodes is None:
            for victim in away:
                change(victim.spells[-1][2], -1)
            continue
        change(nodes, -1)
        del standing[len(standing) - len(away) :]
        starting.append((job, nodes))
    for job in preempted:
        cluster.stop(job, fails=False)
    for job, nodes in starting:
        cluster.begin(job, nodes)


def preemptive(key):
    def schedule(cluster):
        jobs = cluster.running + cluster.waiting
        with_running(cluster, sorted(jobs, key=lambda job: (key(cluster, job), job.number)))

    return schedule


srtf = preemptive(lambda cluster, job: cluster.remaining(job))
srsf = preemptive(lambda cluster, job: cluster.remaining(job) * job.gang)
priority_preemptive = preemptive(lambda _, job: (-job.priority, not job.running))


class Las:
    """Queues by attained service, each a list: a job enters at the end, and after each pass those that run go first."""

    def __init__(self, thresholds, by="time"):
        self.thresholds = thresholds
        self.by_time = by == "time"
        self.queues = [[] for _ in range(len(thresholds) + 1)]

    def _until_jump(self, cluster, job):
        """Seconds until a job that runs reaches the next threshold."""
        scale = 1 if self.by_time else job.gang
        queue = self._queue_of(job)
        if queue == len(self.thresholds):
            return math.inf
        return (self.thresholds[queue] - cluster.attained(job) * scale) / scale

    def _queue_of(self, job):
        return next(number for number, queue in enumerate(self.queues) if job in queue)

    def next_jump(self, cluster):
        """The first instant of the clock, a multiple of 2**-20 s, at which a job has reached a threshold."""
        seconds = min((self._until_jump(cluster, job) for job in cluster.running), default=math.inf)
        return math.ceil((cluster.now + seconds) * 2**20) / 2**20 if seconds < math.inf else math.inf

    def __call__(self, cluster):
        present = sorted(cluster.running + cluster.waiting, key=lambda job: job.number)
        self.queues = [[job for job in queue if job in present] for queue in self.queues]
        self._let_running_go_first()  # but for jobs that have failed they do already
        for job in present:
            if not any(job in queue for queue in self.queues):
                self.queues[0].append(job)
            elif self._until_jump(cluster, job) <= 0:
                queue = self._queue_of(job)
                self.queues[queue].remove(job)
                self.queues[queue + 1].append(job)
        with_running(cluster, [job for queue in self.queues for job in queue])
        self._let_running_go_first()

    def _let_running_go_first(self):
        for queue in self.queues:
            queue.sort(key=lambda job: not job.running)


def easy_backfill(cluster):
    """The first that has no room reserves the earliest; later ones end by then or leave it room.

    What is down is counted on from its repair.
    """
    reserved, left = None, None
    for job in sorted(cluster.waiting, key=lambda job: job.number):
        nodes = cluster.place(job.gang, cluster.free)
        if reserved is None:
            if nodes is None:
                reserved, left = reservation(cluster, job)
                continue
        elif cluster.now + cluster.remaining(job) > reserved:
            nodes = cluster.place(job.gang, [min(pair) for pair in zip(cluster.free, left, strict=True)])
            for node, count in (nodes or {}).items():
                left[node] -= count
        if nodes is not None:
            cluster.begin(job, nodes)


def expected_end(cluster, job):
    """When a job that runs will end; one that is overdue, at once."""
    return max(cluster.now + cluster.remaining(job), cluster.now)


def reservation(cluster, job):
    """The earliest instant at which a job has room, and what it leaves free then; None where there is none ever."""
    ends = {expected_end(cluster, other) for other in cluster.running}
    for instant in sorted(ends | set(cluster.repairs().values())):
        free = list(cluster.free)
        for other in cluster.running:
            if expected_end(cluster, other) <= instant:
                for node, count in other.spells[-1][2].items():
                    free[node] += count
        nodes = cluster.place(job.gang, free, at=instant)
        if nodes is not None:
            return instant, [count - nodes.get(node, 0) for node, count in enumerate(free)]
    return None, None


class Profile:
    """What is free of each node from each of some instants on."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.times, self.frees = [cluster.now], [cluster.usable(cluster.free, cluster.now)]
        for node, repaired in cluster.repairs().items():
            self.change(repaired, math.inf, {node: cluster.per_node}, 1)

    def change(self, start, end, nodes, sign):
        for instant in (start, end):
            place = bisect_left(self.times, instant)
            if instant < math.inf and (place == len(self.times) or self.times[place] != instant):
                self.times.insert(place, instant)
                self.frees.insert(place, list(self.frees[place - 1]))
        for time, free in zip(self.times, self.frees, strict=True):
            for node, count in nodes.items() if start <= time < end else ():
                free[node] += sign * count

    def earliest(self, gang, seconds):
        """The first instant from which a gang has room for so many seconds, and where."""
        for step, start in enumerate(self.times):
            nodes = self._room_from(step, gang, start + seconds)
            if nodes is not None:
                return start, nodes
        return math.inf, {}

    def _room_from(self, step, gang, end):
        least = list(self.frees[step])
        nodes = self.cluster.place(gang, least, at=math.inf)
        for time, free in zip(self.times[step + 1 :], self.frees[step + 1 :], strict=True):
            if nodes is None or time >= end:
                break
            least = [min(pair) for pair in zip(least, free, strict=True)]
            nodes = self.cluster.place(gang, least, at=math.inf)
        return nodes


def conservative_backfill(cluster):
    """Every job reserves in order of submission the earliest room for all of its length; who has it now starts."""
    profile = Profile(cluster)
    for job in cluster.running:
        end = cluster.now + cluster.remaining(job)
        profile.change(end if end > cluster.now else cluster.now + 2.0**-20, math.inf, job.spells[-1][2], 1)
    for job in sorted(cluster.waiting, key=lambda job: job.number):
        seconds = max(cluster.remaining(job), 2.0**-20)
        start, nodes = profile.earliest(job.gang, seconds)
        if start == cluster.now:
            cluster.begin(job, nodes)
        if start < math.inf:
            profile.change(start, start + seconds, nodes, -1)
