"""Which caps accelerators run under."""


class Uncapped:
    """No cap but those that stand in the accelerators' own rows."""

    def cap(self, pool: str) -> None:
        """None for every pool."""
