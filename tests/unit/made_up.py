"""Comparisons, studies and plans with made-up but plausible figures, as their JSON files hold them."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LATENCY, ENERGY, ATTAINMENT = "services.chat.ttft_s.p99", "fleet.energy_kwh", "services.chat.slo.attainment"
VERSIONS = {"fleetsim": "0.1.0", "python": "3.11.9", "numpy": "2.1.0"}
SCENARIO = {"name": "chat-and-finetune", "file": "chat.yaml", "sha256": "9c1f" * 16}
REPLICAS, RATE, SHARING = (
    "services.chat.replicas",
    "services.chat.requests.arrivals.rate",
    "policies.sharing",
)


def interval(mean: float | None, half: float | None, *, flagged: bool = False, n: int = 10) -> dict[str, Any]:
    ends = {"low": None, "high": None} if mean is None or half is None else {"low": mean - half, "high": mean + half}
    return {"mean": mean, **ends, "level": 0.95, "method": "t", "n": n, "flagged": flagged}


def comparison(systems: int = 2, *, name: str = "round-robin", blank: bool = False) -> dict[str, Any]:
    """A baseline and so many other systems; `blank`: no value, difference or interval is known."""
    labels = [name if index == 1 else f"system {index}" for index in range(1, systems + 1)]
    rows = []
    for metric, base in (
        (LATENCY, 0.311),
        (ENERGY, 877.0),
        ("pools.h100.utilization.busy", 0.71),
        ("services.chat.requests.rejected", 0.0),
    ):
        for index, label in enumerate(labels):
            by = base * (0.11 - 0.05 * index) if base else 3.0 * index
            half = abs(base) * 0.04 or 1.5
            row = {"system": label, "metric": metric, "baseline": base, "value": base + by, "difference": by}
            row |= {"low": by - half, "high": by + half, "level": 0.95, "method": "paired t", "n": 10, "flagged": False}
            if blank:
                row |= dict.fromkeys(("baseline", "value", "difference", "low", "high")) | {"flagged": True}
            rows.append(row)
    if not blank:
        rows[-1] |= {"low": None, "high": None, "flagged": True}
    about = {"replications": 10, "seed": 7, "scenario_sha256": "9c1f" * 16, "name": "chat-and-finetune"}
    return {
        "schema_version": 1,
        "baseline": "least outstanding",
        "systems": [
            {"label": label, "folder": f"out/{index}", **about}
            for index, label in enumerate(["least outstanding", *labels])
        ],
        "shared_draws": True,
        "level": 0.95,
        "simultaneous": len(rows),
        "rows": rows,
        "best": None if blank else {"metric": LATENCY, "system": labels[-1], "probability": 0.95, "decided": True},
        "notes": [],
        "versions": VERSIONS,
    }


def study(
    vary: dict[str, list[str]] | None = None, *, design: str = "grid", name: str = "sharing-under-load"
) -> dict[str, Any]:
    """A study over all combinations of what is varied (or, `paired`, the values side by side); one point failed."""
    vary = vary or {RATE: ["8/s", "12/s", "16/s", "20/s"], SHARING: ["static", "inference_first", "loaning"]}
    rows = itertools.product(*vary.values()) if design == "grid" else zip(*vary.values(), strict=True)
    metrics, points, estimates = [LATENCY, ATTAINMENT, ENERGY], [], []
    rng = np.random.default_rng(3)
    for number, labels in enumerate(rows):
        values = dict(zip(vary, labels, strict=True))
        label = ", ".join(f"{path.rpartition('.')[2]} {value}" for path, value in values.items())
        failed = number == 1
        point = {"point": number, "values": values, "label": label, "replications": 0 if failed else 10}
        points.append(
            point | {"status": "failed" if failed else "done", "error": "no room for 9 replicas" if failed else None}
        )
        if failed:
            continue
        load = sum((list(vary[path]).index(value) + 1) / len(vary[path]) for path, value in values.items()) / len(vary)
        middle = {LATENCY: 0.1 + load**4, ATTAINMENT: 1 - 0.03 * load**3, ENERGY: 600 + 300 * load}
        for metric in metrics:
            half = 0.04 * middle[metric] * rng.uniform(0.4, 1.4) * (0.1 if metric == ATTAINMENT else 1)
            found = interval(middle[metric], half)
            if number == 2 and metric == LATENCY:
                found |= {"low": None, "high": None, "flagged": True}
            estimates.append({"point": number, "metric": metric, **found})
    return {
        "schema_version": 1,
        "study": name,
        "description": "Who should give way when the chatbot is busy?",
        "scenario": SCENARIO,
        "seed": 7,
        "design": design,
        "vary": [{"path": path, "values": list(values)} for path, values in vary.items()],
        "replications": 10,
        "stopping": None,
        "metrics": metrics,
        "points": points,
        "estimates": estimates,
        "differences": [],
        "baseline": None,
        "versions": VERSIONS,
        "wall_s": 83.2,
    }


NODES = "pools.h100.nodes"
PROMISES = [
    {"text": f"{ATTAINMENT} >= 0.99", "metric": ATTAINMENT, "operator": ">=", "limit": 0.99, "kind": "mean"},
    {"text": f"{LATENCY} <= 2 s", "metric": LATENCY, "operator": "<=", "limit": 2.0, "kind": "share"},
    {
        "text": "training.finetune.jct_s.p90 <= 8 h",
        "metric": "training.finetune.jct_s.p90",
        "operator": "<=",
        "limit": 28800.0,
        "kind": "share",
    },
]


def _tried(nodes: int) -> dict[str, Any]:
    late = 2.0 * (11.6 / nodes) ** 6
    estimates = {
        ATTAINMENT: max(0.0, 1 - 0.009 * (11.2 / nodes) ** 5),
        LATENCY: late,
        "training.finetune.jct_s.p90": 28800 * 9 / nodes,
    }
    constraints = []
    for promise in PROMISES:
        value = estimates[str(promise["metric"])]
        kept = value >= promise["limit"] if promise["operator"] == ">=" else value <= promise["limit"]
        near = 0.0002 if promise["metric"] == ATTAINMENT else value * 0.05
        over = {"estimate": min(1.0, 0.01 * value / promise["limit"]), "low": 0.004, "high": 0.012, "allowed": 0.01}
        constraints.append(
            {
                "text": promise["text"],
                "metric": promise["metric"],
                "limit": promise["limit"],
                "estimate": value,
                "low": value - near,
                "high": value + near,
                "share_over": over if promise["kind"] == "share" else None,
                "verdict": "met" if kept else "not_met",
            }
        )
    met = all(each["verdict"] == "met" for each in constraints)
    return {
        "decided": {NODES: nodes},
        "verdict": "met" if met else "not_met",
        "replications": 32 if abs(nodes - 12) <= 1 else 16,
        "constraints": constraints,
        "objective": interval(18.0 * nodes, 0.02 * nodes),
    }


def _step(nodes: int) -> dict[str, Any]:
    tried = _tried(nodes)
    binding = tried["constraints"][1]
    return {
        "decided": tried["decided"],
        "verdict": tried["verdict"],
        "constraint": binding["text"],
        **{end: binding[end] for end in ("estimate", "low", "high")},
    }


def plan(
    *,
    status: str = "met",
    name: str = "chat-capacity-2027",
    tried: tuple[int, ...] = (2, 8, 10, 11, 12, 13, 16, 33, 64),
) -> dict[str, Any]:
    """A plan that decides the nodes of a pool: 12 are enough, or (`infeasible`) 64 were not, or it is `too_close`."""
    evaluated = [_tried(nodes) for nodes in tried]
    answer = _tried(12)
    binding = {"constraint": PROMISES[1]["text"], "margin": 1 - answer["constraints"][1]["estimate"] / 2.0}
    recommended: dict[str, Any] = {
        "period": None,
        "alternative": None,
        "decided": {NODES: 12},
        "status": status,
        "attainment": [
            {
                "constraint": each["text"],
                "replications": 32,
                **{key: each[key] for key in ("estimate", "low", "high", "limit", "share_over")},
            }
            for each in answer["constraints"]
        ],
        "cost_usd_per_year": 1_893_000.0,
        "objective": {"metric": "fleet.cost_usd_per_h", "mean": 216.0, "low": 215.8, "high": 216.2},
        "binding": binding,
        "one_less": _step(11),
        "one_more": _step(13),
    }
    if status == "infeasible":
        evaluated = [each for each in evaluated if each["decided"][NODES] < 12]
        recommended |= {
            "decided": {},
            "attainment": [],
            "cost_usd_per_year": None,
            "objective": None,
            "one_less": None,
            "one_more": None,
        }
        recommended["binding"] = {"constraint": PROMISES[1]["text"], "margin": -0.35}
    return {
        "schema_version": 1,
        "plan": name,
        "scenario": SCENARIO,
        "seed": 7,
        "confidence": 0.95,
        "decision_variables": {NODES: {"min": 2, "max": 64, "step": 1}},
        "constraints": PROMISES,
        "minimise": "fleet.cost_usd_per_h",
        "recommended": [recommended],
        "baseline": None,
        "runs_out_on": None,
        "order_by": None,
        "evaluated": evaluated,
        "rule": "Bisection between the bounds; a candidate is met or not met when the interval of the share of "
        "requests over the limit lies on one side of what is allowed, looked at after 16, 32 and 64 replications, "
        "the error spent over the looks.",
        "versions": VERSIONS,
        "wall_s": 212.0,
    }


THIN = "services.chat.ttft_s.p999"
REPLICATIONS = 4


def replicated(folder: Path, *, warm_up: bool = True, blank: bool = False) -> Path:
    """Make the folder of a single run one of four replications; `blank`: without a single interval."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    summary["intervals"] = {} if blank else dict(_intervals(summary))
    summary["run"] |= {
        "replications": REPLICATIONS,
        "seeds": [7, 11, 12, 13],
        "stopping": {"until": {LATENCY: 0.05}, "least": 5, "most": 50, "reached": True},
        "warmup_by_metric": {
            "services.chat.queue_length": {"seconds": 3000.0, "reliable": True},
            "pools.h100.busy": {"seconds": 43200.0, "reliable": False},
        }
        if warm_up
        else None,
    }
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    telemetry = pd.read_parquet(folder / "telemetry.parquet")
    spread = telemetry["value"].abs() * 0.05
    means = telemetry.rename(columns={"value": "mean"}).assign(sem=spread)
    means[["kind", "name", "metric", "time_s", "mean", "sem"]].to_parquet(folder / "ensemble.parquet")
    rng, latency = np.random.default_rng(2), pd.read_parquet(folder / "latency.parquet")
    shares = rng.multinomial(latency["count"], np.full(REPLICATIONS, 1 / REPLICATIONS))
    looks = [latency.assign(count=shares[:, look], replication=look + 1) for look in range(REPLICATIONS)]
    pd.concat(looks, ignore_index=True).to_parquet(folder / "replication_latency.parquet")
    return folder


