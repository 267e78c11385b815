"""A stream depends on the seed and its own name, and on nothing else."""

import numpy as np

from sim.workload.streams import stream, stream_key


def test_same_name_same_numbers() -> None:
    assert np.array_equal(stream(7, "services", "chat").random(5), stream(7, "services", "chat").random(5))


def test_other_seeds_and_names_give_other_numbers() -> None:
    names = [(7, ("a", "bc")), (7, ("ab", "c")), (7, ("abc",)), (8, ("a", "bc")), (7, ("a", "bc", "")), (7, ())]
    assert len({stream(seed, *path).random() for seed, path in names}) == len(names)
    assert len({stream_key(seed, *path) for seed, path in names}) == len(names)


def test_keys_fill_64_bits() -> None:
    keys = np.array([stream_key(1, str(index)) for index in range(4000)], dtype=np.uint64)
    for bit in range(64):
        share = np.mean((keys >> np.uint64(bit)) & np.uint64(1))
        assert abs(share - 0.5) <= 4 * 0.5 / np.sqrt(len(keys))


def test_streams_of_neighbours_are_uncorrelated() -> None:
    first, second = stream(1, "services", "a").random(20000), stream(1, "services", "b").random(20000)
    assert abs(np.corrcoef(first, second)[0, 1]) <= 4 / np.sqrt(20000)
