"""Charts of a run, one function each, the same for notebooks and reports.

Every function takes a run (the result of `sim.run`, or the folder that `fleetsim run` wrote) and returns a
`matplotlib.figure.Figure`; beside each stands a function that gives its numbers as a table.
"""

from analysis.figures.by_hour import hour_numbers, missed_by_hour
from analysis.figures.differences import MOST_SYSTEMS, difference_numbers, paired_differences
from analysis.figures.energy import energy_by_owner, energy_by_pool, energy_numbers
from analysis.figures.fairness import fairness_numbers, finish_time_fairness
from analysis.figures.gantt import gantt_numbers, job_gantt
from analysis.figures.jobs import job_curves, job_times
from analysis.figures.latency import latency_ccdf, latency_curves
from analysis.figures.nodes import held_by_node, node_numbers
from analysis.figures.over_time import jobs_over_time, queue_numbers, queue_over_time
from analysis.figures.plan import candidate_numbers, plan_candidates
from analysis.figures.pools import power_numbers, power_over_time, utilization_numbers, utilization_over_time
from analysis.figures.response import response
from analysis.figures.study import response_numbers
from analysis.figures.style import svg
from analysis.figures.welch import transients, welch, welch_numbers
from analysis.figures.work import work_by_use, work_numbers

__all__ = [
    "MOST_SYSTEMS",
    "candidate_numbers",
    "difference_numbers",
    "energy_by_owner",
    "energy_by_pool",
    "energy_numbers",
    "fairness_numbers",
    "finish_time_fairness",
    "gantt_numbers",
    "held_by_node",
    "hour_numbers",
    "job_curves",
    "job_gantt",
    "job_times",
    "jobs_over_time",
    "latency_ccdf",
    "latency_curves",
    "missed_by_hour",
    "node_numbers",
    "paired_differences",
    "plan_candidates",
    "power_numbers",
    "power_over_time",
    "queue_numbers",
    "queue_over_time",
    "response",
    "response_numbers",
    "svg",
    "transients",
    "utilization_numbers",
    "utilization_over_time",
    "welch",
    "welch_numbers",
    "work_by_use",
    "work_numbers",
]
