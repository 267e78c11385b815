"""What a person reads in the terminal after a check."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.verify.looks import REPLICATIONS
from analysis.verify.run import Verification
from analysis.verify.verdict import MISSES, Comparison, typical
from analysis.wording import UNKNOWN, number


def print_verification(found: Verification, console: Console) -> None:
    """Print every figure, how it is judged, and the verdict as the last line; fits 100 columns."""
    console.print(_figures(found))
    console.print(_how(found))
    for model, laws in found.broken.items():
        console.print(f"[bold red]broken laws[/] of {escape(model)}: {escape('; '.join(laws))}")
    console.print(_verdict(found), soft_wrap=True)


def _figures(found: Verification) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("model")
    table.add_column("figure", no_wrap=True)
    for column in ("theory", "measured", "interval", "z", "finds"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    before = ""
    for each in found.comparisons:
        name, before = "" if each.model == before else each.model, each.model
        table.add_row(escape(name), each.figure.name, *_numbers(each), _word(each))
    return table


def _numbers(each: Comparison) -> list[str]:
    both = number(each.theory, 4), number(each.mean, 4)
    if each.z is None:
        return [*both, "exact", UNKNOWN, "all"]
    return [*both, f"±{number(each.half_width, 2)}", f"{each.z:+.1f}", f"{each.finds:.1%}"]


def _word(each: Comparison) -> str:
    mark = "*" if each.again else ""
    return f"[green]agrees{mark}[/]" if each.agrees else f"[bold red]differs{mark}[/]"


def _how(found: Verification) -> str:
    again = sum(each.again for each in found.comparisons)
    lines = (
        f"Means over {REPLICATIONS} independent runs; all intervals together hold with {1 - MISSES:.0%} confidence.\n"
        f"What misses is measured again, so that a simulator without fault fails once in {1 / MISSES**2:,.0f} checks.\n"
        "Finds: the least relative error that shows nine times in ten; half of the figures find "
        f"{typical(found.comparisons):.1%} or less."
    )
    return f"{lines}\n* measured again: {again} of {len(found.comparisons)}." if again else lines


def _verdict(found: Verification) -> str:
    """The last line: all agree, or which do not."""
    off = found.disagreeing
    if not off:
        return f"[bold green]all {len(found.comparisons)} figures of {len(found.models)} models agree[/]"
    figures = sum(not each.agrees for each in found.comparisons)
    rest = f"{len(off)} of {len(found.models)} models:[/] {escape(', '.join(off))}"
    return f"[bold red]{figures} of {len(found.comparisons)} figures differ from theory, {rest}"
