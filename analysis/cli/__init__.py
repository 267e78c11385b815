"""The `fleetsim` command. Each subcommand is a few lines over the rooms; what is heavy is imported where it is used."""

import sys

import click

from analysis.cli.facts import catalog, check, schema
from analysis.cli.outcome import INTERRUPTED
from analysis.cli.runs import compare, report, run
from analysis.cli.searches import plan, sweep
from analysis.cli.verification import verify

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fleetsim")
def fleetsim() -> None:
    """Simulate a fleet of AI accelerators: waits, load, energy, cost and carbon of inference and training."""


for command in (run, sweep, plan, compare, report, check, catalog, schema, verify):
    fleetsim.add_command(command)


def main() -> None:
    """Run the command and exit with its code: 0 done, 1 a run failed, 2 wrong input, 3 infeasible, 130 interrupted."""
    try:
        sys.exit(fleetsim.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
