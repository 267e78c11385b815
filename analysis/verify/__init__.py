"""`fleetsim verify`: the simulator held against queues with a known answer, each run as a user would run it."""

from analysis.verify import batching, dispatch, job_order, jobs, language_models, queues
from analysis.verify.model import Figure, Model
from analysis.verify.run import THOROUGH, Verification, verify
from analysis.verify.table import print_verification

__all__ = ["THOROUGH", "Figure", "Model", "Verification", "all_models", "print_verification", "verify"]


def all_models() -> list[Model]:
    """Every model, in the order of the table."""
    families = (queues, dispatch, batching, language_models, jobs, job_order)
    return [model for family in families for model in family.models()]
