"""How long it takes to load a model onto an accelerator that holds another."""

from sim.catalog.rows import BYTES_PER_VALUE, Accelerator, Model, Precision
from sim.hardware.errors import MissingFigure


def load_time(accelerator: Accelerator, model: Model, precision: Precision, *, tensor: int = 1) -> float:
    """Seconds: an FPGA is configured anew, `tensor` others each read their part of the weights from their host.

    Raises:
        MissingFigure: The accelerator's time or bandwidth, or the size of the model, is unknown.

    """
    if accelerator.kind == "fpga":
        if accelerator.reconfiguration_time is None:
            raise MissingFigure(f"how long {accelerator.name} takes to load another design is not known")
        return accelerator.reconfiguration_time
    if accelerator.host_link_bandwidth is None:
        raise MissingFigure(f"the bandwidth of {accelerator.name} to its host's memory is not known")
    if not model.parameters:
        raise MissingFigure(f"the parameters of {model.name} are not known")
    return model.parameters * BYTES_PER_VALUE[precision] / (tensor * accelerator.host_link_bandwidth)
