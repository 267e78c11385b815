"""Studies: one scenario at many points of its parameters."""
