"""What `check` reckons: exact where theory is, near the simulator's saturation elsewhere; and what it cautions of."""

import math

import pytest

import sim
from analysis.check import describe
from analysis.expectation import longest, service_expectation
from analysis.job_expectation import training_expectation
from analysis.requests_in_vain import requests_in_vain
from sim.preparation import prepare

GPU = {"gpu": {"kind": "gpu", "memory": "16 GB", "idle_power": "60 W", "busy_power": "400 W"}}


def scenario(*, services=None, training=None, **changes):
    base = {
        "fleetsim": 1,
        "name": "small",
        "horizon": "2 d",
        "accelerators": GPU,
        "models": {"unit": {"kind": "single_pass", "latency": {"batch": [1, 4, 8], "seconds": [1.0, 2.0, 8.0]}}},
        "pools": {"p": {"accelerator": "gpu", "nodes": 2, "accelerators_per_node": 8, "price": "1 USD/h"}},
    }
    return sim.load(base | {"services": services or {}, "training": training or {}} | changes)


def service(rate="9/s", **changes):
    arrivals = {"process": "poisson", "rate": rate}
    requests = {"arrivals": arrivals, "work": {"exponential": {"mean": 1}}}
    return {"s": {"model": "unit", "pools": ["p"], "replicas": 10, "requests": requests} | changes}


def stream(**changes):
    arrivals = {"process": "poisson", "rate": "3/h"}
    return {"t": {"pools": ["p"], "arrivals": arrivals, "accelerators": 4, "duration": "20 min"} | changes}


def text(spec):
    return "\n".join(describe(spec))


def test_the_load_of_a_textbook_queue_is_exact():
    found = service_expectation(prepare(scenario(services=service())), "s")
    assert found.load == pytest.approx(0.9)
    assert found.arriving.number == pytest.approx(9 * 2 * 86400)
    assert found.pace.least["e2e"] == pytest.approx(math.log(2), rel=0.1)


def test_batches_are_reckoned_at_the_size_that_is_fastest_for_each():
    batching = {"policy": "dynamic", "max_batch_size": 8, "max_queue_delay": "0 s"}
    found = service_expectation(prepare(scenario(services=service(batching=batching))), "s")
    assert found.pace.batch == 4
    assert found.load == pytest.approx(9 * 0.5 / 10)


def test_the_peak_is_that_of_the_curve():
    shape = {"daily": {"peak_to_trough": 3, "peak_at": "14:00"}}
    arrivals = {"process": "poisson", "rate": "4/s", "shape": shape}
    requests = {"arrivals": arrivals}
    found = service_expectation(prepare(scenario(services=service(requests=requests))), "s")
    assert found.load == pytest.approx(0.4)
    assert found.peak_load == pytest.approx(0.6, rel=1e-3)
    assert found.arriving.number == pytest.approx(4 * 2 * 86400)
    morning = scenario(services=service(requests=requests), horizon="1 h")
    assert service_expectation(prepare(morning), "s").arriving.number < 0.6 * 4 * 3600


