"""How services and training divide a pool."""


class Static:
    """Services take theirs at time zero and keep it; training has the rest."""

    services_first = True
