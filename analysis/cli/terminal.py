"""What a terminal shows besides results: progress, and a page to print tables on."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

TABLE_WIDTH = 100
"""Columns where nobody says how wide the page is."""


@contextmanager
def progress(label: str, *, shown: bool) -> Iterator[Callable[[float], None] | None]:
    """Yield a function that takes the share done; None where nobody watches."""
    if not watched(shown=shown):
        yield None
        return
    with click.progressbar(length=1000, label=label, file=sys.stderr) as bar:
        yield lambda share: bar.update(int(share * 1000) - bar.pos)


@contextmanager
def status_line(*, shown: bool) -> Iterator[Callable[[str], None] | None]:
    """Yield a function that takes what is being done; None where nobody watches."""
    if not watched(shown=shown):
        yield None
        return
    try:
        yield lambda text: click.echo(f"\r\x1b[K{text}", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


def watched(*, shown: bool) -> bool:
    """Whether somebody sees what goes on."""
    return shown and sys.stderr.isatty()


def console() -> "Console":
    """Where tables are printed."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else TABLE_WIDTH)