def test_a_trace_is_counted(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("arrival_s,work\n" + "".join(f"{each},2\n" for each in range(101)))
    requests = {"arrivals": {"process": "trace", "format": "csv", "path": str(path)}}
    found = service_expectation(prepare(scenario(services=service(requests=requests))), "s")
    assert found.arriving.number == 101
    assert found.load == pytest.approx(2 / 10)


def llm(rate, output=300.0, accelerator="H100-SXM", **changes):
    pools = {"p": {"accelerator": accelerator, "nodes": 1, "accelerators_per_node": 8}}
    lengths = {"prompt": {"exponential": {"mean": 600}}, "output": {"exponential": {"mean": output}}}
    requests = {"arrivals": {"process": "poisson", "rate": rate}, "lengths": lengths}
    spec = {"model": "Llama-3.1-8B", "pools": ["p"], "precision": "bf16", "requests": requests}
    batching = {"policy": "continuous", "max_batch_size": 64}
    return scenario(services={"s": spec | {"batching": batching} | changes}, pools=pools, horizon="1000 s")


def test_a_generative_service_saturates_where_the_estimate_says():
    load = service_expectation(prepare(llm("1/s")), "s").load
    result = sim.run(llm(f"{1.5 / load}/s").with_({"warmup": "200 s"}))
    assert result.metric("services.s.throughput.requests_per_s") == pytest.approx(1 / load, rel=0.1)


def test_requests_that_exceed_the_cache_are_cautioned_of():
    spec = llm("1/s", output=60_000.0, accelerator="A10G")
    found = service_expectation(prepare(spec), "s")
    assert found.tokens is not None
    assert found.tokens.too_long > 0.2
    assert "of the requests exceed the" in text(spec)
    prepared = prepare(spec)
    (said,) = requests_in_vain(prepared)
    assert "services.s.requests" in said
    assert f"{100 * found.tokens.too_long:.1f}" in said
    result = sim.run(spec)
    rejected, arrived = (result.metric(f"services.s.requests.{key}") for key in ("rejected", "arrived"))
    assert rejected / arrived == pytest.approx(found.tokens.too_long, abs=0.05)


def test_requests_of_a_trace_that_exceed_the_cache_are_named_and_still_come(tmp_path):
    path = tmp_path / "trace.csv"
    rows = "".join(f"{second},{100 if second % 4 else 10_000_000},5\n" for second in range(20))
    path.write_text("arrival_s,prompt_tokens,output_tokens\n" + rows)
    prepared = prepare(llm("1/s", requests={"arrivals": {"process": "trace", "format": "csv", "path": str(path)}}))
    (said,) = requests_in_vain(prepared)
    assert "about 25" in said
    assert sim.simulation.simulate(prepared).metric("services.s.requests.rejected") == 5


def test_turns_that_a_session_outgrows_are_not_sent_and_not_rejected():
    """A prompt takes 45 % of the cache: the second turn fits with the first, the third does not any more."""
    room = longest(prepare(llm("1/s")), "s")
    requests = {
        "arrivals": {"process": "deterministic", "rate": "0.005/s"},
        "lengths": {"prompt": int(0.45 * room), "output": 10},
        "sessions": {"turns": 4, "think_time": "1 s"},
    }
    spec = llm("1/s", requests=requests)
    tokens = service_expectation(prepare(spec), "s").tokens
    assert (tokens.too_long, tokens.unsent) == (0.0, pytest.approx(0.5))
    result = sim.run(spec.with_({"drain": True}))
    assert result.metric("services.s.requests.rejected") == 0
    assert result.metric("services.s.requests.arrived") == 2 * result.metric("services.s.requests.cut_sessions") > 4


@pytest.mark.parametrize(
    ("rate", "words"), [("9/s", "near full load: 90.00"), ("11/s", "overloaded: 110"), ("5/s", None)]
)
def test_load_is_cautioned_of(rate, words):
    found = text(scenario(services=service(rate)))
    assert words in found if words else "load:" not in found and "overloaded" not in found


def test_a_promise_out_of_reach():
    assert "services.s.slo.e2e: out of reach" in text(scenario(services=service(slo={"e2e": "500 ms"})))
    assert "out of reach" not in text(scenario(services=service(slo={"e2e": "2 s"})))
    assert "slo.ttft: out of reach" in text(llm("1/s", slo={"ttft": "10 ms"}))
    assert "slo.tpot: out of reach" in text(llm("1/s", slo={"tpot": "1 ms"}))
    classes = {"arrivals": {"process": "poisson", "rate": "4/s"}, "a": {"share": 0.5}, "b": {"share": 0.5}}
    classes["b"]["slo"] = {"e2e": "500 ms"}
    assert "services.s.requests.b.slo.e2e: out of reach" in text(scenario(services=service(requests=classes)))


def test_a_full_link_between_prefill_and_decode_is_overload():
    group = {"pools": ["p"], "replicas": 4}
    lengths = {"prompt": 1000, "output": 100}

    def found(bandwidth):
        groups = {"prefill": group, "decode": group, "kv_transfer": {"bandwidth": bandwidth, "latency": "0 s"}}
        requests = {"arrivals": {"process": "poisson", "rate": "16/s"}, "lengths": lengths}
        chat = {"model": "Llama-3.1-8B", "groups": groups, "requests": requests}
        pools = {"p": {"accelerator": "H100-SXM", "nodes": 1}}
        return service_expectation(prepare(scenario(services={"s": chat}, pools=pools)), "s")

    assert found("1 GB/s").load == pytest.approx(16 * 1000 * 131_072 / 4e9)
    assert found("50 GB/s").load < 0.5


def test_a_short_horizon():
    assert "too few for a 99th percentile" in text(scenario(services=service(), horizon="60 s"))
    assert "the horizon is short" in text(scenario(services=service("9.95/s"), horizon="1000 s"))
    assert "the horizon is short" not in text(scenario(services=service("5/s"), horizon="1000 s"))


def test_figures_that_will_be_null():
    found = text(scenario(services=service(), pools={"p": {"accelerator": "gpu", "nodes": 10}}))
    assert "pools.p: the price is unknown" in found
    assert "pools.p: the embodied carbon of gpu is unknown" in found
    known = {"p": {"accelerator": "H100-SXM", "nodes": 2}}
    assert "unknown" not in text(scenario(services=service(), pools=known))


def test_estimates_are_called_so():
    pools = {"p": {"accelerator": "T4", "nodes": 10, "accelerators_per_node": 1}}
    assert "busy power of T4 follows a law that is an estimate" in text(scenario(services=service(), pools=pools))


def test_the_demand_of_jobs_and_what_services_leave():
    prepared = prepare(scenario(services=service(), training=stream()))
    found = training_expectation(prepared, "t")
    assert found.demand == pytest.approx(3 * 4 / 3)
    assert found.room == 6
    assert found.arriving.number == pytest.approx(3 * 48)
    busy = stream(duration="40 min", checkpoint={"interval": "10 min", "cost": "1 min"})
    assert training_expectation(prepare(scenario(training=busy)), "t").demand == pytest.approx(8 * 1.1)
    assert "jobs need 8.8 accelerators of p on average, more than the 6" in text(
        scenario(services=service(), training=busy)
    )


def test_jobs_of_a_trace_that_can_never_run_are_named(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text("job_id,submit_time,num_gpu,duration\na,0,4,100\ngiant,1,40,100\n")
    trace = {"t": {"pools": ["p"], "trace": {"format": "csv", "path": str(path)}}}
    found = text(scenario(training=trace))
    assert "1 jobs can never run and will be rejected: giant" in found
    assert "about 2 jobs to the horizon" in found
