"""How the figures came about, as STRESS-DES asks a simulation study to report it (Monks et al. 2019)."""

from collections.abc import Iterable

from analysis import figures
from analysis.quantities import half_width, in_words, worded
from analysis.report.elements import Table, said
from analysis.run_folder import Run, level_of, replications, resolved, window
from analysis.wording import SPACE, duration, exact, figure, find, listed, number

INTRODUCTION = (
    "What STRESS-DES asks a simulation study to report (Monks, Currie, Onggo, Robinson, Kunc and Taylor, 2019: "
    "Strengthening the reporting of empirical simulation studies)."
)
_FORMULAS = (
    ("queueing time", "first work on a request − its arrival"),
    ("TTFT", "first token − arrival"),
    ("TPOT", "(E2E − TTFT) / (output tokens − 1), of requests with two tokens or more"),
    ("E2E", "end of the answer − arrival"),
    ("SLO attainment", "requests within all limits / (requests that arrived − those undecided at the end)"),
    ("goodput", "requests within all limits / counted time"),
    ("JCT, slowdown", "end of a job − its submission; JCT / duration"),
    ("utilization", "accelerator time held (or busy) / (installed accelerators × counted time)"),
    ("energy", "sum over states of power × time, accelerators and hosts; × PUE for the facility"),
    ("cost", "sum of accelerator hours × price + facility energy × price of electricity"),
    ("carbon", "facility energy × carbon intensity + embodied carbon × counted time / four years"),
)
_LOGIC = (
    "Two planes share one clock. Decisions (a job arrives or ends) are events of a control plane; requests run in a "
    "compiled plane, which is advanced to each decision and stops where it needs one. An iteration of a batch takes "
    "the larger of its memory and compute times and a constant; iterations without a change in the batch are taken in "
    "one step that ends where they would one by one."
)
_INSTANT = (
    "Iteration ends and completions, then timeouts, changes of replicas, arrivals, and dispatch. Of jobs: ends, then "
    "arrivals, then one scheduling pass. Ties break by time, order of submission, and name."
)
_METHODS = {
    "t": "Student's t for means",
    "ratio": "ratios of sums for figures per request or job (Cochran 1977)",
    "quantile": "Woodruff's interval of the pooled quantile (1952)",
}


def tables(run: Run) -> Iterable[Table]:
    """Return what was simulated and how, the formulas of the outputs, the stopping rule, and the warm-up by metric."""
    rows = [
        ["purpose", _purpose(run)],
        ["model", _LOGIC],
        ["order of one instant", _INSTANT],
        ["policies in effect", _policies(run)],
        ["initial state", "Empty: no requests and no jobs; the replicas are ready."],
        ["warm-up", _warm_up(run)],
        ["run length", _length(run)],
        ["replications", _replications(run)],
        ["random numbers", _random(run)],
        ["intervals", _intervals(run)],
        ["software", said(find(run.summary, "run", "versions"))],
        ["data", "Every figure of the catalog in effect, with its source, is listed under Fleet and assumptions."],
    ]
    yield Table("How it was simulated", ("", ""), rows, 2, prose=True)
    yield Table("Outputs", ("figure", "formula"), [list(row) for row in _FORMULAS], 2, prose=True)
    yield _stopping(run)
    yield _settling(run)


def _purpose(run: Run) -> str:
    about = resolved(run).get("description")
    purpose = (
        "How long requests and jobs wait, how busy the accelerators are, and the energy, money and carbon they take"
    )
    return f"{purpose}. {about}" if about else f"{purpose}."


def _policies(run: Run) -> str:
    tree = resolved(run)
    fleet = [f"{name}: {said(policy)}" for name, policy in (tree.get("policies") or {}).items()]
    services = [
        f"{name}: routing {said(find(service, 'routing'))}, batching {said(find(service, 'batching'))}"
        for name, service in (tree.get("services") or {}).items()
    ]
    return "; ".join([*fleet, *services]) or said(None)


def _warm_up(run: Run) -> str:
    seconds, _ = window(run)
    if find(run.summary, "run", "warmup_by_metric"):
        return (
            f"The first {duration(seconds)} are not counted: the longest that MSER-5 (White 1997) asks for, metric by "
            "metric, on the average of pilot runs."
        )
    return (
        f"The first {duration(seconds)} are not counted, as the scenario says." if seconds else "None: all is counted."
    )


def _length(run: Run) -> str:
    warmup, horizon = window(run)
    drained = find(resolved(run), "drain") in (True, "true")
    after = "what arrived before is run to its end" if drained else "what is in flight then is reported as such"
    return f"{duration(horizon)}, of which {duration(horizon - warmup)} are counted; {after}."


def _replications(run: Run) -> str:
    many, stopping = replications(run), find(run.summary, "run", "stopping")
    if many == 1:
        return "One run."
    if not stopping:
        return f"{many}, a number chosen beforehand."
    targets = [
        f"{in_words(path)} within ±{exact(float(target) * 100, 4)}{SPACE}%"
        for path, target in (stopping.get("until") or {}).items()
    ]
    ending = "this was reached" if stopping.get("reached") else "this was not reached"
    return (
        f"{many}. They were added until the interval put {listed(targets)} of its estimate and kept it so for at least "
        f"five more (Hoad, Robinson and Davies 2010), no fewer than {number(stopping.get('least'))} and at most "
        f"{number(stopping.get('most'))}: {ending}."
    )


def _random(run: Run) -> str:
    seeds = "; the first replication has the seed of the scenario, the others seeds spawned from it"
    return (
        f"A stream of its own for each purpose (gaps, lengths, work, routing, ...), spawned from the seed "
        f"{said(find(run.summary, 'run', 'seed'))} by its name{seeds if replications(run) > 1 else ''}. Runs with the "
        "same seed meet the same draws (common random numbers), whatever the policies."
    )


def _intervals(run: Run) -> str:
    level = level_of(run.summary)
    if level is None:
        return "None: one run, one sample." if replications(run) == 1 else "None."
    names = sorted({str(each.get("method")) for each in (run.summary.get("intervals") or {}).values()})
    methods = listed([_METHODS.get(name, name) for name in names])
    return f"{exact(level * 100, 6)}{SPACE}% for each figure by itself: {methods}."


def _stopping(run: Run) -> Table:
    """What precision was asked of which figure, and what was reached."""
    stopping = find(run.summary, "run", "stopping") or {}
    rows = []
    for path, target in (stopping.get("until") or {}).items():
        found = (run.summary.get("intervals") or {}).get(path)
        mean, half = figure(find(found, "mean")), half_width(found)
        reached = number(half / abs(mean) * 100, 2) if mean and half is not None else None
        asked = f"±{exact(float(target) * 100, 4)}{SPACE}%"
        rows.append([path, worded(path, mean), asked, said(None) if reached is None else f"±{reached}{SPACE}%"])
    return Table("Precision asked for", ("figure", "estimate", "asked for", "reached"), rows)


def _settling(run: Run) -> Table:
    """How long each watched metric takes to settle, and whether that can be relied on."""
    table = figures.transients(run)
    rows = [
        [
            row["metric"],
            duration(row["seconds"]),
            "reliable" if row["reliable"] else "not reliable: not settled by half of the run",
            row["found_in"],
        ]
        for row in table.to_dict("records")
    ]
    return Table("Warm-up by metric (MSER-5)", ("metric", "asks for", "verdict", "found in"), rows, 4)
