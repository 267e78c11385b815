"""Facts with their sources: accelerators, models and workloads."""

from sim.catalog.readers import UnknownName, accelerator, accelerators, model, models, workload, workloads

__all__ = ["UnknownName", "accelerator", "accelerators", "model", "models", "workload", "workloads"]
