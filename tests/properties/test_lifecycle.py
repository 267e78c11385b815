"""Replicas that come and go while requests are in flight: the compiled plane equals the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.comparison import (
    assert_equal,
    assert_little,
    assert_same_classes,
    assert_same_figures,
    assert_same_gaps,
    new_plane,
    run_oracle,
    run_plane,
)
from oracles.fleets import (
    SETTINGS,
    changing,
    crowded_service,
    fleets,
    generative_service,
    prefix_service,
    shared_service,
    single_pass_service,
    with_classes,
    with_clients,
)

from sim.serving import layout

KINDS = [changing(each) for each in (generative_service, crowded_service, prefix_service, single_pass_service)]
OF_CLASSES = [changing(with_classes(each)) for each in (generative_service, crowded_service, single_pass_service)]
LAST = 20.0
"""Seconds after which all replicas are ready, so that every request comes to an end."""


def draw_changes(data, fleet):
    """What happens to which replica, anywhere and at the instants of arrivals and ends; in the end all are ready."""
    start, plans, lists = fleet
    all_the_time = [plan | {"ready": None} for plan in plans]
    finished, _ = run_oracle(all_the_time, lists, start)
    instants = sorted({time for r in finished for time in (r.arrival, r.start, r.end) if start <= time < start + LAST})
    anywhere = st.floats(0.0, 12.0).map(lambda offset: start + offset)
    when = st.one_of(anywhere, st.sampled_from(instants)) if instants else anywhere
    replicas = [(service, number) for service, plan in enumerate(plans) for number in range(plan["replicas"])]
    what = st.sampled_from([layout.READY, layout.READY, layout.DRAINING, layout.ABSENT])
    changes = data.draw(st.lists(st.tuples(when, st.sampled_from(replicas), what), max_size=24))
    changes += [(start + LAST, replica, layout.READY) for replica in replicas]
    return sorted(changes, key=lambda change: change[0])


def change_plane(plane, service, number, life):
    before = plane.life(service, number)
    if life == layout.READY and before != layout.READY:
        plane.make_ready(service, number)
    elif life == layout.DRAINING and before == layout.READY:
        plane.drain(service, number)
    elif life == layout.ABSENT and before != layout.ABSENT:
        plane.die(service, number)


def change_oracle(oracle, service, number, life):
    before = oracle.replica_of(service, number).life
    if life == layout.READY and before != layout.READY:
        oracle.make_ready(service, number)
    elif life == layout.DRAINING and before == layout.READY:
        oracle.drain(service, number)
    elif life == layout.ABSENT and before != layout.ABSENT:
        oracle.die(service, number)


def run_both(fleet, changes, further=(), **sizes):
    """The finished requests and the plane, those that are expected and the oracle."""
    start, plans, lists = fleet
    left = list(changes)

    def act(plane):
        while left and left[0][0] <= plane.now:
            _, (service, number), life = left.pop(0)
            change_plane(plane, f"s{service}", number, life)

    def acts(replica, life):
        return lambda oracle: change_oracle(oracle, *replica, life)

    stops = [time for time, *_ in changes] + list(further)
    finished, plane = run_plane(plans, lists, start, stops, act, **sizes)
    expected, oracle = run_oracle(plans, lists, start, changes=[(time, acts(*change)) for time, *change in changes])
    return finished, plane, expected, oracle


def assert_same(fleet, finished, plane, expected, oracle):
    _, plans, lists = fleet
    assert_equal(finished, expected, [s for s, plan in enumerate(plans) if hasattr(plan["replica"], "iteration")])
    assert_same_gaps(plane, oracle, finished, expected)
    assert_little(plane)
    assert len(finished) == sum(map(len, lists))
    assert plane.in_flight == 0
    for name in ("kv_held", "members", "outstanding", "batch", "work"):
        assert name == "work" or not plane.plane.replicas[name].any()
    for record, replica in zip(plane.plane.replicas, oracle.replicas, strict=True):
        assert record["life"] == replica.life
        busy = sum(record[f"busy_{phase}"] for phase in layout.PHASES)
        assert busy == pytest.approx(replica.busy, rel=1e-6, abs=1e-5)
        joules = sum(record[f"joules_{phase}"] for phase in layout.PHASES)
        assert joules == pytest.approx(replica.joules, rel=1e-6, abs=1e-2)


@given(fleets(KINDS), st.data())
@SETTINGS
def test_replicas_come_and_go(fleet, data):
    assert_same(fleet, *run_both(fleet, draw_changes(data, fleet)))


@given(fleets(OF_CLASSES), st.data())
@SETTINGS
def test_replicas_come_and_go_for_classes(fleet, data):
    finished, plane, expected, oracle = run_both(fleet, draw_changes(data, fleet))
    assert_same(fleet, finished, plane, expected, oracle)
    assert_same_classes(plane, oracle, fleet)


@given(fleets([changing(shared_service), changing(prefix_service)]), st.data())
@SETTINGS
def test_a_replica_that_is_there_anew_has_forgotten_models_and_prompts(fleet, data):
    finished, plane, expected, oracle = run_both(fleet, draw_changes(data, fleet))
    assert_same(fleet, finished, plane, expected, oracle)
    assert plane.plane.services["switches"].sum() == sum(replica.switches for replica in oracle.replicas)
    assert plane.plane.services["skipped_tokens"].sum() == oracle.skipped_tokens
    for record, replica in zip(plane.plane.replicas, oracle.replicas, strict=True):
        assert record["loaded"] == replica.loaded
        if record["prefix"] != layout.NONE:
            assert plane.plane.prefixes["used"][record["prefix"]] == len(replica.kept)


OF_CLIENTS = [changing(with_clients(each)) for each in (generative_service, crowded_service, single_pass_service)]


@given(fleets(OF_CLIENTS), st.data())
@SETTINGS
def test_clients_go_on_when_replicas_come_and_go(fleet, data):
    _, plans, _ = fleet
    finished, plane, expected, oracle = run_both(fleet, draw_changes(data, fleet))
    assert_equal(finished, expected, [s for s, plan in enumerate(plans) if hasattr(plan["replica"], "iteration")])
    assert_little(plane)
    assert plane.in_flight == 0
    assert plane.plane.services["retries"].sum() == oracle.retries
    assert plane.plane.clock["returning"] == plane.plane.clock["impatient"] == 0


@given(fleets([*KINDS, generative_service, OF_CLASSES[0]]), st.data())
@SETTINGS
def test_stops_and_blocks_change_nothing(fleet, data):
    start, plans, _ = fleet
    changes = [change for change in draw_changes(data, fleet) if plans[change[1][0]].get("ready") is not None]
    further = data.draw(st.lists(st.floats(0.0, LAST).map(lambda offset: start + offset), max_size=6))
    sizes = {
        "block_size": data.draw(st.sampled_from([1, 7, 64])),
        "slots": data.draw(st.sampled_from([1, 2, 1024])),
        "row_block": data.draw(st.sampled_from([1, 7])),
        "budget": data.draw(st.sampled_from([1, 2, 1000])),
    }
    both = run_both(fleet, changes, further, **sizes)
    assert_same(fleet, *both)
    straight = run_both(fleet, changes)[1]
    assert_same_figures(both[1], straight)
    for name in ("presence_area", "started", "stopped", "most_present"):
        np.testing.assert_allclose(both[1].plane.services[name], straight.plane.services[name], rtol=1e-12)


class OnePool:
    """Services that start with nothing and share accelerators: who finds no replica ready first is given one first.

    A replica is given back when its lease is over, or, without leases, when it has nothing to do.
    """

    def __init__(self, engine, replicas, free, start_up, lease):
        self.engine, self.free, self.start_up, self.lease = engine, free, start_up, lease
        self.absent = [list(range(number)) for number in replicas]
        self.wanting = []
        for service in range(len(replicas)):
            engine.ask_where_none_is_ready(service)

    def on_none(self, service, now):
        self.wanting.append(service)
        self.give(now)

    def give(self, now):
        while self.free and self.wanting:
            service = self.wanting.pop(0)
            number, self.free = self.absent[service].pop(0), self.free - 1
            self.engine.at(now + self.start_up, lambda _, s=service, n=number: self.begin(s, n))

    def begin(self, service, number):
        nobody_waits = not self.engine.waiting(service)
        self.engine.make_ready(service, number)
        if self.lease:
            self.engine.at(self.engine.now + self.lease, lambda _: self.end(service, number))
        elif nobody_waits:
            self.end(service, number)
        else:
            self.engine.ask_where_one_is_idle(service)

    def on_idle(self, service, now):
        if self.engine.waiting(service):
            self.engine.ask_where_one_is_idle(service)
            return
        for number in self.engine.ready(service):
            self.end(service, number)

    def end(self, service, number):
        self.engine.drain(service, number)
        if self.engine.life(service, number) == layout.ABSENT:
            self.on_drained(service, number, self.engine.now)

    def on_drained(self, service, number, now):
        self.absent[service].append(number)
        self.free += 1
        if self.engine.waiting(service):
            self.wanting.append(service)
        else:
            self.engine.ask_where_none_is_ready(service)
        self.give(now)


class PlaneEngine:
    """The compiled plane, with a list of what is to be done when."""

    def __init__(self, plane):
        self.plane, self.todo = plane, []

    @property
    def now(self):
        return self.plane.now

    def at(self, time, action):
        self.todo.append((time, action))
        self.todo.sort(key=lambda each: each[0])

    def run(self, until):
        while self.plane.now < until or (self.todo and self.todo[0][0] <= self.plane.now):
            if self.todo and self.todo[0][0] <= self.now:
                self.todo.pop(0)[1](self)
            else:
                self.plane.advance(min(until, self.todo[0][0] if self.todo else until))

    def waiting(self, service):
        return self.plane.plane.services[service]["waiting"] > 0

    def ready(self, service):
        numbers = range(self.plane.services[service].replicas)
        return [number for number in numbers if self.life(service, number) == layout.READY]

    def __getattr__(self, name):
        return lambda service, *rest: getattr(self.plane, name)(f"s{service}", *rest)


class OracleEngine:
    """The oracle, with the same words."""

    def __init__(self, oracle):
        self.oracle = oracle

    @property
    def now(self):
        return self.oracle.now

    def waiting(self, service):
        return bool(self.oracle.services[service].waiting())

    def ready(self, service):
        return [number for number, r in enumerate(self.oracle.services[service].replicas) if r.life == layout.READY]

    def life(self, service, number):
        return self.oracle.replica_of(service, number).life

    def ask_where_none_is_ready(self, service):
        self.oracle.services[service].asks_when_none = True

    def ask_where_one_is_idle(self, service):
        self.oracle.services[service].asks_when_idle = True

    def __getattr__(self, name):
        return getattr(self.oracle, name)


def from_nothing(service):
    """The same service with no replica ready at first."""
    return lambda start: service(start).map(lambda drawn: (drawn[0] | {"ready": 0}, drawn[1]))


GRIDDED = st.sampled_from([0.0, 0.25, 1.0, 2.0**-20])


@given(
    fleets([from_nothing(generative_service), from_nothing(single_pass_service)], least=2),
    st.integers(1, 2),
    GRIDDED,
    st.sampled_from([None, 0.5, 2.0]),
)
@SETTINGS
def test_services_scale_from_nothing_in_one_pool(fleet, free, start_up, lease):
    start, plans, lists = fleet
    replicas = [plan["replicas"] for plan in plans]
    rows = []
    plane = new_plane(plans, lists, start, rows)
    engine = PlaneEngine(plane)
    controller = OnePool(engine, replicas, free, start_up, lease)
    plane.on_none_ready = lambda name, now: controller.on_none(int(name[1:]), now)
    plane.on_idle = lambda name, now: controller.on_idle(int(name[1:]), now)
    plane.on_drained = lambda name, number, now: controller.on_drained(int(name[1:]), number, now)
    engine.run(start + 1000.0)
    plane.settle()
    plane.flush_rows()

    def set_up(oracle):
        oracle.controller = OnePool(OracleEngine(oracle), replicas, free, start_up, lease)

    expected, oracle = run_oracle(plans, lists, start, changes=[(start, set_up)])
    finished = np.concatenate(rows) if rows else np.zeros(0, layout.ROW)
    assert_same(fleet, finished, plane, expected, oracle)
    assert plane.plane.services["started"].sum() > 0 or not any(r.status == "completed" for r in expected)
