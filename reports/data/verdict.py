"""The verdict in words: who ends best and who gets there first, with ties and certainty."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np

from reports.data import words
from reports.data.run import Run, ordered
from studies.folder.schema.tables import AS_GOOD, NOT_DECIDED, PICK, TRIVIAL


def verdict(run: Run) -> list[str]:
    """Who ends best, and who gets there first, each with its ties and its certainty.

    Before them where each optimizer stands that is not the suite's own.
    """
    yours = [*learned_nothing(run), *(_your_table(run, name) for name in run.own_tables)]
    if len(run.optimizers) < 2:
        only = run.title(run.optimizers[0])
        return [
            *yours,
            f"Only {only} ran, so nothing is compared: no sentence can say who ends best.",
            f"Nor who gets there first: run {only} beside another optimizer.",
        ]
    new = [_newcomer(run, name) for name in run.newcomers]
    return [*yours, *new, _ends_best(run), _gets_there_first(run)]


def _your_table(run: Run, dataset: str) -> str:
    """What to use on a table of the user's own, what that reached, and what reaches more."""
    pick = run["picks"].set_index("dataset").loc[dataset]
    unit = run.unit(dataset)
    settings = ", ".join(
        f"{words.symbol(name)} {words.setting(name, value)}"
        for name, value in words.settings(pick.settings).items()
        if name != "eps"
    )
    decay = "no decay" if pick.decay == "none" else f"{words.clean(pick.decay)} decay"
    reached = words.interval(pick.confirmed, pick.confirmed_low, pick.confirmed_high, unit)
    worth = run["tuning"].set_index(["dataset", "optimizer"]).loc[(dataset, pick.optimizer)]
    ends = (worth.estimate, worth.low, worth.high)
    gain = f"tuning was worth {words.interval(*ends, unit, difference=True)}"
    if worth.high < 0:
        loss = words.interval(-worth.estimate, -worth.high, -worth.low, unit, difference=True)
        gain = f"a search ends worse than its defaults, by {loss}"
    elif not worth.low > 0:
        gain += ", which may be nothing"
    power = run["power"].query("reading == 'error' and dataset == @dataset").found
    seen = float(power.iloc[0]) * unit.factor if len(power) else float("nan")
    least = f"{words.number(seen, 2)}{unit.difference}"
    least = "" if np.isnan(seen) else f"; the smallest difference that these blocks find in 80 % is {least}"
    alike = [run.title(name) for name in str(pick.as_good).split(",") if name]
    others = f" (or {words.join(alike, 'or')}, as good)" if alike else ""
    text = (
        f"For {run.shown(dataset)}: {run.title(pick.optimizer)}{others}, batch size "
        f"{words.count(pick.batch_size)}, {settings}, {decay}: test error {reached}, confirmed in "
        f"{words.count(pick.confirmed_blocks)} fresh blocks; {gain}{least}."
    )
    notes = str(run["datasets"].set_index("dataset").notes[dataset]).splitlines()
    text = " ".join([*(words.clean(note) for note in notes if note.startswith("Look out")), text])
    return " ".join([*_instead(run, dataset), text])


def _instead(run: Run, dataset: str) -> list[str]:
    """What is better than the pick on the same splits."""
    beside, unit = run["alternatives"].query("dataset == @dataset").set_index("model"), run.unit(dataset)
    best = str(beside.index[beside.recommended][0])
    if best in (PICK, *TRIVIAL):
        return []
    one = beside.loc[best]
    found = words.interval(one.estimate, one.low, one.high, unit)
    gap = words.interval(one.gap, one.gap_low, one.gap_high, unit, difference=True)
    what = {"linear model": "the linear model", "defaults": "its optimizer's defaults"}.get(best, best)
    return [
        f"On {run.shown(dataset)} take {what}: {found} on the same splits, where the pick ends {gap} "
        f"above ({words.p_value(one.p_holm)} after Holm)."
    ]


