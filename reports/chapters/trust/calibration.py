"""Does the suite call equal things different, and does it find what was planted?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.data import words
from reports.data.run import Run
from reports.draw import style
from reports.draw.style import CARD, INK, LINE, Look
from reports.parts import Cell, Part, Table, part, verdict
from studies.analysis.verdicts import LEVEL
from studies.folder.schema.notes import NETWORK

READINGS = {"error": "who ends best", "ratio": "who gets there first", "usual": "the usual design"}
LOOKS = {
    "error": Look(style.LIGHT["series3"], "o", "-"),
    "ratio": Look(style.LIGHT["series1"], "s", "-"),
    "usual": Look(style.GREY, "D", "-"),
}
QUESTION = "Does this suite call equal things different, and does it find what is there?"
HOW = (
    "A copy is the same optimizer under another name, with draws of its own: whatever is called different "
    "between copies is a false alarm, and at a level of 5 % one study in twenty may raise one. A handicap is "
    "planted, so it is there to be found. Lines are 95 % Clopper-Pearson intervals of shares of studies. "
    "The usual design searches once (32 settings, 3 seeds), scores the best 5 again on 10 seeds and compares "
    "the winners on 20 fresh seeds by a paired t-test. Whole studies ran from end to end; all others were "
    "resampled from a pool of trainings, then read and tested by the same functions: intervals hold given "
    "its 36 blocks of each dataset, and 60 blocks are these, some of them twice with other draws."
)


def outside(run: Run) -> list[str]:
    """In which ways the run differs from what was calibrated; empty if in none."""
    like, question = _equal(run), run.manifest["question"]
    if like.empty:
        return ["no calibration of such studies is published"]
    draws, blocks, version = (int(like[name].iloc[0]) for name in ("draws", "blocks", "results_version"))
    copies, found = int(max(like.question.map(_copies))), []
    if question["results_version"] != version:
        found.append(f"results version {question['results_version']}, calibrated was {version}")
    if run.draws != draws:
        found.append(f"{words.plural(run.draws, 'draw')} to a search, calibrated were {draws}")
    if run.blocks != blocks:
        found.append(f"{words.plural(run.blocks, 'block')}, calibrated were {blocks}")
    if len(run.optimizers) > copies:
        found.append(f"{len(run.optimizers)} optimizers, calibrated were up to {copies}")
    if question["metric"] != "error":
        found.append("another metric than the error")
    found += [f"other {what} than the rule's" for what in ("widths", "epochs") if question[what] != "rule"]
    found += [f"another {what.replace('_', ' ')} of the network" for what in NETWORK if what in question]
    samplers = set(run["optimizers"].get("sampler", pd.Series(dtype=str))) - {"random"}
    if samplers:
        found.append(
            f"draws by {words.join(map(words.clean, sorted(samplers)))}, calibrated were random ones"
        )
    arms = run.manifest["asked"]["optimizers"].values()
    if any(s["fixed"] or s["search"] or s["batch_sizes"] or s["decay"] != "mixed" for s in arms):
        found.append("searches of other spaces than the declared ones")
    return found


def _copies(question: str) -> int:
    return int(question.split()[0])


def _several(table: pd.DataFrame) -> pd.Series:
    return table.datasets.str.contains(",")


def _equal(run: Run) -> pd.DataFrame:
    """Lines about copies in studies like this one: of several datasets, or of one."""
    table = run["calibration"]
    here = table[(table.level == LEVEL) & (table.kind == "equal") & (table.reading != "usual")]
    return here[(_several(here) == (len(run.datasets) > 1)) & here.network.eq("rule")]


def standing(run: Run) -> str:
    """A sentence: the false alarms of these conditions, or what they lie outside of."""
    reasons = outside(run)
    if reasons:
        return f"Not calibrated: {'; '.join(reasons)}."
    return f"Calibrated: {_alarms(_equal(run))}."


def _main(run: Run) -> pd.DataFrame:
    """The lines about several datasets together, and the usual design's, at the level of 5 %."""
    table = run["calibration"]
    usual = table.reading == "usual"
    return table[(table.level == LEVEL) & (_several(table) | usual)].reset_index(drop=True)


