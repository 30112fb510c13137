"""The JSON Schema of results.json: python -m reports.exports.schema > reports/exports/results.schema.json."""

from __future__ import annotations

import sys
from typing import Any

from reports.exports.results import LISTS, SCHEMA_VERSION, WHOLE
from studies.folder.manifest import as_json
from studies.folder.schema.columns import Column
from studies.folder.schema.notes import MANIFEST, NETWORK
from studies.folder.schema.tables import TABLES

SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
NUMBER = {"anyOf": [{"type": "number"}, {"enum": [None, "inf", "-inf"]}]}
NAMES = {"type": "array", "items": {"type": "string"}}
OBJECT = {"type": "object"}
ADDED: dict[str, dict[str, Any]] = {  # to the columns of a table
    "comparisons": {
        "better": {"type": ["string", "null"], "description": "the optimizer called better; null: none is"},
        "unit": {"type": "string", "description": "of estimate, low, high and margin"},
    },
    "claims": {"clocked": {"type": "boolean", "description": "is it about time, and decided by the clock?"}},
}
TITLES = {
    "comparisons": "every pair of optimizers in both readings, pooled and on each dataset",
    "ranking": "optimizers by mean rank, whom nothing beats, and how stable that is",
    "picks": "one setting for each dataset, chosen and confirmed in fresh blocks",
    "alternatives": "what stands beside a pick in the same fresh blocks, and what is recommended",
    "budgets": "whom nothing beats with fewer epochs or draws",
    "optimizers": "what was compared, with defaults and search ranges",
    "datasets": "what it was compared on, with budget and network",
    "claims": "verdicts of the study claims; empty in any other",
}


def schema() -> dict[str, Any]:
    """The form of results.json, each field with its meaning: those of tables as the tables themselves say."""
    question: dict[str, dict[str, Any]] = MANIFEST["properties"]["question"]["properties"]
    asked: dict[str, dict[str, Any]] = MANIFEST["properties"]["asked"]["properties"]
    study = {
        "name": {"type": "string", "description": "of the study"},
        "changes": NAMES | {"description": "what was changed from the named study, in words"},
        "blocks": asked["blocks"] | {"description": "repetitions on each dataset, each with everything new"},
        "arms": {
            "type": "object",
            "additionalProperties": _arm(asked["optimizers"]["additionalProperties"]),
            "description": "by name: what was fixed, searched and sampled of each optimizer",
        },
        "draws": question["draws"] | {"description": "settings tried by each search"},
        "fresh": question["fresh"]
        | {"description": "further blocks in which picks are chosen and confirmed"},
        "epochs": question["epochs"] | {"description": "of a training; 'rule': by the dataset's size"},
        "widths": question["widths"] | {"description": "of the hidden layers; 'rule': by the dataset"},
        "metric": question["metric"] | {"description": "what an error is"},
        "seed": question["seed"] | {"description": "of everything that is drawn"},
        "results_version": question["results_version"] | {"description": "raised when any number changes"},
        "arithmetic": question["arithmetic"] | {"description": "engine; in NumPy also what moves digits"},
        **{
            name: {"anyOf": [shape, {"type": "null"}], "description": "of the network; null: as usual"}
            for name, shape in NETWORK.items()
        },
    }
    fields = {
        "schema_version": {"const": SCHEMA_VERSION, "description": "of this form"},
        "suite": _object({"name": {"const": "dlopt"}, "version": {"type": "string"}}, "what made it"),
        "study": _object(study, "what was asked"),
        "sha256": SHA256 | {"description": "of the run: two runs with the same one have the same results"},
        "tables": {
            "type": "object",
            "additionalProperties": SHA256,
            "description": "sha256 of each table of the run but those with times",
        },
        "verdict": NAMES | {"description": "the answer, in sentences"},
        **{name: _lines(name, name) for name in ("comparisons", *WHOLE)},
        "checks": _object(
            {
                "counted": {"type": "integer", "description": "checks that can ask for a look"},
                "look": _lines("audit", "those that ask for a look"),
            },
            "what speaks against the results",
        ),
        "claims": _lines("claims", "claims"),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "results.json, which stands beside a page of dlopt",
        "$comment": "null stands for a number that is not known, 'inf' and '-inf' for infinite ones",
        **_object(fields, "all verdicts, rankings and picks of one run"),
    }


def _object(fields: dict[str, Any], meaning: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": sorted(fields),
        "additionalProperties": False,
        "description": meaning,
    }


def _arm(arm: dict[str, Any]) -> dict[str, Any]:
    """An arm as a manifest has it, but for where its file lies."""
    kept = {name: shape for name, shape in arm["properties"].items() if name not in ("file", "source")}
    return arm | {"properties": kept}


def _lines(table: str, title: str) -> dict[str, Any]:
    fields = {name: _column(name, column) for name, column in TABLES[table].columns.items()}
    line = _object(fields | ADDED.get(table, {}), f"a line; key: {', '.join(TABLES[table].key)}")
    return {"type": "array", "items": line, "description": TITLES.get(title, title)}


def _column(name: str, column: Column) -> dict[str, Any]:
    shape: dict[str, Any]
    if name in LISTS:
        shape = dict(NAMES)
    elif column.json:
        shape = dict(OBJECT)
    elif column.type == "float":
        shape = dict(NUMBER)
    else:
        shape = {"type": {"int": "integer", "bool": "boolean"}.get(column.type, "string")}
        shape |= {"enum": list(column.words)} if column.words else {}
    return shape | {"description": column.meaning}


if __name__ == "__main__":
    sys.stdout.buffer.write(as_json(schema()))
