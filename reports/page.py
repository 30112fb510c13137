"""The page: chapters of parts, rendered once, without a clock and without a path."""

from __future__ import annotations

import base64
import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from matplotlib.figure import Figure

from reports import chapters as all_chapters
from reports.chapters import pick
from reports.chapters.answer import circle, verdict
from reports.chapters.trust import calibration, checks
from reports.data import words
from reports.data.run import Run
from reports.draw import cache, processes, style
from reports.parts import ROWS, Part, Table, frame_table, makers

TEMPLATES = Path(__file__).parent / "templates"
for _file in pkgutil.walk_packages(all_chapters.__path__, f"{all_chapters.__name__}."):
    importlib.import_module(_file.name)  # which registers its parts

FILLED_BY = {
    "claims": "claims",
    "batch": "batch-size",
    "betas": "betas",
    "literature": "literature",
}  # the study behind a chapter that may be empty
CHAPTERS = (
    ("answer", "What should I use?", ""),
    (
        "pick",
        "Pick for your table",
        "Chosen on validation data, scored on test data, confirmed in fresh blocks.",
    ),
    ("claims", "Course claims", "What the chapter says, and whether it holds here."),
    ("ends", "Who ends best", "Error after equal searches, compared block by block."),
    ("first", "Who gets there first", "Training examples needed for the same losses."),
    ("batch", "Batch size", "What a size costs, and what it does to the learning rate."),
    ("tuning", "Tuning", "Learning rates, defaults, and the number of draws."),
    ("betas", "β", "Each value held, the rest searched anew."),
    ("decay", "Decay", "Learning-rate schedules against none."),
    ("literature", "What others found", "Published findings on tuning, asked of these rows."),
    ("trust", "Can I trust this?", ""),
    (
        "this-machine",
        "On this machine",
        "Times and hardware: the one section that may differ between two runs.",
    ),
    ("provenance", "Provenance", ""),
)


# Of a further run a page shows what its study is made for, or else who ends best and gets there first.
SPECIFIC = ("verdicts", "steps", "best-size", "beta-map", "beta-dots", "schedules")
BESIDE = {"steps": ("rate-map",), "best-size": ("rate-map",)}  # shown with them
GENERAL = ("heat", "ratios")


@dataclass(frozen=True)
class Shown:
    """A part with its picture as SVG and its data as a table.

    file: of its picture. prefix: of the anchors of its run. link: from the page to the folder with its run's
    pictures and CSVs, None where it has none.
    """

    part: Part
    file: str
    prefix: str
    link: str | None
    svg: str | None
    data: Table | None
    csv: Sequence[str]


@dataclass(frozen=True)
class Number:
    """One of the four numbers of the answer."""

    value: str
    text: str
    link: str


class Placed(NamedTuple):
    """A part of one of the runs. number: of the run, from 0."""

    part: Part
    number: int

    @property
    def prefix(self) -> str:
        """Of the anchors of a further run."""
        return f"run{self.number + 1}-" if self.number else ""

    @property
    def name(self) -> str:
        """Its anchor on the page."""
        return f"{self.prefix}{self.part.name}"


class Chapter(NamedTuple):
    """Parts under one heading. id: its anchor."""

    id: str
    title: str
    lead: str
    parts: list[Placed]


class Made(NamedTuple):
    """What a report consists of: the page, and the pictures of each run."""

    page: bytes
    pictures: list[list[cache.Made]]


def make(runs: Sequence[Run], places: Sequence[Path], links: Sequence[str | None]) -> Made:
    """The page and its pictures: the first run in full, then what each further one is made for.

    places: the folder of each run's pictures and CSVs, links: the way to it from the page, or None.
    """
    run, *further = runs
    chapters = _chapters(run)
    for number, other in enumerate(further, start=1):
        chapters += _further(chapters, other, number)
    parts = [one for chapter in chapters for one in chapter.parts]
    orders = {one.name: _order(one.part.draw, one.part) for one in parts if one.part.draw}
    made_of = {name: cache.made_of(name, order) for name, order in orders.items()}
    old = {of: made.picture for one in places for of, made in cache.read(one / "figures").items()}
    drawn = {name: old[of] for name, of in made_of.items() if of in old}
    drawn |= processes.each({name: partial(orders[name].make, name) for name in orders if name not in drawn})
    saved: list[list[cache.Made]] = [[] for _ in runs]
    for one in parts:
        if one.name in drawn:
            saved[one.number].append(cache.Made(one.part.name, made_of[one.name], drawn[one.name]))
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
        chapters=[_shown(runs, chapter, drawn, links) for chapter in chapters],
        verdict=verdict(run),
        told=_told(run),
        numbers=_numbers(run),
        limits=_limits(run),
        palette=style.PALETTE,
        script=script,
        css=(TEMPLATES / "page.css").read_text("utf-8"),
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        others=[(f"run{number}", other.name) for number, other in enumerate(further, start=2)],
    )
    return Made(text.encode(), saved)


def _order(draw: Callable[[], Figure], part: Part) -> processes.Order:
    return processes.Order(draw, part.question, f"{part.describe} {part.answer}")


