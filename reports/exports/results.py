"""results.json: all verdicts, rankings and picks of a run, for programs. Its form: results.schema.json."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from reports import verdict
from reports.data import words
from reports.data.run import Run
from reports.exports.suite import cited
from studies.folder.manifest import as_json
from studies.folder.schema.notes import NETWORK
from studies.folder.schema.tables import TABLES, VARYING

SCHEMA_VERSION = 3
LISTS = ("as_good", "not_decided")  # columns of names, comma-separated in their table
WHOLE = ("ranking", "picks", "alternatives", "budgets", "optimizers", "datasets")  # tables as they are
CLAIM_TABLES = {"claims": False, "clocked_claims": True}  # and whether the clock decides


def results(run: Run) -> bytes:
    """The file. The same bytes for the same tables and manifest; it holds no path, no clock, no NaN."""
    asked, question = run.manifest["asked"], run.manifest["question"]
    arms = {
        name: {key: value for key, value in arm.items() if key not in ("file", "source")}
        for name, arm in asked["optimizers"].items()
    }
    audit = run["audit"]
    content = {
        "schema_version": SCHEMA_VERSION,
        "suite": {"name": "dlopt", "version": cited()["version"]},
        "study": {
            "name": asked["name"],
            "changes": run.manifest["changes"],
            "blocks": asked["blocks"],
            "arms": arms,
            **dict.fromkeys(NETWORK),
            **{name: value for name, value in question.items() if name not in ("name", "claims")},
        },
        "sha256": run.sha256,
        "tables": {name: value for name, value in run.hashes.items() if value and name not in VARYING},
        "verdict": verdict(run),
        "comparisons": _comparisons(run),
        **{name: records(name, run[name]) for name in WHOLE},
        "checks": {
            "counted": int(audit.status.isin(["ok", "look"]).sum()),
            "look": records("audit", audit[audit.status == "look"]),
        },
        "claims": [
            {**line, "clocked": clocked}
            for name, clocked in CLAIM_TABLES.items()
            for line in records(name, run[name])
        ],
    }
    return as_json(content)


def _comparisons(run: Run) -> list[dict[str, Any]]:
    lines = records("comparisons", run["comparisons"])
    for line in lines:
        line["better"] = line[line["verdict"]] if line["verdict"] in ("a", "b") else None
        line["unit"] = _unit(run, line["reading"], line["scope"])
    return lines


def _unit(run: Run, reading: str, scope: str) -> str:
    """What an estimate is in: pooled over classes and regressions differences are in margins."""
    if reading == "ratio":
        return "natural logarithm of the ratio of examples"
    units = dict(zip(run["datasets"].dataset, run["datasets"].unit, strict=True))
    if scope != "pooled":
        return str(units[scope])
    if len(set(units.values())) == 1:
        return str(next(iter(units.values())))
    return "loss" if run.manifest["question"]["metric"] == "loss" else "margins"


def records(table: str, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table: null for NaN, "inf" and "-inf" for infinities, objects for their JSON."""
    inner = {name for name, column in TABLES[table].columns.items() if column.json}
    return [
        {name: _plain(value, name, name in inner) for name, value in line.items()}
        for line in frame.to_dict("records")
    ]


def _plain(value: Any, name: str, inner: bool) -> Any:
    if isinstance(value, str) and inner:
        return _finite(words.settings(value))
    if name in LISTS:
        return [one for one in str(value).split(",") if one]
    return _finite(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value
