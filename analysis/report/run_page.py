"""The page of a run, once or replicated."""

from analysis.report.findings import findings, tiles
from analysis.report.page import Page
from analysis.report.sections import sections
from analysis.run_folder import Run, resolved


def run_page(run: Run) -> Page:
    """Return what a run did: services, training, utilization, energy, and what the figures rest on."""
    return Page(
        kind="Report of a simulated fleet",
        name=run.summary.get("run", {}).get("name") or "run",
        lead=resolved(run).get("description") or "",
        findings=findings(run),
        tiles=tiles(run),
        notes=run.summary.get("notes") or [],
        sections=sections(run),
    )
