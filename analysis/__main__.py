"""`python -m analysis` is the `fleetsim` command."""

from analysis.cli import main

main()
