"""Benchmarks against peers, one module a benchmark: `rows()` measures, `report()` says it in words.

Conductors: they may import any room. A row is `{name, value, unit, ratio, bar, met}`: `ratio`
against the peer that `name` says, `bar` what was asked (None where nothing was).
"""
