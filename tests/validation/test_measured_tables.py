"""The tables of predicted against measured in tests/README.md are what the command gives."""

import pytest

from tests.measured.data import DATA
from tests.measured.mlperf import pairs
from tests.measured.mlperf_predictions import others_of
from tests.measured.mlperf_service import DURATION, WHOLE, Tuning, simulated
from tests.measured.readme import README, tables_in, with_tables
from tests.measured.tables import splitwise_table, tables

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the measured data (../shared/data) is absent")


def test_tables_are_put_between_the_marks_and_read_back() -> None:
    text = README.read_text(encoding="utf-8")
    assert tables_in(with_tables(text, "| a |")) == "| a |"
    assert with_tables(text, tables_in(text)) == text


@needs_data
def test_the_first_table() -> None:
    assert tables_in(README.read_text(encoding="utf-8")).startswith(splitwise_table())


@needs_data
@pytest.mark.slow
def test_all_tables() -> None:
    assert tables_in(README.read_text(encoding="utf-8")) == tables()


@needs_data
@pytest.mark.parametrize("kind", ["pass", "tokens"])
def test_a_service_that_is_overloaded_works_at_its_offline_rate(kind: str) -> None:
    known = pairs()
    pair = next(pair for pair in known if pair.kind == kind)
    for tuning in (Tuning(overhead=0.05, batch=0.2), Tuning(overhead=0.6, batch=0.5)):
        # So many requests that only a part of the run is simulated, when the replicas are full.
        rate = max(1.3 * pair.capacity, 1.1 * WHOLE / DURATION)
        result = simulated(pair, tuning, others_of(pair, known), rate)
        assert result.metric("services.s.throughput.requests_per_s") == pytest.approx(pair.capacity, rel=0.02)


@needs_data
def test_every_pair_is_predicted_from_others_of_its_kind() -> None:
    known = pairs()
    assert len(known) == 33
    assert {"tpu_v5e_x4_flax", "tpu_v6_x4_flax", "R740xd_vck5000"} <= {pair.platform for pair in known}
    for pair in known:
        others = others_of(pair, known)
        assert pair not in others
        assert {other.kind for other in others} == {pair.kind}
