"""How long it takes to load a model onto an accelerator that holds another."""

from sim.catalog.rows import BYTES_PER_VALUE, Accelerator, Model, Precision
from sim.hardware.errors import MissingFigure


def load_time(accelerator: Accelerator, model: Model, precision: Precision) -> float:
    """Seconds: an FPGA is configured anew, others read the weights over the link to their host.

    Raises:
        MissingFigure: The accelerator's time or bandwidth, or the size of the model, is unknown.

    """
    if accelerator.kind == "fpga":
        if accelerator.reconfiguration_time is None:
            raise MissingFigure(f"how long {accelerator.name} takes to load another design is not known: give `time`")
        return accelerator.reconfiguration_time
    if accelerator.host_link_bandwidth is None:
        message = f"the bandwidth of {accelerator.name} to its host's memory is not known: give `time`"
        raise MissingFigure(message)
    if not model.parameters:
        raise MissingFigure(f"the parameters of {model.name} are not known: give `time`")
    return model.parameters * BYTES_PER_VALUE[precision] / accelerator.host_link_bandwidth
