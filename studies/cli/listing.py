"""What there is, and what one thing is, in words or as plain data."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import datasets
import dlopt
from dlopt import hyperparameters
from dlopt.activations import ACTIVATIONS
from dlopt.models import INITS
from dlopt.testing import problems
from studies.catalog import STUDIES
from studies.cli.parser import KINDS
from studies.errors import FailedError, UsageError, nearest
from studies.folder.schema.columns import Schema
from studies.folder.schema.tables import TABLES
from studies.question import foreign, user_optimizer
from studies.question.arm import about
from studies.question.budget import budget

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
            "search": {
                f.trial_name(n): list(f.search or ()) for n, f in hyperparameters.searched(kind).items()
            },
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


def _tables() -> list[dict[str, Any]]:
    return [{"name": name, "sorted_by": list(one.key)} for name, one in TABLES.items()]


LISTS: dict[str, Callable[[], list[dict[str, Any]]]] = dict(
    zip(
        KINDS,
        (
            _studies,
            lambda: _classes(dlopt.OPTIMIZERS),
            lambda: _classes(dlopt.SCHEDULES),
            _datasets,
            lambda: [{"name": name, "about": about(make)} for name, make in dlopt.SURFACES.items()],
            lambda: [{"name": name, "about": about} for name, about in MODELS.items()],
            _tables,
        ),
        strict=True,
    )
)


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
    """An optimizer, a schedule, or a table of a run: what it is made of, where it comes from."""
    known = {**dlopt.OPTIMIZERS, **dlopt.SCHEDULES}
    if (kind := known.get(name.lower())) is not None:
        return _class(kind, as_json=as_json)
    if name.lower() in TABLES:
        return _table(name.lower(), TABLES[name.lower()], as_json=as_json)
    if not user_optimizer.unseen(name) and name not in user_optimizer.installed():
        raise UsageError(f"There is no {name!r} to describe.", nearest(name, [*known, *TABLES]))
    return _class(user_optimizer.find(user_optimizer.named(name)), as_json=as_json)


def _table(name: str, schema: Schema, *, as_json: bool) -> Any:
    """The columns of a table, with types, meanings and, where only some words are in them, those."""
    lines = [
        {"name": column, "type": one.type, "meaning": one.meaning, "words": list(one.words)}
        for column, one in schema.columns.items()
    ]
    if as_json:
        return document(name=name, key=list(schema.key), columns=lines)
    width = max(map(len, schema.columns))
    key = f"sorted by {', '.join(schema.key)}" if schema.key else "in an order of its own"
    shown = [f"RUN/tables/{name}.parquet and RUN/csv/{name}.csv: {key}.", ""]
    for one in lines:
        told = all(repr(word) in one["meaning"] for word in one["words"])
        words = "" if told else f": {', '.join(map(repr, one['words']))}"
        shown.append(f"  {one['name']:{width}}  {one['type']:6}  {one['meaning']}{words}")
    return "\n".join(shown)


def _class(kind: type[Any], *, as_json: bool) -> Any:
    """An optimizer or a schedule: formula, hyperparameters with ranges, source, where libraries differ."""
    lines = [
        {
            "name": field_name,
            "symbol": field.symbol or field_name,
            "default": getattr(kind(), field_name),
            "legal": field.bounds,
            "search": [] if field.search is None else list(field.search),
            "trial": field.trial_name(field_name),
        }
        for field_name, field in hyperparameters.declared(kind).items()
    ]
    text, code = inspect.getdoc(kind) or "", _code(kind)
    keeps = list(getattr(kind, "state", ()))
    if as_json:
        more = {"state": keeps} if issubclass(kind, dlopt.Optimizer) else {}
        return document(name=kind.__name__, about=text, hyperparameters=lines, code=code, **more)
    shown = [text, ""]
    for line in lines:
        searched = ""
        if line["search"]:
            low, high = line["search"]
            searched = f"; searched as {line['trial']} in {low:g}..{high:g} (log)"
        symbol = f" ({line['symbol']})" if line["symbol"] != line["name"] else ""
        shown.append(f"  {line['name']}{symbol} must {line['legal']}, default {line['default']:g}{searched}")
    if keeps:
        shown += ["", f"Between steps it keeps: {', '.join(keeps)}."]
    if getattr(kind, "gradients", 1) > 1:
        shown += ["", f"A step takes {kind.gradients} gradients, and each counts as examples of the budget."]
    return "\n".join([*shown, "", code.rstrip()])


def _code(kind: type[Any]) -> str:
    """The class's own lines, without what is told already; "" where they are not to be had."""
    try:
        lines = inspect.getsource(kind)
    except (OSError, TypeError):
        return ""
    about = ast.get_docstring(ast.parse(textwrap.dedent(lines)).body[0], clean=False) or ""  # type: ignore[arg-type]
    return lines.replace(f'    """{about}"""\n', "", 1).replace("\n\n\n", "\n\n")


def check(name: str, *, as_json: bool) -> Any:
    """Whether an optimizer keeps to the contract. Raises FailedError with all that is wrong."""
    if name.lower() in dlopt.OPTIMIZERS:
        kind = dlopt.OPTIMIZERS[name.lower()]
        found = problems(kind)
        if found:
            raise FailedError(f"{kind.__name__}: {' '.join(found)}", "Mend it.")
        told = kind.__name__
    else:
        told = user_optimizer.find(user_optimizer.named(name)).__name__
    if as_json:
        return document(optimizer=told, problems=[])
    if foreign.is_one(name):
        return f"{told} can train here: shapes, dtypes, rows apart, a learning rate that counts, equal bits."
    return f"{told} keeps to the contract: shapes, dtypes, rows apart, zero and huge gradients, equal bits."
