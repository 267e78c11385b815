"""How a rate moves over time: piecewise-constant factors with mean 1, as endless sequences of (end, factor).

Pieces follow each other from time 0. A daily curve is cut into pieces of five minutes and growth into hours, each with
the value of its middle, so that cumulative rates are piecewise linear and their inverses exact. Local time runs at a
fixed offset: there is no daylight saving.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np

HOUR, DAY = 3600.0, 86400.0
DAILY_STEP = 300.0
"""Seconds of one piece of a daily curve: a factor changes by about 1 % at most from one to the next."""
STEPS_PER_CORRELATION_TIME = 20

Piece = tuple[float, float]
"""Where a piece ends (s) and the factor on it."""
Pieces = Iterator[Piece]


def constant() -> Pieces:
    """Stay at 1: one piece without end."""
    yield math.inf, 1.0


def daily(peak_to_trough: float, peak_at: float, start_of_day: float) -> Pieces:
    """Follow a cosine over the day, highest at `peak_at` (s after local midnight); mean 1 over a day.

    `start_of_day` is the local time of simulated second 0, in seconds after midnight or after Monday's midnight.
    """
    amplitude = (peak_to_trough - 1) / (peak_to_trough + 1)
    first = math.floor(start_of_day / DAILY_STEP)
    for step in count(first):
        middle = (step + 0.5) * DAILY_STEP
        factor = 1 + amplitude * math.cos(2 * math.pi * math.fmod(middle - peak_at, DAY) / DAY)
        yield (step + 1) * DAILY_STEP - start_of_day, factor


def hourly(values: Sequence[float], start_of_day: float) -> Pieces:
    """Repeat one value an hour: 24 from midnight or 168 from Monday's midnight, scaled to mean 1."""
    mean = math.fsum(values) / len(values)
    for hour in count(math.floor(start_of_day / HOUR)):
        yield (hour + 1) * HOUR - start_of_day, values[hour % len(values)] / mean


def growth(rate: float) -> Pieces:
    """Grow continuously by `exp(rate * t)`, 1 at time 0; `rate` in 1/s."""
    for hour in count():
        yield (hour + 1) * HOUR, math.exp(rate * (hour + 0.5) * HOUR)


def cox(generator: np.random.Generator, rate_cv: float, correlation_time: float) -> Pieces:
    """Wander as the exponential of a stationary Ornstein-Uhlenbeck process of mean 1.

    `rate_cv` is its coefficient of variation, `correlation_time` (s) that of the logarithm. The process is exact at
    steps of a twentieth of that time, and held between them.
    """
    variance = math.log1p(rate_cv * rate_cv)
    step = correlation_time / STEPS_PER_CORRELATION_TIME
    keep = math.exp(-1 / STEPS_PER_CORRELATION_TIME)
    fresh = math.sqrt(variance * (1 - keep * keep))
    logarithm = math.sqrt(variance) * generator.standard_normal()
    for index in count(1):
        yield index * step, math.exp(logarithm - variance / 2)
        logarithm = keep * logarithm + fresh * generator.standard_normal()


def on_off(generator: np.random.Generator, on_mean: float, off_mean: float) -> Pieces:
    """Alternate exponential bursts and pauses with these means (s), in their stationary state at time 0."""
    factor = (on_mean + off_mean) / on_mean
    end = 0.0
    on = generator.random() * (on_mean + off_mean) < on_mean
    while True:
        end += (on_mean if on else off_mean) * generator.standard_exponential()
        yield end, factor if on else 0.0
        on = not on


def mmpp(generator: np.random.Generator, rates: Sequence[float], switching_rates: Sequence[float]) -> Pieces:
    """Go round states of these rates, each left at its switching rate (1/s); stationary at time 0, mean 1."""
    stays = 1.0 / np.array(switching_rates)
    factors = np.array(rates) * stays.sum() / float(np.dot(rates, stays))
    state = int(np.searchsorted(np.cumsum(stays) / stays.sum(), generator.random(), side="right"))
    end = 0.0
    while True:
        state %= len(factors)
        end += float(stays[state]) * generator.standard_exponential()
        yield end, float(factors[state])
        state += 1


def product(first: Pieces, second: Pieces) -> Pieces:
    """Multiply two sequences: a piece for each stretch on which neither changes."""
    (end, factor), (other_end, other_factor) = next(first), next(second)
    while True:
        yield min(end, other_end), factor * other_factor
        ended, other_ended = end <= other_end, other_end <= end
        if ended:
            end, factor = next(first)
        if other_ended:
            other_end, other_factor = next(second)
