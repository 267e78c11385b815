"""Commands over many scenarios: `sweep`, `plan`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from analysis.cli.outcome import INFEASIBLE, RUN_FAILED, clear_errors
from analysis.cli.terminal import console, progress, status_line

F = TypeVar("F", bound=Callable[..., Any])


def _options(kind: str) -> Callable[[F], F]:
    """The argument and options that searches share."""

    def add(command: F) -> F:
        out = f"Folder for the results  [default: out/<name of the {kind}>]"
        for option in reversed(
            (
                click.argument("file", type=click.Path(path_type=Path)),
                click.option("--seed", type=click.IntRange(min=0), help="Another seed than the file's."),
                click.option("--jobs", type=click.IntRange(min=1), help="Processes  [default: one a processor]"),
                click.option("--out", type=click.Path(path_type=Path), help=out),
                click.option("--force", is_flag=True, help="Overwrite a folder that holds results."),
                click.option("--json", "as_json", is_flag=True, help=f"Print {kind}.json, and nothing else."),
                click.option("--quiet", is_flag=True, help="Print no table and no progress."),
            )
        ):
            command = option(command)
        return command

    return add


@click.command()
@_options("study")
def sweep(
    file: Path,
    seed: int | None,
    jobs: int | None,
    out: Path | None,
    force: bool,  # noqa: FBT001  click passes flags by name
    as_json: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
) -> None:
    """Run the study in FILE: a scenario at many points, all with the same random numbers."""
    with clear_errors():
        from analysis import report as pages
        from analysis.documents import open_document
        from analysis.studies.preparing import ready
        from analysis.studies.running import run
        from sim.whole_folder import written_whole

        study = ready(open_document(file), seed=seed)
        folder = out or Path("out") / study.study.study
        with written_whole(folder, force=force) as partial:
            with progress("simulating", shown=not quiet) as told:
                result = run(study, jobs=jobs, progress=told)
            result.write(partial)
            pages.write(partial)
    found = result.as_dict()
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not quiet:
        from analysis import tables

        tables.print_study(found, console())
        click.echo(f"report: {folder / 'report.html'}")
    if result.failures:
        first = next(iter(result.failures.values()))
        click.echo(f"{len(result.failures)} of {len(result.points)} points failed, the first: {first}", err=True)
        sys.exit(RUN_FAILED)


@click.command()
@_options("plan")
def plan(
    file: Path,
    seed: int | None,
    jobs: int | None,
    out: Path | None,
    force: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
) -> None:
    """Find the smallest fleet that keeps the promise of the plan in FILE."""
    with clear_errors():
        from analysis import report as pages
        from analysis.capacity.planning import ready, work_out
        from analysis.documents import open_document
        from sim.whole_folder import written_whole

        question = ready(open_document(file), seed=seed)
        folder = out or Path("out") / question.file.plan
        with written_whole(folder, force=force) as partial:
            with status_line(shown=not quiet) as told:
                result = work_out(question, jobs=jobs, progress=told)
            result.write(partial)
            pages.write(partial)
    found = result.as_dict()
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not quiet:
        from analysis import tables

        tables.print_plan(found, console())
        click.echo(f"report: {folder / 'report.html'}")
    if result.answer is None:
        click.echo(result.shortfall, err=True)
        sys.exit(INFEASIBLE)