def _alarms(lines: pd.DataFrame) -> str:
    """How often two copies, and any of eight, are called different, and by the usual design."""
    two = lines[(lines.question == "2 copies") & lines.network.eq("rule")]
    clauses = []
    for reading in ("error", "ratio"):
        here = two[two.reading == reading]
        if len(here):
            r = here.sort_values(["rate", "studies"], kind="stable").iloc[-1]
            clauses.append(f"{_rate(r)} in “{READINGS[reading]}” ({words.clean(r.subject)})")
    parts = [f"of two copies of an optimizer, at most {words.join(clauses)} were called different"]
    more = lines[(lines.kind == "equal") & (lines.question != "2 copies") & (lines.reading != "usual")]
    if len(more):
        r = more.sort_values(["rate", "studies"], kind="stable").iloc[-1]
        parts.append(f"of {_copies(r.question)} copies, any two in at most {_rate(r)} of studies")
    usual = lines[(lines.reading == "usual") & lines.question.str.startswith("2 ")].sort_values("rate")
    if len(usual):
        low, high = (f"{words.fixed(100 * rate, 0)}" for rate in (usual.low.min(), usual.high.max()))
        parts.append(f"the usual design calls two copies different in {low} to {high}{words.THIN}% of them")
    return "; ".join(parts)


def _rate(r: Any) -> str:
    return words.interval(r.rate, r.low, r.high, words.PERCENT)


def _label(r: Any) -> str:
    names = str(r.datasets).split(",")
    where = words.clean(", ".join(names)) if len(names) < 3 else f"{len(names)} datasets"
    deep = "" if r.network == "rule" else f", layers {words.clean(r.network)}"
    return (
        f"{words.clean(r.question).removesuffix(', usual design')} · {words.clean(r.subject)} · {where}{deep}"
    )


@part("trust", 3)
def calibration(run: Run) -> Part | None:
    """Rates of false alarms and of found handicaps, beside the usual design's."""
    frame = _main(run)
    if frame.empty:
        return Part(
            name="calibration",
            question=QUESTION,
            answer="No calibration of this version is published; “make calibrate” makes one in 90 minutes.",
        )
    frame["label"] = [_label(r) for r in frame.itertuples()]
    least, most = (words.count(int(n)) for n in (frame.studies.min(), frame.studies.max()))
    first = frame.iloc[0]
    return Part(
        name="calibration",
        question=QUESTION,
        answer=_answer(run, frame),
        how=HOW + _limits(frame),
        basis=(
            f"Made on {words.clean(first.date)} with results version {int(first.results_version)}, not by "
            f"this run. n: {most} resampled studies a line, {least} whole ones; resampled were blocks and, "
            "in each, draws."
        ),
        draw=lambda: _draw(frame),
        describe="Shares of studies with intervals: copies around 5 %, handicaps at the right.",
        data=frame.drop(columns=["machine", "date", "results_version"]),
        csv=("calibration",),
        tables=[_table(run, frame)],
    )


def _answer(run: Run, frame: pd.DataFrame) -> str:
    """False alarms, the planted thing that is found least for its goal, and whether this run lies inside."""
    alarms, planted = _alarms(frame), frame[(frame.kind == "planted") & (frame.status != "")]
    answer = alarms[:1].upper() + alarms[1:]
    if len(planted):
        least = planted.loc[(planted.rate - planted.goal).idxmin()]
        answer += (
            f"; of the handicaps that must be found, {_label(least)} stands worst against its goal of "
            f"{100 * least.goal:g}{words.THIN}%: found in {_rate(least)} (“{READINGS[least.reading]}”)"
        )
    reasons = outside(run)
    return answer + (f". This run lies outside of that: {'; '.join(reasons)}." if reasons else ".")


