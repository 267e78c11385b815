"""How fast and how hungry: time, memory and power of an accelerator that runs a model."""

from sim.hardware.errors import CapTooLow, DoesNotFit, HardwareError, MissingFigure, UnsupportedPrecision
from sim.hardware.loading import load_time
from sim.hardware.memory import MemoryFit, fit
from sim.hardware.prefill import mixed_seconds
from sim.hardware.replica import (
    generative_replica,
    iteration_joules,
    iteration_seconds,
    prefill_joules,
    prefill_seconds,
    resident_power,
    single_pass_replica,
)
from sim.hardware.tables import GenerativeReplica, IterationTable, PrefillLaw, SinglePassReplica
from sim.hardware.training import (
    least_training_gang,
    model_flops_utilization,
    training_power,
    training_speed,
    training_state,
    training_step_seconds,
)

__all__ = [
    "CapTooLow",
    "DoesNotFit",
    "GenerativeReplica",
    "HardwareError",
    "IterationTable",
    "MemoryFit",
    "MissingFigure",
    "PrefillLaw",
    "SinglePassReplica",
    "UnsupportedPrecision",
    "fit",
    "generative_replica",
    "iteration_joules",
    "iteration_seconds",
    "least_training_gang",
    "load_time",
    "mixed_seconds",
    "model_flops_utilization",
    "prefill_joules",
    "prefill_seconds",
    "resident_power",
    "single_pass_replica",
    "training_power",
    "training_speed",
    "training_state",
    "training_step_seconds",
]
