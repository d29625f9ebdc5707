"""Where a student computes, decided from sizes alone."""

from __future__ import annotations

import pytest

from curation.errors import StudentError
from curation.student.machine import (
    CPU_PACK_TOKENS,
    GPU_PACK_TOKENS,
    Device,
    Place,
    check,
    choose,
    devices,
)

GIB = 2**30
CPU = Device("cpu", 16 * GIB)


def test_without_a_gpu_the_processor_computes_in_the_dtype_asked_for() -> None:
    assert choose("float32", 135_000_000, 1536, [CPU], "s") == Place(
        "cpu", "float32", CPU_PACK_TOKENS
    )


def test_a_gpu_that_holds_the_weights_is_taken_with_a_pass_as_large_as_it_allows() -> None:
    # 1 G parameters in bfloat16: 2 · 10⁹ bytes; 8 GiB − that = 6,589,934,592; a quarter of it is
    # 1,647,483,648; a token takes 16 buffers · 8,192 numbers · 2 bytes = 262,144; so 6,284 tokens.
    gpu = Device("cuda:0", 8 * GIB)
    place = choose("bfloat16", 1_000_000_000, 8192, [gpu, CPU], "s")
    assert place == Place("cuda:0", "bfloat16", 6284)
    large = choose("bfloat16", 1_000_000_000, 8192, [Device("cuda:0", 140 * GIB), CPU], "s")
    assert large.pack_tokens == GPU_PACK_TOKENS


def test_a_gpu_that_does_not_hold_the_weights_is_left_for_the_processor() -> None:
    # 3 G parameters in float32 are 12 · 10⁹ bytes, more than 8 GiB (8.6 · 10⁹) and less than 16.
    place = choose("float32", 3_000_000_000, 8192, [Device("cuda:0", 8 * GIB), CPU], "s")
    assert place == Place("cpu", "float32", CPU_PACK_TOKENS)


@pytest.mark.parametrize(
    ("n_parameters", "dtype"),
    [
        # float32 takes 4 bytes each, and as much again must stay free: up to 16 GiB / 8.
        (2 * GIB - 1, "float32"),
        (2 * GIB, "bfloat16"),
    ],
)
def test_auto_takes_float32_while_as_much_again_stays_free(n_parameters: int, dtype: str) -> None:
    assert choose("auto", n_parameters, 8192, [CPU], "s").dtype == dtype


def test_weights_that_nothing_holds_are_refused_with_both_sizes() -> None:
    with pytest.raises(StudentError) as caught:
        choose("float32", 8 * GIB, 8192, [CPU], "a large one")
    assert str(caught.value) == (
        "The weights of a large one need 32.0 GiB, and the most that is free here is 16.0 GiB. "
        "Close what uses memory, take a smaller student, or --dtype bfloat16."
    )


def test_an_unknown_dtype_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(StudentError, match="'int4' is not known; it takes float32, bfloat16 or"):
        check("int4")


def test_this_machine_has_a_processor_with_some_memory_free() -> None:
    last = devices()[-1]
    assert last.name == "cpu"
    assert last.free_bytes > 2**20
