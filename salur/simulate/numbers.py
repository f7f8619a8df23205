"""Dividing whole numbers exactly: families over villages, damage over its kinds."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def share_out(total: int, weights: npt.ArrayLike) -> Ints:
    """``total`` in whole parts in proportion to ``weights`` (none negative, not all zero); the parts sum to ``total`` exactly.

    Largest remainder (Hamilton's method); of equal remainders the first wins, so the answer depends on nothing else.
    """
    exact = np.asarray(weights, dtype=np.float64)
    exact = exact / exact.sum() * total
    parts: Ints = np.floor(exact).astype(np.int64)
    left = total - int(parts.sum())
    parts[np.argsort(parts - exact, kind="stable")[:left]] += 1
    return parts


def lognormal(rng: np.random.Generator, size: int, *, sigma: float) -> Floats:
    """Positive weights whose logarithm spreads by ``sigma``: how unequal villages are in size."""
    return np.exp(sigma * rng.standard_normal(size))
