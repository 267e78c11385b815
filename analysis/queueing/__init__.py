"""Queues with a known answer, as plain functions: what simulations are held against, and brackets for plans.

Rates are in 1/s, times in s; `service` is the mean service time, `scv` a squared coefficient of variation (variance
over squared mean), `load` the work offered in servers (erlangs). Every function names the source of its formula.
"""

from analysis.queueing.approximations import allen_cunneen, kingman
from analysis.queueing.batches import bulk_service, dynamic_batches, waiting_for_company
from analysis.queueing.choices import power_of_two_response, shorter_of_two_response
from analysis.queueing.finite_source import closed_loop
from analysis.queueing.fixed_service import mdc_wait, mdc_wait_over
from analysis.queueing.gangs import kaufman_roberts, two_servers_saturated
from analysis.queueing.many_servers import erlang_b, erlang_c, mmc_wait, mmc_wait_over, mmc_wait_quantile, mmck
from analysis.queueing.patience import exponential_patience, fixed_patience
from analysis.queueing.power import joules_per_request, mean_power
from analysis.queueing.priorities import (
    mmc_preemptive_responses,
    mmc_priority_waits,
    preemptive_responses,
    priority_waits,
)
from analysis.queueing.renewal_arrivals import (
    equal_gaps,
    gamma_gaps,
    gm1_root,
    gm1_wait,
    gm1_wait_over,
    interrupted_gaps,
)
from analysis.queueing.single_server import (
    batch_arrivals_wait,
    hyperexponential_scv,
    moments,
    pollaczek_khinchine,
    setup_response,
    setup_shares,
)
from analysis.queueing.sizes import (
    bounded_pareto_sizes,
    hyperexponential_sizes,
    least_attained_response,
    shortest_remaining_response,
)

__all__ = [
    "allen_cunneen",
    "batch_arrivals_wait",
    "bounded_pareto_sizes",
    "bulk_service",
    "closed_loop",
    "dynamic_batches",
    "equal_gaps",
    "erlang_b",
    "erlang_c",
    "exponential_patience",
    "fixed_patience",
    "gamma_gaps",
    "gm1_root",
    "gm1_wait",
    "gm1_wait_over",
    "hyperexponential_scv",
    "hyperexponential_sizes",
    "interrupted_gaps",
    "joules_per_request",
    "kaufman_roberts",
    "kingman",
    "least_attained_response",
    "mdc_wait",
    "mdc_wait_over",
    "mean_power",
    "mmc_preemptive_responses",
    "mmc_priority_waits",
    "mmc_wait",
    "mmc_wait_over",
    "mmc_wait_quantile",
    "mmck",
    "moments",
    "pollaczek_khinchine",
    "power_of_two_response",
    "preemptive_responses",
    "priority_waits",
    "setup_response",
    "setup_shares",
    "shorter_of_two_response",
    "shortest_remaining_response",
    "two_servers_saturated",
    "waiting_for_company",
]
