"""Commands that run nothing: `check`, `catalog`, `schema`."""

import json
from pathlib import Path
from typing import Literal

import click

from analysis.cli.outcome import WRONG_INPUT, WrongInput
from analysis.cli.terminal import console


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_context
def check(context: click.Context, files: tuple[Path, ...]) -> None:
    """Check scenarios, studies and plans, all errors at once, and say what they would run, without running."""
    from analysis.check import describe_file
    from sim.scenario import ScenarioError

    wrong = False
    for file in files:
        try:
            click.echo("\n".join(describe_file(file)))
        except ScenarioError as error:
            click.echo(str(error), err=True)
            wrong = True
    if wrong:
        context.exit(WRONG_INPUT)


Kind = Literal["accelerators", "models", "workloads", "policies"]


@click.command()
@click.argument("kind", required=False, type=click.Choice(["accelerators", "models", "workloads", "policies", "fit"]))
@click.argument("name", required=False)
def catalog(kind: Kind | Literal["fit"] | None, name: str | None) -> None:
    """Show the facts of the catalog with their sources; `fit FILE.csv` fits measurements into rows for a scenario."""
    if kind == "fit":
        if name is None:
            raise WrongInput("name the CSV file to fit: fleetsim catalog fit FILE.csv")
        _fit(Path(name))
        return
    from analysis import catalog_text

    try:
        table = (
            catalog_text.entry(kind, name)
            if kind and name
            else catalog_text.overview(kind)
            if kind
            else catalog_text.summary()
        )
    except KeyError as error:
        raise WrongInput(str(error)) from None
    console().print(table)


def _fit(file: Path) -> None:
    from analysis.fitting.constants import FitError
    from analysis.fitting.fitted_rows import fitted_rows
    from sim.workload.trace_files import TraceError

    try:
        click.echo(fitted_rows(file))
    except (FitError, TraceError) as error:
        raise WrongInput(str(error)) from None


@click.command()
@click.argument("kind", default="scenario", type=click.Choice(["scenario", "study", "plan"]))
def schema(kind: Literal["scenario", "study", "plan"]) -> None:
    """Print the JSON Schema of scenarios, studies or plans, for editors."""
    from analysis.documents import json_schema

    click.echo(json.dumps(json_schema(kind), indent=2))
