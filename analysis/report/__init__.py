"""The report of a run: one HTML file that opens offline, prints well and needs no script."""

from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from analysis.report.findings import findings, tiles
from analysis.report.sections import sections
from analysis.run_folder import RunFolder, resolved

__all__ = ["RunFolder", "write"]


def write(folder: Path) -> Path:
    """Write report.html into a folder left by `fleetsim run` and return its path.

    The same folder gives the same bytes. Raises FileNotFoundError where the folder holds no summary.json.
    """
    run = RunFolder(Path(folder))
    home = files("analysis.report")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    page = environment.from_string((home / "template.html.j2").read_text(encoding="utf-8")).render(
        name=run.summary.get("run", {}).get("name") or "run",
        description=resolved(run).get("description") or "",
        style=Markup((home / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        findings=findings(run),
        tiles=tiles(run),
        notes=run.summary.get("notes") or [],
        sections=sections(run),
    )
    target = run.path / "report.html"
    target.write_text(page, encoding="utf-8", newline="\n")
    return target
