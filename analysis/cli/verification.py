"""The command that tests the simulator itself: `verify`."""

import json

import click

from analysis.cli.outcome import RUN_FAILED, clear_errors
from analysis.cli.terminal import console, progress


@click.command()
@click.option("--thorough", is_flag=True, help="Ten times the data: finds errors a third as large, in some minutes.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Other random numbers.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes  [default: one a processor]")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON, and nothing else.")
@click.pass_context
def verify(
    context: click.Context,
    thorough: bool,  # noqa: FBT001  click passes flags by name
    seed: int,
    jobs: int | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Hold the simulator against queueing theory: theory, measured, interval and verdict of each figure."""
    from analysis import verify as verification

    with clear_errors(), progress("verifying", shown=True) as told:
        longer = verification.THOROUGH if thorough else 1.0
        found = verification.verify(verification.all_models(), seed=seed, longer=longer, jobs=jobs, progress=told)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        verification.print_verification(found, console())
    if found.disagreeing:
        context.exit(RUN_FAILED)
