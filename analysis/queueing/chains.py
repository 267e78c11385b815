"""Markov chains in discrete time, truncated where what lies beyond cannot be seen."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

FloatArray = NDArray[np.float64]
BEYOND = 1e-10
"""The share beyond a truncation that is too much to be left out."""


def stationary(transitions: FloatArray) -> FloatArray:
    """The stationary distribution of a chain, shape (n,), from its matrix of probabilities, shape (n, n)."""
    size = len(transitions)
    equations = transitions.T - np.eye(size)
    equations[-1] = 1.0
    return np.asarray(np.linalg.solve(equations, np.eye(size)[-1]))


def poisson(mean: float, most: int) -> FloatArray:
    """The probabilities of 0 to `most` events, shape (most + 1,)."""
    counts = np.arange(most + 1)
    if mean == 0:
        return np.asarray(counts == 0, dtype=np.float64)
    return np.asarray(np.exp(counts * np.log(mean) - mean - gammaln(counts + 1.0)))


def left_and_arrived(left: NDArray[np.int64], arrivals: FloatArray) -> FloatArray:
    """The matrix of a chain that goes from n to left[n] + arrivals, whose law row n of `arrivals` has; both of size N.

    What would lie beyond the last state stays in it.
    """
    size = len(left)
    transitions = np.zeros((size, size))
    for state in range(size):
        transitions[state, left[state] :] = arrivals[state, : size - left[state]]
    transitions[:, -1] += 1.0 - transitions.sum(axis=1)
    return transitions


def check_truncation(distribution: FloatArray) -> None:
    """Refuse a truncation that cuts off what counts. Raises ArithmeticError."""
    if distribution[-1] > BEYOND:
        raise ArithmeticError(f"a share of {distribution[-1]:.1g} lies beyond {len(distribution)} states: allow more")