def _limits(frame: pd.DataFrame) -> str:
    """What is found less often than was asked for."""
    missed = frame[(frame.kind == "planted") & (frame.status == "missed")]
    if missed.empty:
        return ""
    names = [f"{_label(r)} (“{READINGS[r.reading]}”, {_rate(r)}{_against(r)})" for r in missed.itertuples()]
    return f" Found less often than was asked for, which is a limit of so many blocks: {words.listed(names)}."


def _against(r: Any) -> str:
    """Where it was oftener called better than worse, it is no handicap to that reading."""
    if r.against <= r.found:
        return ""
    better = f"{words.fixed(100 * r.against / r.studies, 1)}{words.THIN}%"
    return f", and called better in {better}: no handicap there"


def _draw(frame: pd.DataFrame) -> Figure:
    panels = [
        ("Copies: called different, % of studies", frame[frame.kind == "equal"]),
        ("Handicaps: found, % of studies", frame[frame.kind == "planted"]),
    ]
    panels = [(title, lines) for title, lines in panels if len(lines)]
    labels = [list(dict.fromkeys(lines.label)) for _, lines in panels]
    heights = [len(names) + 1.0 for names in labels]
    fig = Figure(figsize=(style.WIDTH, 0.9 + 0.24 * sum(heights)), layout="constrained")
    axes = np.atleast_1d(fig.subplots(len(panels), 1, height_ratios=heights))
    for ax, (title, lines), names in zip(axes, panels, labels, strict=True):
        for r in lines.itertuples():
            look, lift = LOOKS[r.reading], {"error": 0.16, "ratio": -0.16, "usual": 0.0}[r.reading]
            y = -names.index(r.label) + lift
            ax.plot([100 * r.low, 100 * r.high], [y, y], color=look.colour, lw=1.6, zorder=2)
            ax.plot(
                [100 * r.rate],
                [y],
                marker=look.marker,
                ms=4.5,
                color=look.colour,
                mec=CARD,
                mew=0.5,
                zorder=3,
            )
        ax.axvline(100 * LEVEL, color=INK, lw=0.9, zorder=1)
        ax.set_yticks([-i for i in range(len(names))], names)
        ax.set_ylim(-len(names) + 0.4, 0.6)
        ax.set_xlim(0, min(102.5, 1.08 * 100 * max(lines.high.max(), 2 * LEVEL)))
        ax.grid(axis="x", color=LINE)
        ax.set_axisbelow(True)
        ax.set_title(title)
        style.linear_axis(ax, "x", 8)
    shown = [reading for reading in LOOKS if (frame.reading == reading).any()]
    style.legend(fig, shown, LOOKS, [READINGS[reading] for reading in shown])
    return fig


def _table(run: Run, frame: pd.DataFrame) -> Table:
    table = run["calibration"]
    single = table[(table.level == LEVEL) & ~_several(table) & (table.reading != "usual")]
    rows = []
    for r in frame.itertuples():
        alone = single[
            (single.question == r.question)
            & (single.subject == r.subject)
            & (single.reading == r.reading)
            & single.datasets.isin(r.datasets.split(","))
        ]
        ends = ""
        if len(alone) and r.network == "rule":
            low, high = (words.fixed(100 * rate, 1) for rate in (alone.low.min(), alone.high.max()))
            ends = f"{low} to {high}{words.THIN}%"
        goal = (
            "" if np.isnan(r.goal) else f"{'≤' if r.kind == 'equal' else '≥'} {100 * r.goal:g}{words.THIN}%"
        )
        rows.append(
            [
                Cell(r.label),
                Cell(READINGS[r.reading]),
                Cell(_rate(r), float(r.rate)),
                Cell(f"{words.count(r.found)} of {words.count(r.studies)}", int(r.found)),
                Cell(goal, float(np.nan_to_num(r.goal))),
                verdict(r.status) if r.status else Cell(""),
                Cell(ends),
            ]
        )
    heads = [
        "Compared",
        "Question",
        "Called",
        "Studies",
        "Goal",
        "Verdict",
        "On one dataset, least to most of the intervals",
    ]
    return Table(
        heads, rows, "At a level of 5 %; other levels are in the CSV", frozenset({2, 3, 4}), folded=True
    )