def learned_nothing(run: Run) -> list[str]:
    """Where a pick is not better than what looks at no feature, and what to do there."""
    lines = ordered(run, run["alternatives"])
    lines = lines[lines.model.isin(TRIVIAL) & lines.verdict.isin(["model", AS_GOOD, NOT_DECIDED])]
    if lines.empty:
        return []
    where = words.join(f"{run.shown(r.dataset)} ({words.clean(r.model)})" for r in lines.itertuples())
    rare = "majority class" in set(lines.model) and run.manifest["question"]["metric"] == "error"
    own = run["classes"][run["classes"].dataset.isin(lines.dataset)].sort_values("rows", kind="stable")
    two = len(own) == 2 and len(lines) == 1  # of several tables, or of many classes, which one is meant?
    named = f"--positive {shlex.quote(words.clean(own.name.iloc[0]))}, or " if two else ""
    remedy = f" Where a class is rare, run with {named}--metric balanced-error." if rare else ""
    return [f"Not shown to be better than what looks at no feature is the pick on {where}.{remedy}"]


def _newcomer(run: Run, name: str) -> str:
    """Where a new optimizer stands among the known ones, in both readings."""
    title = run.title(name)
    if run.too_few("error"):
        return f"Where {title} stands: {_too_few(run)}."
    ends, first = (_standing(run, reading, name) for reading in ("error", "ratio"))
    others = [other for other in run.order("ratio") if other != name]
    speed = needs(run.against("ratio", "pooled", name, others[0]) or {})
    return (
        f"{title}, the new one, at the end {ends}; on the way it {first}, and needs {speed} the examples "
        f"that {run.title(others[0])} needs for the losses that both reach ({_over(run)})."
    )


def _standing(run: Run, reading: str, name: str) -> str:
    beats = run.beats(reading)
    over = {worse: p for better, worse, p in beats if better == name}
    under = {better: p for better, worse, p in beats if worse == name}
    clauses = []
    for verb, found in (("beats", over), ("is beaten by", under)):
        if found:
            worst = words.p_value(max(found.values()))
            p = worst.replace("=", "≤") if len(found) > 1 else worst
            names = [other for other in run.order(reading) if other in found]
            clauses.append(f"{verb} {words.join(run.titles(names))} ({p} after Holm)")
    pairs = {other: run.against(reading, "pooled", name, other) or {} for other in run.order(reading)}
    alike = [other for other, one in pairs.items() if one.get("verdict") == AS_GOOD]
    if alike:
        clauses.append(f"is as good as {words.join(run.titles(alike))}")
    rest = [other for other, one in pairs.items() if one.get("verdict") == NOT_DECIDED]
    if rest:
        closest = words.p_value(min(pairs[other]["p_holm"] for other in rest))
        closest = closest.replace("=", "≥") if len(rest) > 1 else closest
        clauses.append(f"is not decided against {words.join(run.titles(rest))} ({closest} after Holm)")
    return words.join(clauses)


def _too_few(run: Run) -> str:
    return f"too few blocks to tell anything apart; {run.more_blocks()}"


def _over(run: Run) -> str:
    blocks = int(run.pairs("error").blocks.iloc[0])
    many = len(run.datasets) > 1
    return f"{words.count(blocks)} {'dataset-blocks' if many else 'blocks'}"


def circle(run: Run, reading: str, scope: str = "pooled") -> list[str]:
    """Those on top although someone beats them: calls that run in a circle."""
    beaten = {worse for _, worse, _ in run.beats(reading, scope)}
    return [name for name in run.unbeaten(reading, scope) if name in beaten]


def _ends_best(run: Run) -> str:
    if run.too_few("error"):
        return f"Who ends best: {_too_few(run)}."
    best, beats = run.unbeaten("error"), run.beats("error")
    names = words.join(run.titles(best))
    if circle(run, "error"):
        calls = words.listed(f"{run.title(a)} beats {run.title(b)} ({words.p_value(p)})" for a, b, p in beats)
        return f"Nobody ends best: the calls run in a circle among {names} ({calls})."
    if not beats:
        names = words.join(run.titles(run.optimizers))
        closest = run.pairs("error").sort_values(["p_holm", "p"], kind="stable").iloc[0]
        pair = f"{run.title(closest.a)} against {run.title(closest.b)}"
        if (run.pairs("error").verdict == AS_GOOD).all():
            return (
                f"{names} end as good as each other in {_over(run)}, within the margin fixed beforehand: "
                "take the one you know."
            )
        return (
            f"Nobody among {names} ends better than another: {run.open('error')} (closest call in "
            f"{_over(run)}: {pair}, {words.p_value(closest.p_holm)} after Holm)."
        )
    unsure = run.unsure("error")
    firm = [name for name in best if name not in unsure]
    worse = {name: by for name, by in _beaten(run, "error").items() if name not in unsure}
    beaten = f" Beaten: {_who(run, worse)}." if worse else ""
    rest = f" Not stable when the blocks are drawn anew: {words.join(run.titles(unsure))}." if unsure else ""
    if not firm:
        return f"Nobody is best at the end with certainty, {budget(run)}.{beaten}{rest}"
    names = words.join(run.titles(firm))
    if len(best) == 1:
        return f"{names} ends best, {budget(run)}: nothing beats it in {_over(run)}.{beaten}{rest}"
    known = f": {run.open('error', among=firm)}" if len(firm) > 1 else ""
    return f"At the end nothing beats {names} in {_over(run)}, {budget(run)}{known}.{beaten}{rest}"


