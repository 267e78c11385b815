"""A folder as `fleetsim run` leaves it, with made-up but plausible figures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from unit import made_up

HOUR = 3600.0
HORIZON, WARMUP, STEP = 24 * HOUR, HOUR, 60.0


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One such folder, complete; not to be written to."""
    return write(tmp_path_factory.mktemp("run"))


@pytest.fixture
def write_run() -> Callable[..., Path]:
    """The function that writes such a folder."""
    return write


def write(
    folder: Path, *, services: bool = True, training: bool = True, nulls: bool = False, chat: str = "chat"
) -> Path:
    """Write a run of one language model, one vision model and one stream of jobs on two pools; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    samples = _samples(rng, chat) if services else {}
    jobs = _jobs(rng) if training else _jobs(rng).iloc[:0]
    summary = _summary(samples, jobs, chat, services=services, training=training)
    if nulls:
        summary = _blank(summary)
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    (folder / "scenario.yaml").write_text(
        yaml.safe_dump(_scenario(chat, services=services, training=training)), encoding="utf-8"
    )
    _latency(samples).to_parquet(folder / "latency.parquet")
    jobs.to_parquet(folder / "jobs.parquet")
    made_up.spells(jobs, HORIZON).to_parquet(folder / "spells.parquet")
    _telemetry(rng, chat, services=services, training=training, nulls=nulls).to_parquet(folder / "telemetry.parquet")
    return folder


def _samples(rng: np.random.Generator, chat: str) -> dict[str, dict[str, np.ndarray]]:
    count = 250_000
    queueing = np.where(rng.random(count) < 0.6, 0.0, rng.exponential(0.35, count))
    first = queueing + rng.lognormal(np.log(0.32), 0.45, count)
    per_token = rng.lognormal(np.log(0.045), 0.25, count)
    photos = rng.gamma(2.0, 0.006, 900_000) + 0.004
    return {
        chat: {
            "queueing_s": queueing,
            "ttft_s": first,
            "tpot_s": per_token,
            "e2e_s": first + per_token * rng.integers(2, 500, count),
        },
        "photos": {"queueing_s": np.maximum(photos - 0.012, 0.0), "e2e_s": photos},
    }


def _latency(samples: dict[str, dict[str, np.ndarray]]) -> pd.DataFrame:
    rows = []
    for service, metrics in samples.items():
        for metric, values in metrics.items():
            bucket = np.floor(np.log(np.maximum(values, 1e-6)) / np.log(1.01)).astype(int)
            found, counts = np.unique(np.where(values > 1e-6, bucket, -10_000), return_counts=True)
            for index, count in zip(found, counts, strict=True):
                low, high = (0.0, 0.0) if index == -10_000 else (1.01**index, 1.01 ** (index + 1))
                rows.append((service, metric, low, high, int(count)))
    return pd.DataFrame(rows, columns=["service", "metric", "low_s", "high_s", "count"])


def _jobs(rng: np.random.Generator) -> pd.DataFrame:
    count = 260
    submit = np.sort(rng.uniform(0, HORIZON, count))
    gang = rng.choice([1, 4, 8, 16], count, p=[0.4, 0.3, 0.2, 0.1])
    wait = np.where(rng.random(count) < 0.5, 0.0, rng.lognormal(np.log(900), 1.0, count) * gang / 4)
    start, duration = submit + wait, rng.lognormal(np.log(2400), 1.2, count)
    end = start + duration
    started, ended = start < HORIZON, end < HORIZON
    status = np.where(ended, "completed", np.where(started, "running", "queued"))
    return pd.DataFrame(
        {
            "job_id": [f"finetune-{index}" for index in range(count)],
            "stream": "finetune",
            "tenant": np.where(gang > 4, "lab", "shop"),
            "pool": "h100",
            "accelerators": gang,
            "submit_s": submit,
            "start_s": np.where(started, start, np.nan),
            "end_s": np.where(ended, end, np.nan),
            "status": status,
            "queueing_s": np.where(started, wait, np.nan),
            "jct_s": np.where(ended, end - submit, np.nan),
            "attained_accelerator_s": np.maximum(0.0, np.minimum(end, HORIZON) - start) * gang,
            "preemptions": 0,
            "failures": 0,
            "resizes": 0,
            "energy_j": np.maximum(0.0, np.minimum(end, HORIZON) - start) * gang * 700,
            "cost_usd": np.nan,
        }
    )


def _telemetry(rng: np.random.Generator, chat: str, *, services: bool, training: bool, nulls: bool) -> pd.DataFrame:
    time = np.arange(STEP, HORIZON + STEP / 2, STEP)
    wave = 0.55 - 0.4 * np.cos(2 * np.pi * (time / HORIZON - 0.08))
    noise = lambda scale: rng.normal(0, scale, len(time))  # noqa: E731
    lines: dict[tuple[str, str, str], np.ndarray] = {}
    if services:
        lines |= {
            ("service", chat, "queue_length"): np.maximum(0, (wave - 0.8) * 250 + noise(6)),
            ("service", chat, "running"): np.maximum(0, wave * 420 + noise(12)),
            ("service", chat, "batch_size"): np.maximum(1, wave * 52 + noise(2)),
            ("service", chat, "arrivals_per_s"): wave * 5.2,
            ("service", chat, "utilization"): np.clip(wave + 0.1, 0, 1),
            ("service", "photos", "queue_length"): np.maximum(0, wave * 4 + noise(1)),
            ("service", "photos", "running"): np.maximum(0, wave * 12 + noise(1)),
        }
    if training:
        queued = np.maximum(0, np.round(6 * wave + np.cumsum(noise(0.3)) * 0.2))
        lines |= {
            ("training", "finetune", "queued"): queued,
            ("training", "finetune", "running"): np.round(5 + 3 * wave),
        }
    for pool, size in (("h100", 1.0), ("l4", 0.12)):
        lines |= {
            ("pool", pool, "allocated"): np.clip(0.72 + 0.25 * wave + noise(0.01), 0, 1),
            ("pool", pool, "busy"): np.clip(wave * 0.9 + noise(0.03), 0, 1),
            ("pool", pool, "power_w"): size * (14000 + 26000 * wave + noise(500)),
        }
    lines["fleet", "fleet", "power_w"] = lines["pool", "h100", "power_w"] + lines["pool", "l4", "power_w"]
    frames = [
        pd.DataFrame(
            {"time_s": time, "kind": kind, "name": name, "metric": metric, "value": np.nan if nulls else values}
        )
        for (kind, name, metric), values in lines.items()
    ]
    return pd.concat(frames, ignore_index=True)


def _block(values: np.ndarray) -> dict[str, Any]:
    values = values[np.isfinite(values)]
    quantiles = {f"p{level}": float(np.quantile(values, float(f"0.{level}"))) for level in (50, 90, 95, 99, 999)}
    return {
        "mean": float(values.mean()),
        "sd": float(values.std()),
        **quantiles,
        "max": float(values.max()),
        "count": len(values),
    }


def _service(
    metrics: dict[str, np.ndarray], attainment: float, energy: float, phases: dict[str, float]
) -> dict[str, Any]:
    count = len(metrics["e2e_s"])
    blocks = {name: _block(values) for name, values in metrics.items()}
    return blocks | {
        "requests": {
            "arrived": count + 42,
            "completed": count,
            "rejected": 0,
            "timed_out": 30,
            "abandoned": 0,
            "lost": 0,
            "in_flight": 12,
            "undecided": 9,
        },
        "slo": {
            "attainment": attainment,
            "goodput_per_s": attainment * count / HORIZON,
            "by_limit": {"e2e": attainment},
        },
        "throughput": {"requests_per_s": count / HORIZON, "prompt_tokens_per_s": 3150.0, "output_tokens_per_s": 780.0},
        "batch_size_mean": 31.4,
        "kv_utilization_mean": 0.41,
        "preemptions": 0,
        "replicas": {"mean": 8.0, "max": 8, "started": 8, "stopped": 0},
        "accelerator_hours": 736.0,
        "energy_kwh": energy,
        "energy_j_per_request": energy * 3.6e6 / count,
        "energy_j_per_output_token": 4.6,
        "energy_kwh_by_phase": phases,
        "cost_usd": 1545.6,
        "carbon_kg": 131.0,
    }


def _summary(samples: Any, jobs: pd.DataFrame, chat: str, *, services: bool, training: bool) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "schema_version": 1,
        "run": {
            "name": "chat-and-finetune",
            "seed": 7,
            "start": "2027-01-04T00:00:00",
            "horizon_s": HORIZON,
            "warmup_s": WARMUP,
            "scenario_sha256": "9c1f" * 16,
            "inputs_sha256": {},
            "versions": {"fleetsim": "0.1.0", "python": "3.11.9", "numpy": "2.1.0", "numba": "0.61.0"},
            "wall_s": 3.81,
            "requests_per_wall_s": 301_000.0,
            "decisions": 812,
        },
        "services": {},
        "training": {},
        "tenants": {},
        "pools": {"h100": _pool(64, 8, 0.884, 0.52, 610.0), "l4": _pool(32, 4, 0.79, 0.48, 74.0)},
        "sites": {
            "west": {
                "facility_energy_kwh": 766.0,
                "power_w": {
                    "mean": 33300.0,
                    "p99": 44000.0,
                    "peak": 45800.0,
                    "interval_s": 60,
                    "share_over_limit": None,
                },
                "cost_usd": 3151.0,
                "carbon_kg": 268.0,
            }
        },
        "phases": {
            "inference": {"accelerator_hours": 800.0, "energy_kwh": 471.0, "cost_usd": 1680.0, "carbon_kg": 184.0},
            "training": {"accelerator_hours": 560.0, "energy_kwh": 180.0, "cost_usd": 1176.0, "carbon_kg": 70.0},
        },
        "fleet": {
            "accelerators": 96,
            "energy_kwh": 684.0,
            "facility_energy_kwh": 766.0,
            "cost_usd": 3151.0,
            "cost_usd_per_h": 137.0,
            "cost_usd_by": {"hardware": 3090.0, "electricity": 61.3},
            "carbon_kg": 268.0,
            "carbon_kg_by": {"operational": 268.0, "embodied": None},
        },
        "intervals": {},
        "audit": [
            {
                "law": "requests conserved",
                "where": f"services.{chat}",
                "expected": 250042,
                "found": 250042,
                "holds": True,
            },
            {
                "law": "Little's law",
                "where": f"services.{chat} waiting",
                "expected": 0.423,
                "found": 0.423,
                "holds": True,
            },
            {
                "law": "energy = states x watts x time",
                "where": "pools.h100",
                "expected": 610.0,
                "found": 610.0,
                "holds": True,
            },
        ],
        "assumptions": [
            {
                "name": "H100-SXM",
                "figure": "memory_bandwidth",
                "value": 3.35e12,
                "unit": "B/s",
                "source": "https://example.org/h100-datasheet",
                "date": "2023-03",
                "basis": "vendor",
                "low": None,
                "high": None,
            },
            {
                "name": "H100-SXM",
                "figure": "efficiency.decode_compute",
                "value": 0.55,
                "unit": "",
                "source": "fit to measured decode times",
                "date": "2024-06",
                "basis": "derived",
                "low": 0.5,
                "high": 0.6,
            },
        ],
        "notes": ["The load of pool h100 comes near its capacity at the daily peak."],
    }
    if services:
        phases = {"prefill": 88.0, "decode": 214.0, "batch": None, "idle": 71.0, "start_up": 0.4}
        summary["services"][chat] = _service(samples[chat], 0.9873, 402.0, phases)
        summary["services"]["photos"] = _service(samples["photos"], 0.9964, 69.0, {"batch": 40.0, "idle": 21.0})
        summary["services"]["photos"]["energy_j_per_output_token"] = None
    if training:
        summary["training"]["finetune"] = {
            "jobs": {"submitted": 249, "completed": 221, "rejected": 0, "running": 17, "queued": 11, "censored": 28},
            "queueing_s": _block(jobs["queueing_s"].to_numpy()),
            "jct_s": _block(jobs["jct_s"].to_numpy()),
            "slowdown": _block(jobs["jct_s"].to_numpy() / 2000),
            "bounded_slowdown": _block(jobs["jct_s"].to_numpy() / 2000),
            "preemptions": 24,
            "failures": 0,
            "resizes": 0,
            "deadlines": {"met": 31, "missed": 4, "undecided": 2},
            "makespan_s": None,
            "accelerator_hours": 560.0,
            "accelerator_hours_by": {"useful": 541.0, "checkpoint": 17.0, "lost": 0.0, "restart": 2.0, "unused": 0.0},
            "ettr": 0.966,
            "energy_kwh": 180.0,
            "cost_usd": 1176.0,
            "carbon_kg": 70.0,
        }
        summary["tenants"] = {"lab": _tenant(jobs, "lab", 1.34), "shop": _tenant(jobs, "shop", 0.62)}
    return summary


def _tenant(jobs: pd.DataFrame, name: str, fairness: float) -> dict[str, Any]:
    own = jobs[jobs["tenant"] == name]
    return {
        "jobs": {"submitted": len(own), "completed": int((own["status"] == "completed").sum())},
        "queueing_s": _block(own["queueing_s"].to_numpy()),
        "jct_s": _block(own["jct_s"].to_numpy()),
        "fairness": fairness,
        "accelerator_hours": 280.0,
        "energy_kwh": 90.0,
        "cost_usd": 588.0,
        "carbon_kg": 35.0,
    }


def _pool(accelerators: int, nodes: int, allocated: float, busy: float, energy: float) -> dict[str, Any]:
    return {
        "accelerators": accelerators,
        "nodes": nodes,
        "utilization": {"allocated": allocated, "busy": busy, "serving": 0.31, "training": 0.21, "compute": None},
        "energy_kwh": energy,
        "energy_kwh_by_state": {"idle": energy * 0.06, "resident": energy * 0.12, "busy": energy * 0.62},
        "host_energy_kwh": energy * 0.2,
        "power_w": {"mean": energy * 43, "p99": energy * 60, "peak": energy * 62},
        "failures": 0,
        "availability": 1.0,
        "fragmentation": None,
    }


def _scenario(chat: str, *, services: bool, training: bool) -> dict[str, Any]:
    parallelism = {"tensor": 4}
    return {
        "fleetsim": 1,
        "name": "chat-and-finetune",
        "description": "A public chatbot shares 64 H100s with fine-tuning jobs.",
        "horizon": "86400.0 s",
        "sites": {"west": {"timezone": "America/Los_Angeles", "pue": 1.12, "electricity": "0.08 USD/kWh"}},
        "pools": {
            "h100": {"accelerator": "H100-SXM", "nodes": 8, "accelerators_per_node": 8, "site": "west"},
            "l4": {"accelerator": "L4", "nodes": 4, "accelerators_per_node": 8, "site": "west"},
        },
        "services": {
            chat: {
                "model": "Llama-3.1-70B",
                "precision": "fp8",
                "pools": ["h100"],
                "parallelism": parallelism,
                "replicas": 8,
                "routing": "least_outstanding",
                "slo": {"ttft": "2.0 s", "tpot": "200 ms", "attainment": 0.99},
            },
            "photos": {
                "model": "my-vision-model",
                "pools": ["l4"],
                "replicas": 2,
                "slo": {"e2e": "0.05 s", "attainment": 0.99},
            },
        }
        if services
        else {},
        "training": {"finetune": {"pools": ["h100"]}} if training else {},
        "policies": {"scheduling": "easy_backfill", "placement": "best_fit", "sharing": "static", "power": "none"},
    }


def _blank(tree: Any, depth: int = 0) -> Any:
    """The same keys with every figure unknown, as a run reports what it cannot know."""
    if isinstance(tree, dict):
        return {key: _blank(value, depth + 1) for key, value in tree.items()}
    if isinstance(tree, list):
        return []
    return tree if isinstance(tree, str) else None
