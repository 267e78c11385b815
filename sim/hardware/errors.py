"""What a hardware law refuses: each message stands alone and says what would be right."""


class HardwareError(ValueError):
    """A model cannot run on an accelerator, or a figure for it is unknown."""


class DoesNotFit(HardwareError):  # noqa: N818
    """Weights, activations and one block of KV cache exceed the memory of the replica."""


class UnsupportedPrecision(HardwareError):  # noqa: N818
    """The accelerator has no peak at the precision asked for."""


class MissingFigure(HardwareError):  # noqa: N818
    """The law needs a figure that the row of the accelerator or of the model does not have."""


class CapTooLow(HardwareError):  # noqa: N818
    """The power cap is at or below the floor under which the accelerator does not work."""
