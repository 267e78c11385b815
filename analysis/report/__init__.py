"""The report of a run, a comparison, a study or a plan: one HTML file that loads nothing, prints, needs no script."""

import json
from pathlib import Path
from typing import Any

from analysis.report.comparison_page import comparison_page
from analysis.report.page import Page, render
from analysis.report.plan_page import plan_page
from analysis.report.run_page import run_page
from analysis.report.study_page import study_page
from analysis.run_folder import RunFolder

__all__ = ["KINDS", "RunFolder", "write"]

KINDS = {"summary.json": "run", "comparison.json": "comparison", "study.json": "study", "plan.json": "plan"}
"""The files that say what a folder holds; the first that is there counts."""


def write(folder: Path) -> Path:
    """Write report.html into a folder left by `fleetsim` and return its path.

    The same folder gives the same bytes. Raises FileNotFoundError where the folder holds none of `KINDS`.
    """
    folder = Path(folder)
    target = folder / "report.html"
    target.write_text(render(_page(folder)), encoding="utf-8", newline="\n")
    return target


def _page(folder: Path) -> Page:
    kind = next((kind for file, kind in KINDS.items() if (folder / file).is_file()), "run")
    if kind == "comparison":
        return comparison_page(_read(folder / "comparison.json"))
    if kind == "study":
        return study_page(_read(folder / "study.json"))
    if kind == "plan":
        return plan_page(_read(folder / "plan.json"))
    return run_page(RunFolder(folder))


def _read(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded
