"""Named streams of random numbers: a draw depends on the seed and on what it is for, and on nothing else."""

import hashlib

import numpy as np


def stream(seed: int, *path: str) -> np.random.Generator:
    """Give one purpose a generator of its own, named by a path: `stream(7, "services", "chat", "prompt")`.

    Streams of different paths are independent, so that adding a service or changing a policy leaves every other
    draw as it was.
    """
    digest = _digest(seed, path, size=32)
    words = np.frombuffer(digest, dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence([int(word) for word in words]))


def stream_key(seed: int, *path: str) -> int:
    """Derive a key in [0, 2**64) for counter-based draws in compiled code, as independent by path as `stream`."""
    return int.from_bytes(_digest(seed, (*path, "key"), size=8), "little")


def _digest(seed: int, path: tuple[str, ...], size: int) -> bytes:
    # Each part carries its length, so that ("a", "bc") and ("ab", "c") differ.
    parts = [str(seed).encode(), *(part.encode() for part in path)]
    return hashlib.blake2b(b"".join(b"%d:%s" % (len(part), part) for part in parts), digest_size=size).digest()
