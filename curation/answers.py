"""A command's answer as JSON: what `--json` prints, and what goes through the door."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import orjson


def as_json(answer: dict[str, Any]) -> str:
    """The answer as one line of JSON (RFC 8259): times in ISO 8601, NaN and infinity as null."""
    try:
        return orjson.dumps(answer).decode()
    except TypeError:
        # Lone surrogates, numbers above 64 bits and deep nesting, as `extra` may hold them.
        return json.dumps(_finite(answer), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value