def _chapters(run: Run) -> list[Chapter]:
    """Those of the first run."""
    found = []
    for anchor, title, lead in CHAPTERS:
        parts = _parts(run, anchor)
        if not parts and anchor in FILLED_BY:
            lead = f"{lead} Not in this run: make study NAME={FILLED_BY[anchor]} fills this section."
        if parts or anchor == "answer" or anchor in FILLED_BY:
            found.append(Chapter(anchor, title, lead, [Placed(one, 0) for one in parts]))
    return found


def _parts(run: Run, chapter: str) -> list[Part]:
    made = [make(run) for make in makers(chapter)]
    return [one for some in made if some for one in ([some] if isinstance(some, Part) else some)]


def _further(chapters: list[Chapter], run: Run, number: int) -> list[Chapter]:
    """Place a further run: chapters that no run before could fill, times among times, a group of the rest.

    Gives the group's chapters, ids after the run's anchor.
    """
    leads, taken = {anchor: lead for anchor, _, lead in CHAPTERS}, set[str]()
    made = {anchor: _parts(run, anchor) for anchor, _, _ in CHAPTERS}
    for i, one in enumerate(chapters):
        found = made.get(one.id, [])
        if one.id in FILLED_BY and found and not one.parts:
            lead = f"{leads[one.id]} From the study “{run.name}”."
            chapters[i] = one._replace(lead=lead, parts=[Placed(part, number) for part in found])
            taken |= {part.name for part in found}
        elif one.id == "this-machine":
            named = [replace(part, question=f"{part.question} Study “{run.name}”") for part in found]
            one.parts.extend(Placed(part, number) for part in named)
    every = [one for parts in made.values() for one in parts if one.name not in taken]
    wanted = {one.name for one in every if one.name in SPECIFIC}
    wanted |= {name for one in wanted for name in BESIDE.get(one, ())}
    wanted = wanted or (set() if taken else set(GENERAL))
    changes = "; ".join(words.short(words.clean(change), 120) for change in run.manifest["changes"])
    tests = run["audit"][run["audit"].status.isin(["ok", "look"])]
    bad = int((tests.status == "look").sum())
    checks = f"{bad} of {len(tests)} checks {'asks' if bad == 1 else 'ask'} for a look."
    lead = f"{_size(run)}. {checks}{f' Changed from the named study: {changes}.' if changes else ''}"
    anchor = f"run{number + 1}"
    groups = (
        (anchor, f"Study “{run.name}”", lead, [one for one in every if one.name in wanted]),
        (f"{anchor}-provenance", f"Provenance: {run.name}", "", made["provenance"]),
    )
    return [
        Chapter(place, title, text, [Placed(one, number) for one in parts])
        for place, title, text, parts in groups
    ]


def _shown(
    runs: Sequence[Run], chapter: Chapter, drawn: dict[str, processes.Picture], links: Sequence[str | None]
) -> dict[str, Any]:
    """A chapter as the template reads it."""
    parts = []
    for one in chapter.parts:
        part, data = one.part, None
        if part.data is not None and len(part.data) <= ROWS:
            data = frame_table(runs[one.number], part.data, f"Data: {part.question}")
        svg = drawn[one.name].svg if one.name in drawn else None
        named = replace(part, name=one.name)
        parts.append(Shown(named, part.name, one.prefix, links[one.number], svg, data, part.csv))
    return {"id": chapter.id, "title": chapter.title, "lead": chapter.lead, "parts": parts}


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
        beaten = {worse for _, worse, _ in calls}
        names = words.join(run.titles(n for n in run.order("error", dataset) if n in beaten))
        clauses.append(f"on {run.shown(dataset)} {names} {'is' if len(beaten) == 1 else 'are'} beaten")
    rest = len(run.datasets) - len(told)
    if rest:
        where = words.plural(rest, "dataset") if rest > 1 else "dataset"
        clauses.append(f"on the other {where} nobody is called better")
    return f"By where they end, dataset by dataset: {'; '.join(clauses)}.{_again(run)}"


def _again(run: Run) -> str:
    """How often the calls on single datasets are expected to come again."""
    calls = run["comparisons"].query("reading == 'error' and scope != 'pooled'").again.dropna()
    if calls.empty:
        return ""
    few = f"{100 * calls.mean():.0f}{words.THIN}% of repetitions"
    return f" Such a call on a single dataset comes again in about {few} on fresh blocks."


def _numbers(run: Run) -> list[Number]:
    numbers = []
    n = len(run.optimizers)
    if n > 1 and run.too_few("error"):
        numbers.append(Number("0", f"calls: too few blocks; {run.more_blocks()}", "#ends"))
    elif n > 1:
        best = len(run.unbeaten("error"))
        numbers.append(
            Number(
                f"{best} of {n}",
                f"optimizers {'end unbeaten' if best > 1 else 'ends best, beaten by none'}",
                "#ends",
            )
        )
    if n > 1 and not run.too_few("ratio"):
        rows = run.pairs("ratio")
        rows = rows[rows.estimate.notna()]
        called = rows[rows.verdict.isin(["a", "b"])]
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
    worse = len(pick.instead(run))
    where = "datasets where something else is called better than the confirmed pick, on the same blocks"
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
    text += calibration.standing(run)
    found = checks.doubts(run)
    if found:
        text += (
            f" To look at: {'; '.join(found[:3])}{f' and {len(found) - 3} more' if len(found) > 3 else ''}."
        )
    return text
