"""What a person reads in the terminal after a check."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.verify.run import REPLICATIONS, Verification
from analysis.verify.verdict import FALSE_ALARM, Comparison, typical
from analysis.wording import number


def print_verification(found: Verification, console: Console) -> None:
    """Print every figure, how it is judged, and the verdict as the last line; fits 100 columns."""
    console.print(_figures(found))
    console.print(
        f"Each figure is a mean over {REPLICATIONS} independent runs. The intervals hold for all of them at once: a "
        f"simulator without fault misses any of them once in {1 / FALSE_ALARM:,.0f} checks. Finds: the least relative "
        f"error that shows nine times in ten; half of the figures find {typical(found.comparisons):.1%} or less."
    )
    for model, laws in found.broken.items():
        console.print(f"[bold red]broken laws[/] of {escape(model)}: {escape('; '.join(laws))}")
    console.print(verdict(found), soft_wrap=True)


def _figures(found: Verification) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    table.add_column("model", overflow="ellipsis", no_wrap=True)
    table.add_column("figure", overflow="ellipsis", no_wrap=True)
    for column in ("theory", "measured", "interval", "z", "finds"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    before = ""
    for each in found.comparisons:
        name, before = "" if each.model == before else each.model, each.model
        table.add_row(escape(name), each.figure, *_numbers(each), _word(each))
    return table


def _numbers(each: Comparison) -> list[str]:
    z = "–" if each.z is None else f"{each.z:+.1f}"
    exact = each.z is None
    return [
        number(each.theory, 4),
        number(each.mean, 4),
        "exact" if exact else f"±{number(each.half_width, 2)}",
        z,
        "all" if exact else f"{each.finds:.1%}",
    ]


def _word(each: Comparison) -> str:
    return "[green]agrees[/]" if each.agrees else "[bold red]differs[/]"


def verdict(found: Verification) -> str:
    """The last line: all agree, or which do not."""
    off = found.disagreeing
    if not off:
        return f"[bold green]all {len(found.comparisons)} figures of {len(found.models)} models agree[/]"
    figures = sum(not each.agrees for each in found.comparisons)
    names = escape(", ".join(off))
    return f"[bold red]{figures} of {len(found.comparisons)} figures disagree, of {len(off)} models:[/] {names}"
