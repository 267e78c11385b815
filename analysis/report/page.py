"""A page of the report: what all of them have, and how it becomes one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import jinja2
from markupsafe import Markup

from analysis.report.elements import Chart, Finding, Section, Tile


@dataclass(frozen=True)
class Page:
    """What is reported: in sentences, in large figures, and in sections; `look` names its own rules of style."""

    kind: str
    name: str
    lead: str
    findings: Sequence[Finding]
    sections: Sequence[Section]
    tiles: Sequence[Tile] = ()
    notes: Sequence[str] = ()
    look: str = field(default="")


def filled(sections: Sequence[Section]) -> list[Section]:
    """Return the sections that have something to show, without their empty tables."""
    kept = [
        Section(each.title, each.introduction, [item for item in each.items if isinstance(item, Chart) or item.rows])
        for each in sections
    ]
    return [section for section in kept if section.items]


def render(page: Page) -> str:
    """Return the page as HTML that loads nothing and needs no script."""
    home = files("analysis.report")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string((home / "template.html.j2").read_text(encoding="utf-8"))
    style = Markup((home / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return template.render(page=page, style=style)
