"""The page: chapters of parts, rendered once, without a clock and without a path."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from reports import origin, pick, rates, results, speed, style, trust, tuning, words
from reports.answer import circle, verdict
from reports.sections import PARTS, ROWS, Part, Table, frame_table
from reports.tables import Run

TEMPLATES = Path(__file__).parent / "templates"
MODULES = (results, pick, speed, rates, tuning, trust, origin)  # importing them registers their parts

CHAPTERS = (
    ("answer", "What should I use?", ""),
    (
        "pick",
        "Pick for your table",
        "Chosen on validation data, scored on test data, confirmed in fresh blocks.",
    ),
    ("ends", "Who ends best", "Error after equal searches, compared block by block."),
    ("first", "Who gets there first", "Training examples needed for the same losses."),
    ("tuning", "Tuning", "Learning rates, defaults, and the number of draws."),
    ("decay", "Decay", "Half of each search's draws against the other half."),
    ("trust", "Can I trust this?", ""),
    (
        "this-machine",
        "On this machine",
        "Times and hardware: the one section that may differ between two runs.",
    ),
    ("provenance", "Provenance", ""),
)


@dataclass(frozen=True)
class Shown:
    """A part with its picture as SVG and its data as a table."""

    part: Part
    svg: str | None
    data: Table | None
    csv: Sequence[str]


@dataclass(frozen=True)
class Number:
    """One of the four numbers of the answer."""

    value: str
    text: str
    link: str


@dataclass
class Made:
    """What a report consists of: the page and the pictures beside it."""

    page: bytes = b""
    pictures: dict[str, bytes] = field(default_factory=dict)


def make(run: Run, beside: bool) -> Made:
    """The page and its pictures. beside: the page lies in the run folder, so links to its CSVs work."""
    made = Made()
    chapters = []
    for anchor, title, lead in CHAPTERS:
        parts = [shown for shown in (_show(run, p, made) for p in _parts(run, anchor)) if shown]
        if parts or anchor == "answer":
            chapters.append({"id": anchor, "title": title, "lead": lead, "parts": parts})
    script = (TEMPLATES / "page.js").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    text = environment.get_template("page.html").render(
        run=run,
        study=run.name,
        size=_size(run),
        changes=[words.clean(change) for change in run.manifest["changes"]],
        chapters=chapters,
        verdict=verdict(run),
        told=_told(run),
        numbers=_numbers(run),
        limits=_limits(run),
        palette=style.PALETTE,
        script=script,
        css=(TEMPLATES / "page.css").read_text("utf-8"),
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        beside=beside,
    )
    made.page = text.encode()
    return made


def _parts(run: Run, chapter: str) -> list[Part]:
    order = [module.__name__ for module in MODULES]  # whoever was imported first
    makers = sorted(PARTS.get(chapter, []), key=lambda maker: order.index(maker.__module__))
    return [made for made in (maker(run) for maker in makers) if made is not None]


def _show(run: Run, one: Part, made: Made) -> Shown:
    svg = None
    if one.draw is not None:
        with style.drawing():
            fig = one.draw()
        svg = style.svg(fig, one.name, one.question, f"{one.describe} {one.answer}")
        made.pictures[one.name] = style.png(fig)
    data = None
    if one.data is not None and len(one.data) <= ROWS:
        data = frame_table(run, one.data, f"Data: {one.question}")
    return Shown(one, svg, data, one.csv)


def _size(run: Run) -> str:
    parts = [words.plural(len(run.optimizers), "optimizer"), words.plural(len(run.datasets), "dataset")]
    return " × ".join([*parts, words.plural(run.blocks, "block"), words.plural(run.draws, "draw")])


def _told(run: Run) -> str:
    """What single datasets add to the verdict, where their calls differ from the pooled one."""
    told = [d for d in run.datasets if run.beats("error", d)]
    if len(run.datasets) < 2 or not told:
        return ""
    clauses = []
    for dataset in told:
        calls = run.beats("error", dataset)
        if circle(run, "error", dataset):
            clauses.append(f"on {run.shown(dataset)} the calls run in a circle")
            continue
        best = run.titles(run.tied_for_best("error", dataset))
        beaten = {worse for _, worse, _ in calls}
        names = words.join(run.titles(n for n in run.order("error", dataset) if n in beaten))
        clause = f"on {run.shown(dataset)} {names} {'is' if len(beaten) == 1 else 'are'} beaten"
        clauses.append(f"{clause}, tied for best: {words.join(best)}" if 1 < len(best) < 4 else clause)
    rest = len(run.datasets) - len(told)
    if rest:
        clauses.append(
            f"on the other {words.plural(rest, 'dataset') if rest > 1 else 'dataset'} nothing can be told "
            "apart"
        )
    return "Dataset by dataset: " + "; ".join(clauses) + "."


def _numbers(run: Run) -> list[Number]:
    numbers = []
    n = len(run.optimizers)
    if n > 1 and run.too_few("error"):
        numbers.append(Number(f"{run.enough()}", "blocks at least for any call: run with --blocks", "#ends"))
    elif n > 1:
        tied = len(run.tied_for_best("error"))
        numbers.append(
            Number(
                f"{tied} of {n}",
                f"optimizers {'are tied for best at the end' if tied > 1 else 'ends best, beaten by none'}",
                "#ends",
            )
        )
    if n > 1 and not run.too_few("ratio"):
        rows = run.pairs("ratio")
        rows = rows[rows.estimate.notna()]
        called = rows[rows.call.isin(["a", "b"])]
        if len(rows):
            one = (called if len(called) else rows).sort_values("estimate", key=abs, kind="stable").iloc[-1]
            slow, fast = (one.a, one.b) if one.estimate > 0 else (one.b, one.a)
            turned = run.against("ratio", "pooled", slow, fast) or {}
            value, bracket = words.times(turned["estimate"], turned["low"], turned["high"]).split(" ", 1)
            end = "the widest gap that is called" if len(called) else "the widest gap, not called"
            numbers.append(
                Number(
                    value,
                    f"{bracket} the examples {run.title(fast)} needs, for {run.title(slow)}: {end}",
                    "#first",
                )
            )
    worse = len(pick.linear_wins(run))
    where = "datasets where a linear model is at least as good as the confirmed pick, median against median"
    numbers.append(Number(f"{worse} of {len(run.datasets)}", where, "#pick"))
    tests = run["audit"][run["audit"].status.isin(["ok", "look"])]
    bad = int((tests.status == "look").sum())
    numbers.append(Number(f"{bad} of {len(tests)}", "checks ask for a look", "#trust"))
    return numbers


def _limits(run: Run) -> str:
    data = run["datasets"].sort_values("position")
    networks = words.join(dict.fromkeys(map(words.clean, data.model)), "or")
    names = words.join(map(run.shown, data.dataset))
    epochs = " to ".join(words.count(n) for n in sorted({data.epochs.min(), data.epochs.max()}))
    text = (
        f"{words.plural(len(data), 'dataset')} ({names}), {networks} networks, {epochs} epochs: nothing is "
        "claimed about other datasets or networks. "
    )
    if len(data) > 1 and len(run.optimizers) > 1:
        text += "Opposite effects on different datasets cancel where all are taken together. "
    text += "Not calibrated yet."
    found = trust.doubts(run)
    if found:
        text += (
            f" To look at: {'; '.join(found[:3])}{f' and {len(found) - 3} more' if len(found) > 3 else ''}."
        )
    return text
