"""What a person reads in the terminal: a run, a comparison, a study, a plan. All fit 100 columns."""

from analysis.tables.comparison import print_comparison
from analysis.tables.plan import print_plan
from analysis.tables.run import print_summary
from analysis.tables.study import print_study

__all__ = ["print_comparison", "print_plan", "print_study", "print_summary"]
