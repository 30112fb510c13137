"""Does a schedule beat a constant learning rate at equal tuning?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.data import words
from reports.data.arms import column, families, family
from reports.data.run import Run, ordered
from reports.draw import intervals, looks
from reports.parts import MANY, Cell, Look, Panel, Part, Table, blocks_basis, drawn, left_out, part
from studies.folder.schema.tables import AS_GOOD, NOT_DECIDED, OPEN_VERDICTS, TOO_FEW

SCHEDULE, NONE = "schedule better", "none better"
SHORT = {"decay": "decay better", "none": NONE}
CALLS = (SCHEDULE, *SHORT.values())
KEPT = ("estimate", "low", "high", "p", "p_holm", "blocks")


def against_none(run: Run) -> pd.DataFrame:
    """Each schedule minus none of the same optimizer, per dataset and pooled; empty without such arms."""
    kinds, lines = column(run, "decays"), []
    for uses, arms in families(run).items():
        plain = [arm for arm in arms if kinds[arm] == "none"]
        others = [arm for arm in arms if kinds[arm] not in ("", "none") and "," not in kinds[arm]]
        if len(plain) != 1:
            continue
        for arm in others:
            for scope in ["pooled", *run.datasets]:
                one = run.against("error", scope, arm, plain[0])
                if one is not None:
                    found = {"a": SCHEDULE, "b": NONE}.get(one["verdict"], one["verdict"])
                    lines.append((uses, arm, plain[0], kinds[arm], scope, found, *(one[k] for k in KEPT)))
    return pd.DataFrame(lines, columns=["uses", "a", "b", "schedule", "scope", "verdict", *KEPT])


@part("decay")
def decay(run: Run) -> list[Part]:
    """Exponential decay against none, from the two halves of the draws."""
    frame = ordered(run, run["decay"])
    known = frame[frame.estimate.notna()]
    if known.empty:
        return []
    how = (
        "Half of every search's draws decay the learning rate exponentially, half do not. Estimates are "
        "the Hodges-Lehmann ones of the error with decay minus the error without, block by block, with "
        f"95{words.THIN}% signed-rank intervals; negative: decay is better. Calls: exact signed-rank "
        "tests, on single datasets Holm over optimizers × datasets, over all together Holm over "
        "optimizers."
    )
    signs = [tone for tone in SAID if tone in {TONES[verdict] for verdict in frame.verdict}]
    said = Part(
        name="halves",
        question="Does learning-rate decay help?",
        answer=_decay_answer(run, frame),
        how=how,
        basis=blocks_basis(run),
        data=frame,
        csv=("decay",),
        tables=_signs(run, frame),
        tables_first=True,
        signs=[Cell(" ".join(SAID[tone]), tone=tone) for tone in signs],
    )
    shown = Part(
        name="halves-by-dataset",
        question="By how much, on each dataset?",
        answer=_spread_answer(run, frame),
        how=(
            f"{how} A mark is the estimate, the bar its interval; filled: called."
            f"{left_out(run, drawn(run), 'decay')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_decay(run, frame),
        legend=intervals.KEYS,
        describe="Intervals of the difference between decay and none, one panel per dataset.",
        data=frame,
        csv=("decay",),
        folded=True,
    )
    return [said, shown]


TONES = {"decay": "best", "none": "worse", AS_GOOD: "good", NOT_DECIDED: "open", TOO_FEW: "few"}
SAID = {
    "best": ("✓", "decay is better"),
    "good": ("=", "as good"),
    "open": ("?", "not decided"),
    "worse": ("✗", "decay is worse"),
    "few": ("–", "too few blocks"),
}


def _signs(run: Run, frame: pd.DataFrame) -> list[Table]:
    """The verdict of every optimizer, over all datasets and on each; of many, the last ones folded."""
    names = [name for name in run.order("error") if name in set(frame.optimizer)]
    known = {(r.scope, r.optimizer): r for r in frame.itertuples()}
    heads = ["Decay against none", *(run.place(scope) for scope in run.scopes)]
    across = ["", *("" if scope == "pooled" else scope for scope in run.scopes)]

    def made(some: list[str], caption: str, folded: bool) -> Table:
        rows = []
        for name in some:
            tones = [TONES[known[scope, name].verdict] for scope in run.scopes]
            rows.append([Cell(run.title(name)), *(Cell(SAID[tone][0], tone, tone=tone) for tone in tones)])
        return Table(
            heads, rows, caption, sortable=False, folded=folded, optimizers=some, datasets_across=across
        )

    tables = [made(names[:MANY], "Is exponential decay better than none?", False)]
    if rest := names[MANY:]:
        tables.append(made(rest, f"The other {len(rest)}", True))
    return tables


def _spread_answer(run: Run, frame: pd.DataFrame) -> str:
    here = frame[frame.scope != "pooled"] if len(run.datasets) > 1 else frame
    here = here[here.estimate.notna()]
    lower, higher = int((here.high < 0).sum()), int((here.low > 0).sum())
    return (
        f"Of {words.plural(len(here), 'interval')}, each for itself, {lower} lie below 0 (decay is better) "
        f"and {higher} above."
    )


def _decay_answer(run: Run, frame: pd.DataFrame) -> str:
    """Over all datasets together: for whom decay is better, worse, as good, or not decided."""
    pooled = frame[frame.scope == "pooled"]
    if (pooled.verdict == TOO_FEW).any():
        return "Too few blocks to tell decay from none."
    parts = []
    for call, verb in (("decay", "is better than none"), ("none", "is worse than none")):
        some = pooled[pooled.verdict == call]
        if len(some):
            parts.append(f"decay {verb} for {_few(run, some.optimizer, len(pooled))}")
    if not parts:
        parts.append("decay is called better or worse than none for nobody")
    parts += [
        f"{word} for {_few(run, some.optimizer, len(pooled))}"
        for word in OPEN_VERDICTS
        if len(some := pooled[pooled.verdict == word])
    ]
    return words.sentence(parts)


def _few(run: Run, names: Any, total: int) -> str:
    """Up to three names, else how many of all."""
    titles = run.titles(names)
    return words.join(titles) if len(titles) <= 3 else f"{len(titles)} of {total}"


def _draw_decay(run: Run, frame: pd.DataFrame) -> list[Panel]:
    known, uses = looks.of_arms(run), looks.behind(run)
    names = [name for name in drawn(run) if name in set(frame.optimizer)]
    frame = frame.assign(words=frame.verdict.map(SHORT).fillna(frame.verdict))
    labels = {name: words.short(run.title(name), 16) for name in names}
    return _panels(run, frame.set_index("optimizer"), labels, known, uses, "decay minus none")


def _panels(
    run: Run,
    frame: pd.DataFrame,
    labels: dict[str, str],
    known: dict[str, Look],
    uses: dict[str, str],
    what: str,
) -> list[Panel]:
    """A panel a dataset: a row an arm, filled where it is called."""
    panels = []
    for dataset in run.datasets:
        unit, here = run.unit(dataset), frame[frame.scope == dataset]
        lines = []
        for arm, label in labels.items():
            one = here.loc[arm]
            value = words.interval(one.estimate, one.low, one.high, unit, difference=True)
            told = f"{run.title(arm)}, {run.shown(dataset)}: {what} {value}, {one.words}"
            estimate, low, high = (x * unit.factor for x in (one.estimate, one.low, one.high))
            open_ = one.words not in CALLS
            lines.append(intervals.Line(label, estimate, low, high, known[arm], told, uses[arm], open_))
        span = intervals.reach(lines, 0.01)
        scale = intervals.Scale(f"{what}, {unit.gap}", -span, span)
        panels.append(intervals.panel(dataset, run.shown(dataset), lines, scale, dataset))
    return panels


@part("decay")
def schedules(run: Run) -> Part | None:
    """Every schedule against none of the same optimizer."""
    frame = against_none(run)
    if frame.empty:
        return None
    return Part(
        name="schedules",
        question="Does a schedule beat a constant learning rate at equal tuning?",
        answer=_answer(run, frame),
        how=(
            "Every schedule and none get searches of their own, of the same number of draws. A mark is the "
            "Hodges-Lehmann estimate of the error with the schedule minus the error without, block by block, "
            f"with its 95{words.THIN}% signed-rank interval; left of zero the schedule is better. "
            f"Filled: called on that dataset, Holm over all {run.tested()} of the run × "
            "datasets. The sentence above has the calls over all datasets together, Holm over all "
            f"{run.tested()}: many more than are shown here, so these calls are cautious."
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw(run, frame),
        legend=intervals.KEYS,
        describe="Forest of each schedule's error minus none's, one panel per dataset.",
        data=frame.drop(columns="uses"),
        csv=("comparisons",),
    )


def _answer(run: Run, frame: pd.DataFrame) -> str:
    pooled = frame[frame.scope == "pooled"]
    if (pooled.verdict == TOO_FEW).any():
        return f"Too few blocks to tell any schedule from none; {run.more_blocks()}."
    counts = pooled.verdict.value_counts()
    said = {SCHEDULE: "better than none", NONE: "worse"} | {word: word for word in OPEN_VERDICTS}
    clauses = [f"{int(counts[word])} {text}" for word, text in said.items() if word in counts]
    return (
        f"Of {words.plural(len(pooled), 'schedule of an optimizer', 'schedules of optimizers')} "
        f"{words.join(clauses)}."
    )


def _draw(run: Run, frame: pd.DataFrame) -> list[Panel]:
    known, uses = looks.of_arms(run), looks.behind(run)
    kinds = dict(zip(frame.a, frame.schedule, strict=True))
    labels = {arm: words.short(f"{family(run, [arm])} · {kind}", 24) for arm, kind in kinds.items()}
    frame = frame.assign(words=frame.verdict).set_index("a")
    return _panels(run, frame, labels, known, uses, "schedule minus none")
