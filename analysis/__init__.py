"""Many runs and what they mean: figures, reports and the `fleetsim` command."""
