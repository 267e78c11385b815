"""Commands about runs: `run`, `compare`, `report`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.cli.outcome import RunFailed, WrongInput, clear_errors
from analysis.cli.terminal import console, progress

if TYPE_CHECKING:
    from analysis.statistics.stopping import Precision
    from sim.preparation import Prepared


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--set", "settings", multiple=True, metavar="PATH=VALUE", help="Another value at a dotted path; repeatable."
)
@click.option("--seed", type=click.IntRange(min=0), help="Another seed than the file's.")
@click.option("--replications", type=click.IntRange(min=1), help="Runs with other random numbers, for intervals.")
@click.option(
    "--until",
    "targets",
    multiple=True,
    metavar="METRIC=5%",
    help="Replicate until a figure's interval is so narrow, at most --replications times (default 50); repeatable.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes for replications  [default: one a processor]")
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
    replications: int | None,
    targets: tuple[str, ...],
    jobs: int | None,
    out: Path | None,
    force: bool,  # noqa: FBT001  click passes flags by name
    as_json: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
) -> None:
    """Run the scenario in FILE, once or replicated: then each figure has a confidence interval."""
    with clear_errors():
        from sim.preparation import prepare
        from sim.scenario import load
        from sim.whole_folder import written_whole

        scenario = load(file, _overrides(settings) | ({} if seed is None else {"seed": seed}))
        folder = out or Path("out") / scenario.name
        prepared = prepare(scenario)  # what is wrong shows before anything heavy is imported
        asked = _precision(targets, replications) if targets else replications or 1
        if not quiet:
            _warn(prepared)
        with written_whole(folder, force=force) as partial:
            with progress("simulating", shown=not quiet) as told:
                result = _outcome(prepared, asked, jobs, told)
            from analysis import report as pages

            result.write(partial, at=folder)
            pages.write(partial)
    if as_json:
        click.echo(json.dumps(result.summary, indent=2))
    elif not quiet:
        from analysis import tables

        tables.print_summary(result.summary, console())
        click.echo(f"report: {folder / 'report.html'}")
    if not all(law["holds"] for law in result.summary["audit"]):
        raise RunFailed("the audit found a broken law: do not trust this run (see the audit in its summary)")


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--metric", "metrics", multiple=True, metavar="PATH", help="A figure of the summary; repeatable.")
@click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.95, help="Of all intervals together.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("out/comparison"), help="Folder  [default: out/comparison]"
)
@click.option("--force", is_flag=True, help="Overwrite a folder that holds results.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON, and nothing else.")
def compare(
    folders: tuple[Path, ...],
    metrics: tuple[str, ...],
    level: float,
    out: Path,
    force: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Compare the runs in FOLDERS with the first of them: differences with intervals, paired where draws are shared."""
    with clear_errors():
        from analysis import report as pages
        from analysis.run_comparison import compare_folders
        from sim.whole_folder import written_whole

        if len(folders) < 2:
            raise WrongInput("name two folders or more: the first is what the others are compared with")
        try:
            found = compare_folders(folders, metrics, level)
        except LookupError as error:
            raise WrongInput(str(error)) from None
        with written_whole(out, force=force) as partial:
            (partial / "comparison.json").write_text(json.dumps(found, indent=1, allow_nan=False), encoding="utf-8")
            pages.write(partial)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from analysis import tables

    tables.print_comparison(found, console())
    click.echo(f"report: {out / 'report.html'}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def report(folder: Path) -> None:
    """Write the HTML report of the run, comparison, study or plan in FOLDER anew."""
    from analysis import report as pages

    try:
        click.echo(pages.write(folder))
    except FileNotFoundError:
        raise WrongInput(f"{folder} holds no results (none of {', '.join(pages.KINDS)})") from None


def _outcome(
    prepared: "Prepared", asked: "int | Precision", jobs: int | None, told: Callable[[float], None] | None
) -> Any:
    """The result of one run, or of several."""
    if asked == 1:
        from analysis.long_run import intervals
        from sim.simulation import ready, simulate

        open_warm_up = prepared.scenario.warmup == "auto"
        result = simulate(ready(prepared.scenario) if open_warm_up else prepared, progress=told)
        result.summary["intervals"] = intervals(result)
        return result
    from analysis.replications import replicate

    return replicate(prepared.scenario, asked, jobs=jobs, progress=told)


def _warn(prepared: "Prepared") -> None:
    """Name the jobs and requests that come in vain."""
    from analysis.jobs_in_vain import known_in_vain
    from analysis.requests_in_vain import requests_in_vain

    for text in (*known_in_vain(prepared), *requests_in_vain(prepared)):
        click.echo(f"note: {text}", err=True)


def _precision(targets: tuple[str, ...], most: int | None) -> "Precision":
    from analysis.statistics.stopping import Precision

    asked = {}
    for target in targets:
        path, equals, text = target.rpartition("=")
        try:
            asked[path.strip()] = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
        except ValueError:
            equals = ""
        if not equals:
            raise WrongInput(f"--until {target}: write --until metric=5%, such as --until fleet.energy_kwh=1%")
    try:
        return Precision(asked, *([] if most is None else [most]))
    except ValueError as error:
        raise WrongInput(f"--until: {error}") from None


def _overrides(settings: tuple[str, ...]) -> dict[str, Any]:
    from sim.scenario.yaml_reader import read_value

    overrides = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path.strip():
            raise WrongInput(f"--set {setting}: write --set path=value, such as --set pools.h100.nodes=12")
        overrides[path.strip()] = read_value(text, f"--set {path}")
    return overrides
