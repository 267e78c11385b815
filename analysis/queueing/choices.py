"""Poisson arrivals that choose among queues, each with an exponential server of its own."""

import math

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

TALLEST, WIDEST = 150, 40
"""The shorter of two queues, and how much longer the other may be, before states are cut off."""


def shorter_of_two_response(load: float, service: float = 1.0) -> float:
    """The mean response (s) where arrivals join the shorter of two queues; `load` is that of each server.

    The chain of (shorter queue, how much longer the other is), truncated: both fall off geometrically, the shorter by
    load^2 a step. With two queues, the less loaded of two distinct ones is the same.
    """
    rows, columns, rates = [], [], []
    for short in range(TALLEST + 1):
        for more in range(WIDEST + 1):
            for target, rate in _moves(short, more, 2.0 * load):
                rows.append(_number(short, more))
                columns.append(target)
                rates.append(rate)
    size = _number(TALLEST, WIDEST) + 1
    generator = coo_array((rates, (rows, columns)), shape=(size, size)).tolil()
    generator.setdiag(-np.asarray(generator.sum(axis=1)).ravel())
    equations = generator.T.tolil()
    equations[0, :] = 1.0
    right = np.zeros(size)
    right[0] = 1.0
    shares = spsolve(equations.tocsc(), right).reshape(TALLEST + 1, WIDEST + 1)
    inside = 2.0 * np.arange(TALLEST + 1)[:, None] + np.arange(WIDEST + 1)
    return float((shares * inside).sum()) / (2.0 * load) * service


def _number(short: int, more: int) -> int:
    return short * (WIDEST + 1) + more


def _moves(short: int, more: int, arrivals: float) -> list[tuple[int, float]]:
    """Where a state goes, and how fast, in units of one service; what leads beyond the truncation is left out."""
    moves = []
    if more and short < TALLEST:
        moves.append((_number(short + 1, more - 1), arrivals))
    elif not more:
        moves.append((_number(short, 1), arrivals))
    if more:
        moves.append((_number(short, more - 1), 1.0))
    if short and more < WIDEST:
        moves.append((_number(short - 1, more + 1), 1.0 if more else 2.0))
    return moves


def power_of_two_response(load: float, service: float = 1.0) -> float:
    """The mean response (s) of the less loaded of two random queues, in the limit of many (Mitzenmacher 2001).

    A share load^(2^k - 1) of the queues holds at least k.
    """
    terms = math.ceil(math.log2(50.0 / -math.log(load) + 1.0)) + 1
    return service * math.fsum(load ** (2.0**k - 2.0) for k in range(1, terms + 1))
