"""What the numbers of this room accept: vectors checked once, with the mistake named.

Private to the room. Knows nothing of what the numbers mean.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def floats(values: npt.ArrayLike, name: str, *, allow_nan: bool = False) -> Floats:
    """`values` as a float64 vector, which may be empty; ValueError for NaN unless allowed."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: a vector is needed; got the shape {array.shape}")
    if not allow_nan and np.isnan(array).any():
        raise ValueError(f"{name}: entry {int(np.isnan(array).argmax())} is NaN")
    return array


def logprobs(values: npt.ArrayLike, name: str, *, allow_nan: bool = False) -> Floats:
    """`floats` that are log-likelihoods: none is above 0 (0.001 nats of rounding are forgiven)."""
    array = floats(values, name, allow_nan=allow_nan)
    above = array > 1e-3
    if above.any():
        at = int(above.argmax())
        raise ValueError(f"{name}: entry {at} is {array[at]:g}; log-likelihoods are 0 or below")
    return array


def bools(values: npt.ArrayLike, name: str, size: int) -> Bools:
    """`values` as a vector of `size` truth values."""
    array = np.asarray(values, dtype=np.bool_)
    same_size(array, name, size)
    return array


def steps(values: npt.ArrayLike, name: str, size: int) -> Ints:
    """`values` as the step of each of `size` tokens: from 0 on, never going back."""
    array = np.asarray(values, dtype=np.int64)
    same_size(array, name, size)
    if array.size and (array[0] < 0 or (np.diff(array) < 0).any()):
        raise ValueError(f"{name}: steps are counted from 0 and never go back along the tokens")
    return array


def same_size(array: npt.NDArray[np.generic], name: str, size: int) -> None:
    """ValueError unless `array` is a vector of `size` entries."""
    if array.shape != (size,):
        raise ValueError(f"{name}: one entry for each of {size} is needed; got {array.shape}")


def place_in_step(step_of_token: Ints) -> Ints:
    """How many tokens of its own step stand before each token (0 = it begins the step)."""
    if not step_of_token.size:
        return np.zeros(0, dtype=np.int64)
    begins = np.r_[True, np.diff(step_of_token) != 0]
    first = np.flatnonzero(begins)
    return np.arange(step_of_token.size) - np.repeat(first, np.diff(np.r_[first, begins.size]))
