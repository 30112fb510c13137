"""Two runs side by side: what differs in their settings, and in what their searches end with."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import numpy as np
import pandas as pd

from reports.data import words
from reports.data.arithmetic import arithmetic
from reports.data.run import Run
from reports.parts import Cell, Part, Table
from studies.analysis.run_comparison import Side, run_comparison
from studies.folder.schema.tables import AS_GOOD, TOO_FEW

SIGNS = {"b": ("✓", "ok"), "a": ("✗", "look"), AS_GOOD: ("=", "info"), TOO_FEW: ("–", "info")}  # else "?"
OWN = ("file", "path")  # of a manifest: where somebody's files lie
USUAL = "as usual"
TITLES = {
    "blocks": "blocks",
    "draws": "draws of a search",
    "fresh": "fresh blocks",
    "widths": "hidden layers",
    "results_version": "results version",
    "init": "initial weights",
    "weight_decay": "weight decay",
}


def compared(first: Run, other: Run) -> Part | None:
    """What the page says of two runs that were asked the same; None where nothing of them can be compared.

    Claims are a study of their own kind, and errors by two metrics have no common unit.
    """
    questions = [run.manifest["question"] for run in (first, other)]
    if any("claims" in one for one in questions) or len({one["metric"] for one in questions}) > 1:
        return None
    found = run_comparison(_side(first), _side(other))
    if found.empty:
        return None
    units = words.join(dict.fromkeys(first.unit(name).axis for name in dict.fromkeys(found.dataset)), "or")
    return Part(
        name="compared",
        question=f"How does “{other.name}” (B) differ from “{first.name}” (A)?",
        answer=_answer(found),
        how=(
            f"Below are differences B {words.MINUS} A of the test error of a search ({units}), with "
            f"their 95{words.THIN}% intervals: negative where B ends better. ✓ B is called "
            "better, ✗ B is called worse, = as good within the margin fixed beforehand, ? not decided, – too "
            f"few blocks. {_pairing(found)}"
        ),
        basis=(
            f"Holm over all {words.plural(len(found), 'comparison')}. {_blocks(found)} Optimizers and "
            "datasets of one run alone are left out."
        ),
        data=found,
        csv=("readings",),
        tables=[_settings(first, other), _matrix(first, other, found)],
        tables_first=True,
    )


def _side(run: Run) -> Side:
    question, data = run.manifest["question"], run["datasets"].set_index("dataset")
    kinds = {name: "loss" if question["metric"] == "loss" else str(data.task[name]) for name in run.datasets}
    made = (question["seed"], question["results_version"])
    blocks = {name: (*made, str(data.sha256[name])) for name in run.datasets}
    whole = any(arm["sampler"] != "random" for arm in run.manifest["asked"]["optimizers"].values())
    return Side(run["readings"], kinds, blocks, whole)


def _answer(found: pd.DataFrame) -> str:
    total, counts = len(found), found.verdict.value_counts()
    if TOO_FEW in counts:
        return f"Too few blocks to call any of {words.plural(total, 'difference')} between A and B."
    better, worse, good = (int(counts.get(word, 0)) for word in ("b", "a", AS_GOOD))
    if not better and not worse:
        if good == total:
            return f"B ends as good as A in all {words.plural(total, 'comparison')}, within the margin."
        rest = f"{good} {'is' if good == 1 else 'are'} as good, the rest is not decided"
        return f"In none of {words.plural(total, 'comparison')} is a run called better: {rest}."
    return (
        f"Of {words.plural(total, 'comparison')} B ends better than A in {better} and worse in {worse}; the "
        "rest is as good or not decided."
        if better + worse < total
        else f"Of {words.plural(total, 'comparison')} B ends better than A in {better} and worse in {worse}."
    )


def _pairing(found: pd.DataFrame) -> str:
    if found.paired.all():
        return "Paired: both runs have the same blocks (seed, data, results version)."
    if not found.paired.any():
        return (
            "Not paired: the runs have other blocks (seed, data or results version differ), so two samples "
            "are compared (shift with its interval, exact rank-sum test), which finds less."
        )
    names = words.clean(words.join(dict.fromkeys(found[~found.paired].dataset)))
    return f"Paired by block, but for {names}: other data, so two samples there, which find less."


def _blocks(found: pd.DataFrame) -> str:
    spans = []
    for column, name in (("a_blocks", "A"), ("b_blocks", "B")):
        ends = dict.fromkeys(words.count(n) for n in (found[column].min(), found[column].max()))
        spans.append(f"{name} {' to '.join(ends)}")
    return f"Blocks: {', '.join(spans)}."


def _matrix(first: Run, other: Run, found: pd.DataFrame) -> Table:
    datasets = [name for name in first.datasets if name in set(found.dataset)]
    rows = []
    for name in (one for one in first.optimizers if one in set(found.optimizer)):
        mine = found[found.optimizer == name].set_index("dataset")
        titles = dict.fromkeys([first.title(name), other.title(name)])
        cells = [
            _cell(mine.loc[one], first.unit(one)) if one in mine.index else Cell("", "") for one in datasets
        ]
        rows.append([Cell(" / ".join(titles)), *cells])
    caption = f"Test error, B {words.MINUS} A"
    return Table(
        [caption, *map(first.shown, datasets)], rows, caption, frozenset(range(1, len(datasets) + 1))
    )


def _cell(one: Any, unit: words.Unit) -> Cell:
    sign, status = SIGNS.get(one.verdict, ("?", "info"))
    if np.isnan(one.estimate):
        return Cell(f"{sign} {words.NOT_KNOWN}", "", "", status)
    said = words.interval(one.estimate, one.low, one.high, unit, difference=True, name=False)
    text, _, ends = said.partition(" ")
    return Cell(f"{sign} {text}", float(one.estimate), ends, status)


def _settings(first: Run, other: Run) -> Table:
    shared = [
        set(x) & set(y) for x, y in ((first.datasets, other.datasets), (first.optimizers, other.optimizers))
    ]
    a, b = (asked(run, *shared) for run in (first, other))
    rows = [
        [Cell(name), *(Cell(words.short(one.get(name, _usual(name)), 120)) for one in (a, b))]
        for name in dict.fromkeys([*a, *b])
        if a.get(name) != b.get(name)
    ]
    rows = rows or [[Cell("settings"), Cell("the same"), Cell("the same")]]
    heads = ["What differs", f"A: {first.name}", f"B: {other.name}"]
    return Table(heads, rows, "What differs in the settings", sortable=False)


def _usual(name: str) -> str:
    """What stands for a setting that one of two runs does not name."""
    return "any" if name.startswith("arithmetic: ") else USUAL


def asked(run: Run, datasets: Container[str], optimizers: Container[str]) -> dict[str, str]:
    """All that was asked of a run, one line a setting, in words; without where files lie.

    datasets, optimizers: of these in particular, which both runs have.
    """
    question, arms = run.manifest["question"], run.manifest["asked"]["optimizers"]
    found: dict[str, Any] = {
        "study": run.name,
        "changed from the named study": "; ".join(run.manifest["changes"]) or "nothing",
        "blocks": run.blocks,
        **{name: value for name, value in question.items() if name not in ("name", "claims", "arithmetic")},
        "datasets": ", ".join(run.datasets),
        "optimizers": ", ".join(run.titles(run.optimizers)),
    }
    data = run["datasets"].set_index("dataset")
    for name in (one for one in run.datasets if one in datasets):
        found[f"{run.shown(name)}: data"] = f"sha256 {data.sha256[name][:16]}"
        found[f"{run.shown(name)}: network and epochs"] = f"{data.model[name]}, {data.epochs[name]} epochs"
        found[f"{run.shown(name)}: batch sizes"] = str(data.batch_sizes[name]).replace(",", ", ")
    for name in (one for one in run.optimizers if one in arms and one in optimizers):
        found |= {f"{name}: {key}": value for key, value in _arm(dict(arms[name])).items()}
    kernels = sorted(one for one in question["arithmetic"].items() if one[0] != "engine")
    found |= {"arithmetic": arithmetic(run)} | {f"arithmetic: {name}": value for name, value in kernels}
    return {words.clean(TITLES.get(name, name)): words.clean(value) for name, value in found.items()}


def _arm(arm: Mapping[str, Any]) -> dict[str, str]:
    """What is not as usual about an optimizer's search."""
    made = dict[str, str]()
    for name, value in arm.items():
        if name in OWN or name == "optimizer" or not value or value in ("mixed", "random"):
            continue
        if isinstance(value, dict):
            ends = (one if isinstance(one, list) else [one] for one in value.values())
            text = [" to ".join(map(words.plain, one)) for one in ends]
            value = ", ".join(f"{words.symbol(key)} {one}" for key, one in zip(value, text, strict=True))
        elif isinstance(value, list):
            value = ", ".join(map(str, value))
        made[name.replace("_", " ")] = str(value)
    return made
