"""Policies by name and by class: what is built, what is refused and in which words."""

import sys

import pytest

from sim.policies import registry
from sim.policies.registry import PolicyError, description, resolve

OWN = """\
class Shortest:
    blocks = False
    preempts = {preempts}
    sees = {sees!r}

    def __init__(self, scale=1.0):
        self.scale = scale

    def key(self, job):
        return (self.scale * job.gang,)

    def next_change(self, job):
        return None
"""


def own(folder, name, preempts=False, sees="nothing"):
    (folder / f"{name}.py").write_text(OWN.format(preempts=preempts, sees=sees))
    return f"{name}:Shortest"


@pytest.mark.parametrize("seam", [seam for seam in registry.BUILT_IN if seam != "routing"])
def test_every_built_in_policy_can_be_built_and_keeps_its_protocol(seam):
    for name in registry.BUILT_IN[seam]:
        registry._check(seam, name, resolve(seam, name, {}))


def test_every_policy_says_what_it_does():
    for seam, names in registry.BUILT_IN.items():
        assert all(description(seam, name).endswith((".", ":")) for name in names)


def test_routing_rules_are_those_of_the_request_plane():
    from sim.serving.layout import ROUTING

    assert set(registry.BUILT_IN["routing"]) == set(registry.ROUTING) == set(ROUTING)


def test_a_class_of_ones_own_comes_from_the_folder_of_the_scenario(tmp_path):
    policy = resolve("scheduling", own(tmp_path, "fleetsim_test_own"), {"scale": 2.0}, tmp_path)
    assert policy.scale == 2.0
    assert str(tmp_path) not in sys.path


def test_a_module_of_the_same_name_elsewhere_is_not_taken_for_it(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    name = "fleetsim_test_twice"
    resolve("scheduling", own(tmp_path / "a", name), {}, tmp_path / "a")
    resolve("scheduling", f"{name}:Shortest", {}, tmp_path / "a")
    with pytest.raises(PolicyError, match="another name"):
        resolve("scheduling", own(tmp_path / "b", name), {}, tmp_path / "b")


@pytest.mark.parametrize(("parts", "words"), [({"sees": "all"}, "sees 'all': one of nothing")])
def test_what_is_not_built_is_refused(tmp_path, parts, words):
    name = f"fleetsim_test_{next(iter(parts))}"
    with pytest.raises(PolicyError, match=words):
        resolve("scheduling", own(tmp_path, name, **parts), {}, tmp_path)


def test_options_are_checked_against_the_signature(tmp_path):
    with pytest.raises(PolicyError, match=r"unexpected keyword argument 'depth'; its options are scale=1\.0"):
        resolve("scheduling", own(tmp_path, "fleetsim_test_options"), {"depth": 1}, tmp_path)
    with pytest.raises(PolicyError, match="it takes no options"):
        resolve("placement", "best_fit", {"depth": 1})


@pytest.mark.parametrize("value", ["no", 3, None, "maybe"])
@pytest.mark.parametrize(
    ("name", "option"), [("priority", "preempts"), ("max_min_heterogeneous", "heterogeneity_aware")]
)
def test_what_is_true_or_false_is_nothing_else(name, option, value):
    with pytest.raises(PolicyError, match=f"`{name}`: `{option}` is true or false, not {value}"):
        resolve("scheduling", name, {option: value})


@pytest.mark.parametrize("interval", [0, -1.0, "60 s", float("nan"), float("inf")])
def test_a_policy_decides_at_an_interval_that_can_be(interval):
    class Mine:
        sees = "nothing"

        def decide(self, fleet):
            return ()

    Mine.interval = interval
    with pytest.raises(PolicyError, match="`Mine` has an `interval` of"):
        registry.check("scheduling", Mine())
