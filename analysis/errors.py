"""What stands in the way of an answer about runs."""


class FigureError(LookupError):
    """A path that is no figure of the summary."""
