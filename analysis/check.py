"""What `fleetsim check` says of a scenario: what a run would hold, what is doubtful, which defaults are in effect."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.arriving import Arriving
from analysis.cautions import cautions
from analysis.expectation import ServiceExpectation, Tokens, service_expectation
from analysis.expected_failures import ExpectedFailures, expected_failures
from analysis.job_expectation import Gangs, TrainingExpectation, training_expectation
from analysis.wording import duration, number, power, share
from sim import units
from sim.hardware import GenerativeReplica, SinglePassReplica
from sim.hardware.power import power_limit
from sim.preparation import Prepared, prepare
from sim.scenario import Scenario, load
from sim.scenario.switching import Switching

if TYPE_CHECKING:
    from analysis.capacity.planning import Question
    from analysis.studies.preparing import ReadyStudy

GB = 1e9
NAME_WIDTH = 12


def describe_file(file: Path) -> list[str]:
    """What the scenario, study or plan in a file would run. Raises ScenarioError."""
    from analysis.documents import kind_of, open_document

    document = open_document(file)
    kind = kind_of(document)
    if kind == "scenario":
        return describe(load(file))
    if kind == "study":
        from analysis.studies.preparing import ready as ready_study

        study = ready_study(document)
        return [*_study(study), "", *describe(study.scenario)]
    from analysis.capacity.planning import ready as ready_plan

    question = ready_plan(document)
    return [*_plan(question), "", *describe(question.scenario)]


def describe(scenario: Scenario) -> list[str]:
    """Lines for people. Raises ScenarioError for what only shows when a run is prepared."""
    prepared = prepare(scenario)
    services = {name: service_expectation(prepared, name) for name in scenario.services}
    training = {name: training_expectation(prepared, name) for name in scenario.training}
    failing = {name: expected_failures(prepared, name) for name, pool in scenario.pools.items() if pool.failures}
    return [
        _clock(scenario),
        *_section("pools", (line for name in scenario.pools for line in _pool(prepared, name, failing))),
        *_section("services", (line for name, each in services.items() for line in _service(prepared, name, each))),
        *_section("training", (line for name, each in training.items() for line in _stream(prepared, name, each))),
        *_section("to note", (f"  {caution}" for caution in cautions(prepared, services, training, failing))),
        *_section("defaults in effect", _defaults(scenario)),
    ]


def _study(study: "ReadyStudy") -> Iterator[str]:
    number_of = "up to " * (study.study.replications != study.most) + number(study.most)
    yield f"{study.study.study}: {number(len(study.points))} points, {number_of} replications of each"
    for path in study.study.vary:
        labels = dict.fromkeys(str(point.labels[path]) for point in study.points)
        yield _item(path, ", ".join(labels))


def _plan(question: "Question") -> Iterator[str]:
    looks = question.rule.looks
    yield (
        f"{question.file.plan}: the smallest of {number(len(question.bounds.values))} values of {question.path}, "
        f"{looks[0]} to {looks[-1]} replications of each that is looked at"
    )
    for constraint in question.constraints:
        yield _item("promise", constraint.text)
    yield _item("minimise", question.file.minimise)


def _section(title: str, lines: Iterable[str]) -> list[str]:
    found = list(lines)
    return ["", title, *found] if found else []


def _item(name: str, text: str) -> str:
    return f"  {name:{NAME_WIDTH}} {text}"


def _detail(name: str, text: str) -> str:
    return f"    {name:{NAME_WIDTH - 2}} {text}"


def _clock(scenario: Scenario) -> str:
    horizon = "until every job has ended" if isinstance(scenario.horizon, str) else duration(scenario.horizon)
    if isinstance(scenario.warmup, str):
        counted = "counted after a warm-up that a pilot run finds"
    else:
        counted = f"counted after {duration(scenario.warmup)}" if scenario.warmup else "no warm-up"
    return f"{scenario.name}: {horizon} from {scenario.start:%Y-%m-%d %H:%M}, {counted}, seed {scenario.seed}"


def _failures(found: ExpectedFailures) -> str:
    each = f"one in {duration(1 / found.rate)} on average" if found.rate else ""
    total = "" if found.number is None else f"about {number(found.number)} to the horizon"
    return ", ".join(filter(None, (total, each))) or "as their trace says"


def _pool(prepared: Prepared, name: str, failing: Mapping[str, ExpectedFailures]) -> Iterator[str]:
    pool, state = prepared.scenario.pools[name], prepared.pools[name]
    nodes = f"{pool.nodes} nodes of {pool.accelerators_per_node} {pool.accelerator}"
    yield _item(name, f"{nodes} = {pool.accelerators} accelerators")
    spare = f", {state.total - state.usable_total} on spare nodes" if pool.spare_nodes else ""
    yield _detail("held", f"{state.usable_total - state.free_total} by services, {state.free_total} left{spare}")
    if pool.failures:
        yield _detail("failures", _failures(failing[name]))
    most = power_limit(prepared.scenario.accelerator(pool.accelerator)) * pool.accelerators
    hosts = pool.host_power.busy * pool.nodes
    yield _detail("power", f"at most {power(most)} of accelerators and {power(hosts)} of hosts")


def _service(prepared: Prepared, name: str, found: ServiceExpectation) -> Iterator[str]:
    service = prepared.scenario.services[name]
    placed = prepared.replicas[name]
    tensor = placed[0].replica.accelerators
    parts = [
        f"{each.number} replicas of {each.replica.accelerators} on {each.pool}"
        f"{f' that {each.group}' if each.group else ''}"
        for each in placed
    ]
    precisions = sorted({service.replica_groups[each.group].precision_in(each.pool) for each in placed})
    what = f"{service.model} in {' and '.join(precisions)}" if found.tokens else " and ".join(service.models)
    yield _item(name, f"{what}: {', '.join(parts)}")
    yield _detail("arrivals", _arriving(found.arriving, "requests"))
    batches = f"batches of {found.pace.batch}" if found.pace.batch > 1 else "no batches"
    estimate = " (estimate)" if found.tokens else ""
    yield _detail("load", f"{_load(found)} of what the replicas can do with {batches}{estimate}")
    if service.switching:
        yield _detail("switching", _switching(service.switching, [each.replica for each in placed]))
    if found.tokens:
        yield from _tokens(found.tokens, tensor)
    least = ", ".join(f"{limit} {duration(seconds)}" for limit, seconds in found.pace.least.items())
    if least:
        yield _detail("at least", f"{least} for a median request on an idle replica")


def _switching(switching: Switching, replicas: Iterable[GenerativeReplica | SinglePassReplica]) -> str:
    """How long it takes to load another model, the shortest and the longest, and by which rule it is done."""
    shared = [each for each in replicas if isinstance(each, SinglePassReplica)]
    times = sorted(law.load_time for each in shared for law in (each, *each.others))
    spoken = " to ".join(dict.fromkeys(duration(seconds) for seconds in (times[0], times[-1])))
    limit = "" if switching.max_wait is None else f", others wait {duration(switching.max_wait)} at most"
    return f"{spoken} to load another model, by {switching.rule}{limit} (not in the load)"


def _load(found: ServiceExpectation) -> str:
    if found.arriving.at_most:
        return f"at most {share(min(found.load, 1.0))}"
    if found.peak_load < found.load * 1.005:
        return share(found.load)
    return f"{share(found.load)} on average, {share(found.peak_load)} at the peak,"


def _tokens(tokens: Tokens, accelerators: int) -> Iterator[str]:
    memory = tokens.memory
    of = f"{number(memory.available / GB)} GB that {accelerators} accelerators make available"
    yield _detail("memory", f"{number(memory.weights / GB)} GB of weights in {of}")
    room = f"{memory.kv_capacity:,} tokens, room for {memory.kv_capacity // max(1, round(tokens.context)):,} requests"
    yield _detail("KV cache", f"{room} of {tokens.context:,.0f} tokens (mean of those that run)")
    yield _detail("lengths", f"{tokens.prompt:,.0f} prompt and {tokens.output:,.0f} output tokens on average")


def _stream(prepared: Prepared, name: str, found: TrainingExpectation) -> Iterator[str]:
    spec = prepared.scenario.training[name]
    source = f"jobs of {spec.trace.path}" if spec.trace else "jobs"
    yield _item(name, f"{source} on {', '.join(spec.pools)}")
    if found.recording is not None:
        yield _detail("trace", found.recording.sentence())
    yield _detail("arrivals", _arriving(found.arriving, "jobs"))
    if found.demand is not None:
        needs = f"{number(float(f'{found.needed:.3g}'))} accelerators on average"
        yield _detail("demand", f"{needs}, {found.room} are left by services")
    elif found.work is not None:
        where = f" of {spec.pools[0]}" if len(spec.pools) > 1 else ""
        yield _detail("demand", f"{number(float(f'{found.work / 3600:.4g}'))} accelerator-hours{where} in all")
    if found.loads:
        yield _detail("load", _loads(found))
    for place, gangs in enumerate(found.gangs if len(found.gangs) > 1 else ()):
        yield _detail("" if place else "gangs", _gangs(gangs))


def _loads(found: TrainingExpectation) -> str:
    """The load on each pool, were all jobs there that can run there, and on all of them together."""
    each = [f"{share(load)} of {pool}" for pool, load in found.loads.items()]
    if len(each) == 1:
        return each[0]
    return f"{' or '.join(each)} if all ran there; {share(found.load)} of all together"


def _gangs(gangs: Gangs) -> str:
    size = f"{gangs.least:,}" if gangs.least == gangs.most else f"{gangs.least:,} to {gangs.most:,}"
    return f"{size}: {share(gangs.jobs)} of jobs, {share(gangs.work)} of work"


def _arriving(arriving: Arriving, what: str) -> str:
    if arriving.at_most:
        return f"at most {units.show(arriving.rate, 'rate')}: clients wait for answers before they send again"
    rate = f"{units.show(arriving.rate, 'rate')} on average" if arriving.rate else "none"
    peak = (
        f", {units.show(arriving.peak_rate, 'rate')} at the peak" if arriving.peak_rate > arriving.rate * 1.005 else ""
    )
    total = "" if arriving.number is None else f", about {arriving.number:,.0f} {what} to the horizon"
    return rate + peak + total


def _defaults(scenario: Scenario) -> Iterator[str]:
    for path, value in scenario.defaults().items():
        if value not in ("", {}):
            yield f"  {path}: {str(value).lower() if isinstance(value, bool) else value}"
