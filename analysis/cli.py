"""The `fleetsim` command. Each subcommand is a few lines over the rooms; what is heavy is imported where it is used."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from rich.console import Console

RUN_FAILED = 1
WRONG_INPUT = 2
INTERRUPTED = 130
TABLE_WIDTH = 100
"""Columns where nobody says how wide the page is."""


class WrongInput(click.ClickException):
    """The command line or a file is wrong."""

    exit_code = WRONG_INPUT


class RunFailed(click.ClickException):
    """The run could not be finished, or cannot be trusted."""

    exit_code = RUN_FAILED


def main() -> None:
    """Run the command and exit with its code: 0 done, 1 the run failed, 2 wrong input, 130 interrupted."""
    try:
        sys.exit(fleetsim.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fleetsim")
def fleetsim() -> None:
    """Simulate a fleet of AI accelerators: waits, load, energy, cost and carbon of inference and training."""


@fleetsim.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--set", "settings", multiple=True, metavar="PATH=VALUE", help="Another value at a dotted path; repeatable."
)
@click.option("--seed", type=click.IntRange(min=0), help="Another seed than the file's.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the results  [default: out/<name of the scenario>]"
)
@click.option("--force", is_flag=True, help="Overwrite a folder that holds another run.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, and nothing else.")
@click.option("--quiet", is_flag=True, help="Print no table and no progress.")
def run(
    file: Path,
    settings: tuple[str, ...],
    seed: int | None,
    out: Path | None,
    force: bool,  # noqa: FBT001  click passes flags by name
    as_json: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
) -> None:
    """Run the scenario in FILE once."""
    with _clear_errors():
        from sim.preparation import prepare
        from sim.scenario import load
        from sim.whole_folder import written_whole

        scenario = load(file, _overrides(settings) | ({} if seed is None else {"seed": seed}))
        folder = out or Path("out") / scenario.name
        prepared = prepare(scenario)
        with written_whole(folder, force=force) as partial:
            from analysis import report
            from sim.simulation import simulate

            with _progress(shown=not quiet and sys.stderr.isatty()) as progress:
                result = simulate(prepared, progress=progress)
            result.write(partial, at=folder)
            report.write(partial)
    if as_json:
        click.echo(json.dumps(result.summary, indent=2))
    elif not quiet:
        _print_summary(result.summary)
        click.echo(f"report: {folder / 'report.html'}")
    if not all(law["holds"] for law in result.summary["audit"]):
        raise RunFailed("the audit found a broken law: do not trust this run (see the audit in its summary)")


@fleetsim.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_context
def check(context: click.Context, files: tuple[Path, ...]) -> None:
    """Check FILES, all errors at once, and say what a run would hold, without running."""
    from analysis.check import describe
    from sim.scenario import ScenarioError, load

    wrong = False
    for file in files:
        try:
            click.echo("\n".join(describe(load(file))))
        except ScenarioError as error:
            click.echo(str(error), err=True)
            wrong = True
    if wrong:
        context.exit(WRONG_INPUT)


@fleetsim.command()
@click.argument("kind", required=False, type=click.Choice(["accelerators", "models", "workloads", "policies"]))
@click.argument("name", required=False)
def catalog(kind: Literal["accelerators", "models", "workloads", "policies"] | None, name: str | None) -> None:
    """Show the facts of the catalog with their sources."""
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
    _console().print(table)


@fleetsim.command()
def schema() -> None:
    """Print the JSON Schema of scenarios, for editors."""
    from sim.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@fleetsim.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def report(folder: Path) -> None:
    """Write the HTML report of the run in FOLDER anew."""
    from analysis import report as html

    if not (folder / "summary.json").is_file():
        raise WrongInput(f"{folder} holds no run (no summary.json)")
    click.echo(html.write(folder))


@fleetsim.command()
@click.option("--thorough", is_flag=True, help="Ten times the data: finds errors a third as large, in some minutes.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Other random numbers.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes  [default: one a processor]")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON, and nothing else.")
@click.pass_context
def verify(
    context: click.Context,
    thorough: bool,  # noqa: FBT001
    seed: int,
    jobs: int | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Hold the simulator against queueing theory: theory, measured, interval and verdict of each figure."""
    from analysis import verify as verification

    with _clear_errors(), _progress(shown=sys.stderr.isatty()) as progress:
        longer = verification.THOROUGH if thorough else 1.0
        found = verification.verify(verification.all_models(), seed=seed, longer=longer, jobs=jobs, progress=progress)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        verification.print_verification(found, _console())
    if found.disagreeing:
        context.exit(RUN_FAILED)


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Turn what a file, a folder or a policy does wrong into one message."""
    from concurrent.futures import BrokenExecutor

    from sim.fleet.pool import FleetError
    from sim.scenario import ScenarioError

    try:
        yield
    except ScenarioError as error:
        click.echo(str(error), err=True)
        sys.exit(WRONG_INPUT)
    except FileExistsError as error:
        raise WrongInput(f"{error}; name another --out, or overwrite it with --force") from None
    except OSError as error:
        raise WrongInput(f"{error.filename or 'the results'}: {error.strerror or error}") from None
    except FleetError as error:
        raise RunFailed(str(error)) from None
    except BrokenExecutor:
        raise RunFailed("a worker process died; where memory is short, ask for fewer with --jobs") from None


def _overrides(settings: tuple[str, ...]) -> dict[str, Any]:
    from sim.scenario.yaml_reader import read_value

    overrides = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path.strip():
            raise WrongInput(f"--set {setting}: write --set path=value, such as --set pools.h100.nodes=12")
        overrides[path.strip()] = read_value(text, f"--set {path}")
    return overrides


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[float], None] | None]:
    """Yield a function that takes the share done; None where nobody watches."""
    if not shown:
        yield None
        return
    with click.progressbar(length=1000, label="simulating", file=sys.stderr) as bar:
        yield lambda share: bar.update(int(share * 1000) - bar.pos)


def _print_summary(summary: dict[str, Any]) -> None:
    from analysis import tables

    tables.print_summary(summary, _console())


def _console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else TABLE_WIDTH)