def _intervals(tree: Any, path: str = "") -> Any:
    """A path and an interval for each figure of the sections of a summary; one is thin."""
    for key, value in tree.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict) and key not in ("run", "intervals"):
            yield from _intervals(value, here)
        elif path and (value is None or isinstance(value, int | float)):
            half = None if value is None or here == THIN else abs(value) * 0.02
            yield here, interval(value, half, flagged=half is None, n=REPLICATIONS)


def spells(jobs: pd.DataFrame, horizon: float) -> pd.DataFrame:
    """A row for each node of eight that a job held; every tenth job was preempted half way, and ran on at once."""
    rows = []
    for index, job in enumerate(jobs[jobs["start_s"].notna()].itertuples()):
        middle = (job.start_s + np.nan_to_num(job.end_s, nan=horizon)) / 2
        halves = [(job.start_s, middle, "preempted"), (middle, job.end_s, job.status)]
        for start, end, outcome in halves if index % 10 == 0 else [(job.start_s, job.end_s, job.status)]:
            for node in range(-(-job.accelerators // 8)):
                held = min(job.accelerators - 8 * node, 8)
                about = (job.job_id, "finetune", job.tenant, "h100", (index + node) % 8, held)
                rows.append((*about, start, end, outcome))
    columns = "job_id stream tenant pool node accelerators start_s end_s outcome"
    return pd.DataFrame(rows, columns=columns.split())
