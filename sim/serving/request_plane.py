"""The request plane as the rest of the program sees it: built from services, advanced, read, and fed with arrivals."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fleet.pool import FleetError
from sim.serving import kernel, layout, settling
from sim.serving.lifecycle import change_life
from sim.serving.moments import add_up
from sim.serving.records import empty_plane
from sim.serving.request_blocks import draws_by_class, lay_down, let_think
from sim.serving.service_plan import ServicePlan

FIRST_SLOTS = 1024
LIVES = {layout.READY: "ready", layout.DRAINING: "draining", layout.ABSENT: "absent"}


class RequestPlane:
    """All services of a run on one compiled plane.

    `on_rows` receives finished requests as records of `layout.ROW` where given; `on_budget` is called every million
    events or so with the instant reached; `on_decision` with a service and the instant at which it asks for a decision,
    `on_none_ready` and `on_idle` likewise when a request has found no replica ready, or a ready one has nothing left to
    do, and `on_drained` with a service, the number of a replica that had nothing left, and the instant. `on_steps`
    receives the steps of replicas that lie at least partly in `steps_within` (seconds), as records of `layout.STEP`,
    those of one replica in order.
    """

    def __init__(
        self,
        services: Sequence[ServicePlan],
        *,
        window_start: float = 0.0,
        start: float = 0.0,
        on_rows: Callable[[NDArray[Any]], None] | None = None,
        on_budget: Callable[[float], None] | None = None,
        on_decision: Callable[[str, float], None] | None = None,
        on_steps: Callable[[NDArray[Any]], None] | None = None,
        steps_within: tuple[float, float] = (0.0, layout.NEVER),
        on_none_ready: Callable[[str, float], None] | None = None,
        on_idle: Callable[[str, float], None] | None = None,
        on_drained: Callable[[str, int, float], None] | None = None,
        row_block: int = 65536,
        step_block: int = 65536,
    ) -> None:
        self.services = tuple(services)
        for plan in self.services:
            if plan.ready is not None and plan.decode:
                raise FleetError(f"the replicas of {plan.name} cannot come and go: they only prefill")
        self.on_rows = on_rows
        self.on_budget = on_budget
        self.on_decision = on_decision
        self.on_steps = on_steps
        self.on_none_ready = on_none_ready
        self.on_idle = on_idle
        self.on_drained = on_drained
        self._draining: list[tuple[str, int]] = []
        self.events = 0
        blocks = (row_block if on_rows else 0, FIRST_SLOTS, step_block if on_steps else 0)
        self._plane = empty_plane(self.services, *blocks)
        self._moments = np.zeros((len(self._plane.classes), *self._plane.sums.shape[1:]))
        clock = self._plane.clock[0]
        clock["steps_from"], clock["steps_until"] = steps_within
        clock["now"], clock["window_start"] = start, window_start
        self._plane.replicas["last_change"] = self._plane.queues["last_change"] = start
        self._plane.services["last_presence"] = start
        _link_free(self._plane, let_think(self._plane, self.services))
        self._first_arrival = list(accumulate((plan.arrivals.block_size for plan in self.services), initial=0))
        for index in range(len(self.services)):
            self._refill(index)
        self._draws = draws_by_class(self._plane, self.services, self._first_arrival[-1])
        for class_index in self._draws:
            self._draw_further(class_index)

    @property
    def now(self) -> float:
        """The instant at which all services stand (seconds)."""
        return float(self._plane.clock[0]["now"])

    @property
    def plane(self) -> layout.Plane:
        """The records themselves, to be read."""
        return self._plane._replace(moments=self._moments)

    def advance(self, until: float) -> None:
        """Bring all services to `until`, or to an earlier instant at which a decision is due."""
        while True:
            reason = kernel.advance(self._plane, until)
            self.events += int(self._plane.clock[0]["events"])
            self._hand_over_steps()
            if reason == layout.ARRIVALS_NEEDED:
                self._refill(int(self._plane.clock[0]["service"]))
            elif reason == layout.DRAWS_NEEDED:
                self._draw_further(int(self._plane.clock[0]["service"]))
            elif reason == layout.OUTPUT_FULL:
                self.flush_rows()
            elif reason == layout.REQUESTS_FULL:
                self._grow()
            elif reason == layout.BATCHES_FULL:
                self._grow_batches()
            elif reason == layout.BAD_RULE:
                self._refuse_rule()
            elif reason == layout.BUDGET:
                if self.on_budget:
                    self.on_budget(self.now)
            else:
                if reason == layout.DECISION:
                    self._tell_why()
                return

    def _tell_why(self) -> None:
        """Tell whoever decides what the plane has stopped for."""
        records = self._plane.services
        for index in np.flatnonzero(records["asks"]).tolist():
            name, asks = self.services[index].name, int(records[index]["asks"])
            records[index]["asks"] = 0
            told = (layout.MANY_WAIT, self.on_decision), (layout.NONE_READY, self.on_none_ready)
            for reason, tell in (*told, (layout.ONE_IDLE, self.on_idle)):
                if asks & reason and tell:
                    tell(name, self.now)
        gone = [each for each in self._draining if self.life(*each) == layout.ABSENT]
        self._draining = [each for each in self._draining if each not in gone]
        for service, number in gone:
            if self.on_drained:
                self.on_drained(service, number, self.now)

    def _refuse_rule(self) -> None:
        clock, plane = self._plane.clock[0], self._plane
        plan = [*self.services, *(plan.decode for plan in self.services if plan.decode)][int(clock["asking"])]
        service, number = plane.services[int(clock["asking"])], int(clock["named"])
        if number == layout.RAISED:
            request = plane.requests.view(np.recarray)[int(clock["asked"])]
            replicas = plane.replicas[service["first_replica"] :][: plan.replicas].copy()
            if request["replica"] != layout.NONE:  # it has gone to another meanwhile, which the rule did not see
                replicas["outstanding"][request["replica"] - service["first_replica"]] -= 1
            said = plan.rule.said(replicas, request, int(service["key"]))
            problem = f"has failed at {self.now:g} s{said}"
        elif 0 <= number < plan.replicas:
            problem = f"names replica {number}, which is not ready, at {self.now:g} s (the first replica is 0)"
        else:
            problem = f"names replica {number} of {plan.replicas} at {self.now:g} s (the first replica is 0)"
        raise FleetError(f"the routing rule `{plan.routing}` {problem}")

    def settle(self) -> None:
        """Book everything under way up to now, so that all totals are exact at this instant."""
        settling.settle(self._plane, self.now)
        add_up(self._plane, self._moments)
        services, classes = self._plane.services, self._plane.classes
        for name in layout.COUNTED if classes is not services else ():
            services[name] = 0
            np.add.at(services[name], classes["service"], classes[name])

    def end_window(self) -> None:
        """Count no arrivals from this instant on; what is in flight may still be run to its end."""
        self.settle()
        self._plane.clock[0]["window_end"] = self.now

    def ask_for_decision(self, service: str, waiting: int) -> None:
        """Stop once, at the instant when so many requests of a service wait."""
        index = self._index(service)
        kernel.make_eager(self._plane, index)
        record = self._plane.services[index]
        record["alarm"], record["armed"] = waiting, 1

    def ask_where_none_is_ready(self, service: str) -> None:
        """Stop once, at the instant when a request of a service finds no replica ready."""
        self._plane.services[self._index(service)]["asks_when_none"] = 1

    def ask_where_one_is_idle(self, service: str) -> None:
        """Stop once, at the instant when a ready replica of a service has nothing left to do."""
        self._plane.services[self._index(service)]["asks_when_idle"] = 1

    def make_ready(self, service: str, number: int) -> None:
        """Have a replica that was absent, or drains, take requests. Raises FleetError where it is ready."""
        self._change_life(service, number, layout.READY, (layout.ABSENT, layout.DRAINING))
        self._draining = [each for each in self._draining if each != (service, number)]

    def drain(self, service: str, number: int) -> bool:
        """Have a ready replica finish what is bound to it and take no more; whether it is gone at once.

        Else the plane stops when it is. Raises FleetError where it is not ready.
        """
        self._change_life(service, number, layout.DRAINING, (layout.READY,))
        gone = self.life(service, number) == layout.ABSENT
        if not gone:
            self._draining.append((service, number))
        return gone

    def die(self, service: str, number: int) -> None:
        """Let a replica die that is ready or drains. Raises FleetError where it is absent."""
        self._hand_over_steps()
        self._make_room_for_rows(int(self._plane.replicas[self._replica(service, number)]["outstanding"]))
        self._change_life(service, number, layout.ABSENT, (layout.READY, layout.DRAINING))
        self._draining = [each for each in self._draining if each != (service, number)]

    def life(self, service: str, number: int) -> int:
        """Whether a replica is READY, DRAINING or ABSENT."""
        return int(self._plane.replicas[self._replica(service, number)]["life"])

    def _change_life(self, service: str, number: int, life: int, of: Sequence[int]) -> None:
        before = self.life(service, number)
        if self.services[self._index(service)].ready is None:
            raise FleetError(f"the replicas of {service} do not come and go")
        if before not in of:
            raise FleetError(f"replica {number} of {service} is {LIVES[before]} at {self.now:g} s")
        change_life(self._plane, self._replica(service, number), life, self.now)

    def _index(self, service: str) -> int:
        return [plan.name for plan in self.services].index(service)

    def _replica(self, service: str, number: int) -> int:
        index = self._index(service)
        if not 0 <= number < self.services[index].replicas:
            raise FleetError(f"{service} has no replica {number}: there are {self.services[index].replicas}")
        return int(self._plane.services[index]["first_replica"]) + number

    def _make_room_for_rows(self, number: int) -> None:
        """Have room for the rows of so many requests, which one replica may lose at one instant."""
        if self.on_rows:
            self.flush_rows()
            lacking = number - len(self._plane.rows)
            if lacking > 0:
                rows = np.concatenate((self._plane.rows, np.zeros(lacking, layout.ROW)))
                self._plane = self._plane._replace(rows=rows)

    @property
    def in_flight(self) -> int:
        """Requests that have arrived and not left."""
        return int(np.count_nonzero(~np.isin(self._plane.requests["status"], layout.OUT_OF_FLIGHT)))

    @property
    def stands_still(self) -> bool:
        """Whether nothing will ever happen if nothing arrives and nobody acts."""
        due = (self._plane.replicas["due"], self._plane.events["time"])
        return not self._plane.clock[0]["returning"] and all(bool(np.all(times == layout.NEVER)) for times in due)

    @property
    def exhausted(self) -> bool:
        """Whether no service has another arrival."""
        services = self._plane.services
        return bool(np.all((services["exhausted"] == 1) & (services["next_arrival"] >= services["last_arrival"])))

    def flush_rows(self) -> None:
        """Hand over the rows written so far."""
        clock = self._plane.clock[0]
        if self.on_rows and clock["rows"]:
            self.on_rows(self._plane.rows[: clock["rows"]].copy())
        clock["rows"] = 0

    def _hand_over_steps(self) -> None:
        clock = self._plane.clock[0]
        if self.on_steps and clock["steps"]:
            self.on_steps(self._plane.steps[: clock["steps"]].copy())
            clock["steps"] = 0

    def _refill(self, index: int) -> None:
        """Put a service's next block of arrivals into its place."""
        plane, record = self._plane, self._plane.services[index]
        block = self.services[index].arrivals.next_block()
        first = self._first_arrival[index]
        count = lay_down(plane, record, first, block)
        record["next_arrival"], record["last_arrival"] = first, first + count
        record["exhausted"] = int(count == 0)
        due = float(block.arrival[0]) if count else layout.NEVER
        kernel.set_next_arrival(plane, index, due)

    def _draw_further(self, class_index: int) -> None:
        """Put what the next requests bring into its place that the clients of a class send after thinking."""
        plane, record = self._plane, self._plane.classes[class_index]
        source, first = self._draws[class_index]
        count = lay_down(plane, plane.services[record["service"]], first, source.next_block())
        record["next_draw"], record["last_draw"] = first, first + count

    def _grow(self) -> None:
        """Double the request slots."""
        old = self._plane.requests
        requests = np.zeros(2 * len(old), old.dtype)
        requests[: len(old)] = old
        self._plane = self._plane._replace(requests=requests)
        if self._plane.full is not None:
            heaps = (self._plane.returns, self._plane.patiences)
            returns, patiences = (np.concatenate((heap, np.zeros_like(heap))) for heap in heaps)
            self._plane = self._plane._replace(returns=returns, patiences=patiences)
        _link_free(self._plane, len(old))

    def _grow_batches(self) -> None:
        """Double the memory for running batches."""
        old = self._plane.batches
        self._plane = self._plane._replace(batches=np.concatenate((old, np.zeros(len(old), layout.MEMBER))))
        self._plane.clock["batches_limit"] += len(old)


def _link_free(plane: layout.Plane, first: int) -> None:
    """Chain the slots from `first` on into the list of free ones, which is empty."""
    slots = plane.requests["next"]
    slots[first:] = np.arange(first + 1, len(slots) + 1)
    slots[-1] = layout.NONE
    plane.clock["free"] = first
