"""What there is, and what one thing is, in words or as plain data."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import datasets
import dlopt
from dlopt import fields
from dlopt.activations import ACTIVATIONS
from dlopt.models import INITS
from dlopt.testing import problems
from studies import own
from studies.arms import about
from studies.catalog import STUDIES
from studies.errors import FailedError, UsageError, nearest
from studies.protocol import budget

VERSION = 1  # of the JSON documents
MODELS = {
    "linear": "Softmax or linear regression.",
    "mlp": "One hidden layer, 64 wide from 64 features on, else 32; the default.",
    "mlp:64,64": "Hidden layers of these widths, any number of them.",
    "mlp:activation=tanh,init=glorot": f"Activations: {', '.join(ACTIVATIONS)}. Inits: {', '.join(INITS)}.",
    "linear:weight_decay=1e-4": "A penalty ½λ‖W‖² on weights, in training alone; of any model.",
}


def _studies() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "about": s.about,
            "optimizers": [arm.name for arm in s.arms],
            "datasets": list(s.datasets),
            "blocks": s.settled().blocks,
            "draws": s.draws,
        }
        for name, s in STUDIES.items()
    ]


def _classes(known: dict[str, type[Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "about": about(kind),
            "search": {f.trial_name(n): list(f.search or ()) for n, f in fields.searched(kind).items()},
        }
        for name, kind in known.items()
    ]


def _datasets() -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for name in datasets.names():
        try:
            data = datasets.load(name)
        except ValueError as error:  # not in scikit-learn's cache, and how to fetch it
            lines.append({"name": name, "missing": str(error).replace("\n", " ")})
            continue
        plan = budget(data)
        lines.append(
            {
                "name": name,
                "task": data.task,
                "rows": data.n_rows,
                "features": data.n_features,
                "classes": data.n_classes,
                "epochs": plan.epochs,
                "batch_sizes": list(plan.batch_sizes),
            }
        )
    return lines


LISTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "studies": _studies,
    "optimizers": lambda: _classes(dlopt.OPTIMIZERS),
    "schedules": lambda: _classes(dlopt.SCHEDULES),
    "datasets": _datasets,
    "surfaces": lambda: [{"name": name, "about": about(make)} for name, make in dlopt.SURFACES.items()],
    "models": lambda: [{"name": name, "about": about} for name, about in MODELS.items()],
}


def listing(kind: str, *, as_json: bool) -> Any:
    """What there is of a kind."""
    if kind not in LISTS:
        raise UsageError(f"There is no list of {kind!r}.", nearest(kind, list(LISTS)))
    lines = LISTS[kind]()
    if as_json:
        return document(**{kind: lines})
    width = max(len(line["name"]) for line in lines)
    shown = []
    for line in lines:
        rest = {k: v for k, v in line.items() if k not in ("name", "about")}
        words = "; ".join(f"{k.replace('_', ' ')} {_short(v)}" for k, v in rest.items() if v not in ({}, []))
        shown.append(f"{line['name']:{width}}  {line.get('about', '')}".rstrip())
        shown.append(f"{'':{width}}  {words}" if "about" in line else f"{shown.pop()}  {words}")
    return "\n".join(line for line in shown if line.strip())


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {low:g}..{high:g}" for k, (low, high) in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def document(**content: Any) -> dict[str, Any]:
    """What a command answers with --json."""
    return {"schema_version": VERSION, **content}


def describe(name: str, *, as_json: bool) -> Any:
    """An optimizer or a schedule: formula, hyperparameters with ranges, source, where libraries differ."""
    known = {**dlopt.OPTIMIZERS, **dlopt.SCHEDULES}
    kind = known.get(name.lower())
    kind = own.find(own.named(name)) if kind is None else kind
    lines = [
        {
            "name": field_name,
            "symbol": field.symbol or field_name,
            "default": getattr(kind(), field_name),
            "legal": field.bounds,
            "search": [] if field.search is None else list(field.search),
            "trial": field.trial_name(field_name),
        }
        for field_name, field in fields.declared(kind).items()
    ]
    text = inspect.getdoc(kind) or ""
    if as_json:
        return document(name=kind.__name__, about=text, hyperparameters=lines)
    shown = [text, ""]
    for line in lines:
        searched = ""
        if line["search"]:
            low, high = line["search"]
            searched = f"; searched as {line['trial']} in {low:g}..{high:g} (log)"
        symbol = f" ({line['symbol']})" if line["symbol"] != line["name"] else ""
        shown.append(f"  {line['name']}{symbol} must {line['legal']}, default {line['default']:g}{searched}")
    return "\n".join(shown)


def check(name: str, *, as_json: bool) -> Any:
    """Whether an optimizer keeps to the contract. Raises FailedError with all that is wrong."""
    if name.lower() in dlopt.OPTIMIZERS:
        kind = dlopt.OPTIMIZERS[name.lower()]
        found = problems(kind)
        if found:
            raise FailedError(f"{kind.__name__}: {' '.join(found)}", "Mend it.")
        told = kind.__name__
    else:
        told = own.find(own.named(name)).__name__
    if as_json:
        return document(optimizer=told, problems=[])
    return f"{told} keeps to the contract: shapes, dtypes, rows apart, zero and huge gradients, equal bits."
