"""The JSON files of a run folder, as JSON Schema: what a reader of a manifest may rely on."""

from __future__ import annotations

import sys
from typing import Any, Literal, NotRequired, TypedDict

NAME = {"type": "string", "minLength": 1, "maxLength": 10_000}
WORD = {"type": "string", "maxLength": 100_000}
COUNT = {"type": "integer", "minimum": 1, "maximum": 2**53}
FROM_0 = COUNT | {"minimum": 0}
NUMBER = {"type": "number", "minimum": -sys.float_info.max, "maximum": sys.float_info.max}
NETWORK: dict[str, dict[str, Any]] = {  # of a question: only where they are not as usual
    "activation": NAME,
    "init": NAME,
    "weight_decay": NUMBER | {"minimum": 0},
}
METRICS = ("error", "balanced-error", "loss")
ENDS = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}


def _object(needs: dict[str, Any], may: dict[str, Any] | None = None) -> dict[str, Any]:
    """These keys, those that may be, and no other."""
    return {
        "type": "object",
        "properties": needs | (may or {}),
        "required": list(needs),
        "additionalProperties": False,
    }


def _by_name(one: dict[str, Any], least: int = 0) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": one, "propertyNames": NAME, "minProperties": least}


def _list(one: dict[str, Any], least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": one, "minItems": least}


_ARM = _object(
    {
        "optimizer": NAME,
        "decay": NAME,
        "batch_sizes": _list(FROM_0),
        "fixed": _by_name(NUMBER),
        "search": _by_name(ENDS),
        "sampler": NAME,
    },
    {"file": NAME, "source": NAME},
)
_OWN_TABLE = _object(
    {"path": NAME, **{one: {"type": ["string", "null"]} for one in ("group", "time", "task")}},
    {
        **{one: {"type": "string"} for one in ("missing_target", "positive")},
        **{one: _list({"type": "string"}, 1) for one in ("drop", "category", "number", "date")},
    },
)
_OWN_TABLE["properties"]["target"] = {"type": ["string", "null"]}
_RULE = {"const": "rule"}
MANIFEST = _object(
    {
        "format": COUNT,
        "asked": _object(
            {
                "name": NAME,
                "optimizers": _by_name(_ARM, 1),
                "datasets": _list(NAME, 1) | {"uniqueItems": True},
                "blocks": COUNT,
            },
            {"tables": _by_name(_OWN_TABLE)},
        ),
        "question": _object(
            {
                "name": NAME,
                "draws": COUNT | {"minimum": 2},
                "fresh": COUNT | {"minimum": 2},
                "epochs": {"anyOf": [_RULE, COUNT]},
                "widths": {"anyOf": [_RULE, _list(COUNT)]},
                "metric": {"enum": list(METRICS)},
                "seed": FROM_0 | {"maximum": 2**63 - 1},
                "results_version": COUNT,
                "arithmetic": _by_name(WORD),
            },
            NETWORK | {"claims": {"const": True}, "against": _list(NAME, 1)},
        ),
        "changes": _list(WORD),
    }
)


class ArmSpec(TypedDict):
    """An arm in a manifest. file, source: of an optimizer of one's own."""

    optimizer: str
    decay: str
    batch_sizes: list[int]
    fixed: dict[str, float]
    search: dict[str, list[float]]
    sampler: str
    file: NotRequired[str]
    source: NotRequired[str]


class TableSpec(TypedDict):
    """A table of one's own in a manifest."""

    path: str
    target: NotRequired[str | None]
    group: str | None
    time: str | None
    task: str | None
    missing_target: NotRequired[str]
    positive: NotRequired[str]
    drop: NotRequired[list[str]]
    category: NotRequired[list[str]]
    number: NotRequired[list[str]]
    date: NotRequired[list[str]]


class Asked(TypedDict):
    """What a run may add to."""

    name: str
    optimizers: dict[str, ArmSpec]
    datasets: list[str]
    blocks: int
    tables: NotRequired[dict[str, TableSpec]]


class Question(TypedDict):
    """All else that determines results."""

    name: str
    draws: int
    fresh: int
    epochs: int | Literal["rule"]
    widths: list[int] | Literal["rule"]
    metric: str
    seed: int
    results_version: int
    arithmetic: dict[str, str]
    activation: NotRequired[str]
    init: NotRequired[str]
    weight_decay: NotRequired[float]
    against: NotRequired[list[str]]
    claims: NotRequired[Literal[True]]


class Manifest(TypedDict):
    """What `MANIFEST` lets pass."""

    format: int
    asked: Asked
    question: Question
    changes: list[str]


MADE = _object(  # beside the tables: what they were made of, and the checksums of what was written
    {
        "of": {"type": "string"},
        "lines": _by_name(_by_name(NAME)),
        "tables": _by_name(NAME, 1),
        "manifest": NAME,
    }
)
MACHINE = _by_name(
    {"type": ["string", "number", "null"], "maxLength": 10_000} | {"minimum": -1e300, "maximum": 1e300}
)
TIMING = {  # a line of timings.jsonl
    "type": "object",
    "properties": {
        "dataset": NAME,
        "block": FROM_0,
        "batch_size": COUNT,
        "rows": COUNT,
        "steps": COUNT,
        "seconds": NUMBER | {"minimum": 0},
    },
    "required": ["dataset", "block", "batch_size", "rows", "steps", "seconds"],
}


def misfit(content: Any, shape: dict[str, Any]) -> str:
    """Where content does not fit a shape, and how; "" where it fits."""
    from jsonschema import Draft202012Validator  # here, for it takes a fifth of a second
    from jsonschema.exceptions import best_match

    wrong = best_match(Draft202012Validator(shape).iter_errors(content))
    if wrong is None:
        return ""
    said = wrong.message if len(wrong.message) <= 200 else f"{wrong.message[:120]} … {wrong.message[-60:]}"
    return f"{wrong.json_path.removeprefix('$.')}: {said}" if wrong.path else said
