"""Predicted against measured as Markdown: a summary of each set, and every pair of MLPerf runs, misses marked."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import mean, median

from analysis.fitting.constants import Errors
from tests.measured.mlperf_batches import batches_table
from tests.measured.mlperf_predictions import Prediction, predictions
from tests.measured.splitwise import GPUS, errors_of_a_fit, errors_of_the_catalog, together

AIMS = {"prefill": 0.15, "decode": 0.06}
RATE_AIM = 0.10


def tables() -> str:
    """Give all tables; takes some minutes."""
    found = predictions()
    parts = [splitwise_table(), "", *_by_benchmark(found), "", *batches_table(), "", *_by_pair(found)]
    return "\n".join(parts)


def splitwise_table() -> str:
    """Give the errors of the laws on the configurations held out, with the catalog's constants and with fitted ones."""
    sources: dict[str, Callable[[str], Errors]] = {"catalog": errors_of_the_catalog, "fit": errors_of_a_fit}
    lines = [
        "| LLM on A100 and H100, held out | constants | times | median error | mean | largest | aim | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for source, errors_of in sources.items():
        found = {gpu: errors_of(gpu) for gpu in GPUS}
        for what, aim in AIMS.items():
            whole = getattr(together(list(found.values())), what)
            verdict = "holds" if median(whole) <= aim else "**MISS**"
            lines.append(f"| {what} | {source} | {_spread(whole)} | {aim:.0%} | {verdict} |")
            lines += [
                f"| of it {gpu} | {source} | {_spread(getattr(errors, what))} | | |" for gpu, errors in found.items()
            ]
    return "\n".join(lines)


def typical(errors: Iterable[float]) -> float:
    """Give the median of the absolute values."""
    return median(map(abs, errors))


def _spread(errors: Sequence[float]) -> str:
    return f"{len(errors)} | {median(errors):.1%} | {mean(errors):.1%} | {max(errors):.0%}"


def _by_benchmark(found: Sequence[Prediction]) -> Iterator[str]:
    """Median errors; bold where p99 is no better than the constant, or the rate misses its aim."""
    yield (
        f"| MLPerf Server from Offline | pairs | p99: fitted | left out | constant "
        f"| rate (aim {RATE_AIM:.0%}): fitted | left out | constant |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for benchmark in dict.fromkeys(each.pair.benchmark for each in found):
        yield _summary(benchmark, [each for each in found if each.pair.benchmark == benchmark])
    yield _summary("all", found)


def _summary(name: str, found: Sequence[Prediction]) -> str:
    errors = ([each.fitted_error for each in found], [each.error for each in found])
    constant = [each.constant_error for each in found]
    p99, rate = typical(each.p99 for each in constant), typical(each.rate for each in constant)
    fitted, left_out = (_marked(typical(each.p99 for each in some), "{:.0%}", p99) for some in errors)
    cells = [name, str(len(found)), fitted, left_out, f"{p99:.0%}"]
    cells += [_marked(typical(each.rate for each in some), "{:.1%}", RATE_AIM) for some in errors]
    return f"| {' | '.join([*cells, f'{rate:.1%}'])} |"


def _marked(error: float, form: str, aim: float) -> str:
    return form.format(error) if error < aim else f"**{form.format(error)}**"


def _by_pair(found: Sequence[Prediction]) -> Iterator[str]:
    yield (
        "| Server run | overhead | full batch | p99, s: measured | predicted, left out | error | fitted | constant "
        "| rate, 1/s: measured | predicted, left out | error | fitted | constant | misses |"
    )
    yield f"|{' --- |' * 14}"
    for each in found:
        pair, outcome, error, fitted, constant = (
            each.pair,
            each.outcome,
            each.error,
            each.fitted_error,
            each.constant_error,
        )
        missed = {"p99": abs(error.p99) >= abs(constant.p99), "rate": abs(error.rate) > RATE_AIM}
        p99 = f"{_shown(pair.p99)} | {_shown(outcome.p99)} | {error.p99:+.0%} | {fitted.p99:+.0%} | {constant.p99:+.0%}"
        rate = f"{_shown(pair.rate)} | {_shown(outcome.rate)} | {error.rate:+.0%} | {fitted.rate:+.0%}"
        yield (
            f"| {pair.benchmark}, {pair.version} {pair.platform} "
            f"| {each.tuning.overhead:.0%} | {_shown(each.tuning.batch * pair.limit)} s "
            f"| {p99} | {rate} | {constant.rate:+.0%} "
            f"| {', '.join(what for what, miss in missed.items() if miss)} |"
        )


def _shown(value: float) -> str:
    """Write a figure with three digits, without an exponent."""
    digits = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:.{digits}f}"
