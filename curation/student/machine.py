"""Where a student computes, in which dtype, and how much at once: by what memory there is.

Owns the decision, made once when a student is loaded; `choose` is a pure function of sizes, so that
it can be tested without the machines. What it takes too large is mended later: a pass that does not
fit is halved (`forward`).

A GPU (CUDA) is taken where the weights fit its free memory, the one with the most free; else the
processor. `auto` takes float32 where its weights leave as much again free, else bfloat16: numbers
in bfloat16 differ from float32 by a few hundredths of a nat a token, so it is the second choice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import torch

from curation.errors import StudentError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

AUTO = "auto"
"""The dtype that memory decides."""

CPU_PACK_TOKENS = 3072
"""Tokens of a pass on a processor, shared ones counted once: more gains nothing (measured on the
demo: 1,024 tokens 8 % slower than 3,072)."""

GPU_PACK_TOKENS = 65536
"""Of a pass on a GPU at most."""

BUFFERS_PER_TOKEN = 16
"""Activations of a token that live at once, in widths of the widest layer: an upper estimate."""


class Device(NamedTuple):
    """A place to compute, and the memory that is free there."""

    name: str
    free_bytes: int


class Place(NamedTuple):
    """Where and how a student computes."""

    device: str
    dtype: str
    pack_tokens: int


def devices() -> list[Device]:
    """The GPUs, the one with the most free memory first, and the processor last."""
    found = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, _ = torch.cuda.mem_get_info(index)
            found.append(Device(f"cuda:{index}", int(free)))
    found.sort(key=lambda device: -device.free_bytes)
    return [*found, Device("cpu", _free_memory())]


def check(dtype: str) -> None:
    """Raise StudentError for a dtype that is not known."""
    if dtype not in (*DTYPES, AUTO):
        raise StudentError(
            f"The dtype {dtype!r} is not known; it takes {', '.join(DTYPES)} or {AUTO}."
        )


def choose(dtype: str, n_parameters: int, width: int, places: Sequence[Device], name: str) -> Place:
    """The place for a student of `n_parameters` whose widest layer has `width` numbers a token.

    `places` in the order of preference. Raises StudentError where none holds the weights, with how
    much they need.
    """
    for place in places:
        for candidate in (dtype,) if dtype != AUTO else tuple(DTYPES):
            size = DTYPES[candidate].itemsize
            left = place.free_bytes - n_parameters * size
            enough = n_parameters * size if dtype == AUTO and candidate == "float32" else 0
            if left <= enough:
                continue
            if place.name == "cpu":
                return Place(place.name, candidate, CPU_PACK_TOKENS)
            fits = left // 4 // (BUFFERS_PER_TOKEN * width * size)
            return Place(
                place.name, candidate, int(min(max(fits, CPU_PACK_TOKENS), GPU_PACK_TOKENS))
            )
    smallest = min(DTYPES[d].itemsize for d in ((dtype,) if dtype != AUTO else DTYPES))
    most = max(place.free_bytes for place in places)
    raise StudentError(
        f"The weights of {name} need {n_parameters * smallest / 2**30:.1f} GiB, and the most that "
        f"is free here is {most / 2**30:.1f} GiB. Close what uses memory, take a smaller student"
        + (", or --dtype bfloat16." if dtype == "float32" else ".")
    )


def _free_memory() -> int:
    """Bytes of memory that a new process could have, as the system says."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass  # no such file on macOS
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