def budget(run: Run) -> str:
    """How long was trained and searched: another budget may give another answer."""
    epochs = run["datasets"].epochs
    low, high = int(epochs.min()), int(epochs.max())
    many = f"{low} to {high} epochs" if low < high else words.plural(low, "epoch")
    return f"after {many} and {run.search}"


def _beaten(run: Run, reading: str) -> dict[str, tuple[str, float]]:
    """Everyone beaten, by whom of the first placed, and that p-value."""
    best, order = run.unbeaten(reading), run.order(reading)
    found: dict[str, tuple[str, float]] = {}
    for better, worse, p in sorted(run.beats(reading), key=lambda c: (c[0] not in best, order.index(c[0]))):
        found.setdefault(worse, (better, p))
    return {name: found[name] for name in order if name in found and name not in best}


def _sides(beaten: dict[str, tuple[str, float]]) -> list[tuple[str, list[str], str]]:
    """Who beats whom, one entry a winner: (winner, those it beats, "p = …" or "p ≤ …" for all of them)."""
    made = []
    for side in dict.fromkeys(by for by, _ in beaten.values()):
        mine = {name: p for name, (by, p) in beaten.items() if by == side}
        most = words.p_value(max(mine.values()))
        made.append((side, list(mine), most.replace("=", "≤") if len(mine) > 1 else most))
    return made


def _who(run: Run, worse: dict[str, tuple[str, float]]) -> str:
    return words.listed(
        f"{words.join(run.titles(names))} (by {run.title(by)}, {p} after Holm)"
        for by, names, p in _sides(worse)
    )


def _gets_there_first(run: Run) -> str:
    if run.too_few("ratio"):
        return f"Who gets there first: {_too_few(run)}."
    unsure, beats = run.unsure("ratio"), run.beats("ratio")
    best = [name for name in run.unbeaten("ratio") if name not in unsure]
    names = words.join(run.titles(best))
    if circle(run, "ratio"):
        return f"Nobody gets there first: the calls run in a circle among {names}."
    if not beats:
        names = words.join(run.titles(run.optimizers))
        closest = run.pairs("ratio").sort_values(["p_holm", "p"], kind="stable").iloc[0]
        slow, fast = (closest.b, closest.a) if closest.estimate < 0 else (closest.a, closest.b)
        return (
            f"Nobody among {names} gets there sooner than another: {run.open('ratio')} (closest call: "
            f"{run.title(slow)} needs {needs(run.against('ratio', 'pooled', slow, fast) or {})} the examples "
            f"{run.title(fast)} needs, {words.p_value(closest.p_holm)} after Holm)."
        )
    clauses = []
    for side, slower, p in _sides(_beaten(run, "ratio")):
        each = [
            f"{run.title(n)} needs {needs(run.against('ratio', 'pooled', n, side) or {})}" for n in slower
        ]
        clauses.append(f"{words.join(each)} the examples {run.title(side)} needs ({p} after Holm)")
    start = f"{names} {'get' if len(best) > 1 else 'gets'} there first"
    start += f" ({run.open('ratio', among=best)})" if len(best) > 1 else ""
    return f"{start}: to reach the losses that both reach, {words.listed(clauses)}."


def needs(one: dict[str, Any]) -> str:
    """ "1.92× [1.65, 2.24]", with the blocks in which only one side got anywhere."""
    if not one or np.isnan(one["estimate"]):
        return "an unknown number of times"
    failed = int(one["a_failed"] + one["b_failed"])
    sided = f" ({failed} of {int(one['blocks'])} one-sided)" if failed else ""
    return words.times(one["estimate"], one["low"], one["high"]) + sided
