"""The answer in at most sixty words: whom to use, where that is decided, and where something else will do."""

from __future__ import annotations

from reports.chapters.pick import the
from reports.data import words
from reports.data.run import Run, ordered
from reports.data.verdict import budget, circle, learned_nothing
from studies.folder.schema.tables import AS_GOOD, PICK, TOO_FEW, TRIVIAL

MOST = 5  # names in the first sentence


def headline(run: Run) -> str:
    """Whom to use, with the budget that this holds for; no number but that."""
    if len(run.optimizers) < 2:
        return f"Only {run.title(run.optimizers[0])} ran, so nothing is compared."
    if run.too_few("error"):
        return f"Too few blocks to tell anything apart: {run.more_blocks()}."
    best = run.unbeaten("error")
    if circle(run, "error"):
        return f"Nobody ends best: the calls run in a circle among {_names(run, best)}."
    if not run.beats("error"):
        if (run.pairs("error").verdict == AS_GOOD).all():
            return "Take the one you know: all end as good as each other, " + budget(run) + "."
        return f"Nobody is called better at the end, {budget(run)}: {run.open('error')}."
    firm, quick = _certain(run)
    if not firm:
        return f"Nobody is best at the end with certainty, {budget(run)}."
    use, also = (quick, " at the end, or quicker") if quick else (firm, " at the end")
    return f"Use {_names(run, use, 'or')}: {budget(run)} nothing is called better{also}."


def _certain(run: Run) -> tuple[list[str], list[str]]:
    """Whom nothing beats at the end, and of them whom nothing beats on the way: where both are stable."""
    firm = [name for name in run.unbeaten("error") if name not in run.unsure("error")]
    quick = set(run.unbeaten("ratio")) - set(run.unsure("ratio"))
    return firm, [] if circle(run, "ratio") else [name for name in firm if name in quick]


def others(run: Run) -> str:
    """Who ends unbeaten too, but is not as certainly quick."""
    if len(run.optimizers) < 2 or not run.beats("error") or circle(run, "error"):
        return ""
    firm, quick = _certain(run)
    rest = [name for name in firm if name not in quick] if quick else []
    if not rest:
        return ""
    verb, whose = ("is", "its") if len(rest) == 1 else ("are", "their")
    return f"{_names(run, rest)} {verb} not beaten at the end either; {whose} speed is less certain."


def _names(run: Run, names: list[str], word: str = "and") -> str:
    titles = run.titles(names)
    return words.join([*titles[:MOST], f"{len(titles) - MOST} more"] if len(titles) > MOST else titles, word)


def newcomer(run: Run, name: str) -> str:
    """Where an optimizer that is not the suite's own stands at the end, over all datasets together."""
    found: dict[str, list[str]] = {"a": [], "b": [], AS_GOOD: [], TOO_FEW: []}
    for other in run.order("error"):
        one = run.against("error", "pooled", name, other)
        if one is not None:
            found.setdefault(one["verdict"], []).append(other)
    said = {"a": "beats", "b": "is beaten by", AS_GOOD: "is as good as"}
    clauses = [f"{verb} {_names(run, found[call])}" for call, verb in said.items() if found[call]]
    title = run.title(name)
    if not clauses:
        return f"{title}, the new one, is called neither better nor worse than any other at the end."
    return f"{title}, the new one, at the end {words.join(clauses)}."


def where(run: Run) -> str:
    """On which datasets somebody is called better, where all are as good, and where it is open."""
    if len(run.optimizers) < 2 or run.too_few("error", run.datasets[0]):
        return ""
    told, alike, rest = list[str](), list[str](), list[str]()
    for name in run.datasets:
        good = bool((run.pairs("error", name).verdict == AS_GOOD).all())
        (told if run.beats("error", name) else alike if good else rest).append(name)
    many = len(run.datasets) > 1
    clauses = []
    if told:
        count = f"{len(told)} of {len(run.datasets)} datasets ({_places(run, told)})"
        clauses.append(f"somebody is called better on {count if many else _places(run, told)}")
    if alike:
        clauses.append(f"on {_places(run, alike)} all are as good")
    if rest:
        on = f"on {_places(run, rest)} " if told or alike or not many else "on no dataset "
        clauses.append(f"{on}{'not all is' if told or alike or not many else 'all is'} decided")
    return words.sentence(clauses)


def instead(run: Run) -> str:
    """Where something simpler is better than the tuned setting, or as good: that is what to take."""
    lines = ordered(run, run["alternatives"])
    better = [
        f"{the(str(r.model))} on {run.shown(r.dataset)}"
        for r in lines[lines.recommended].itertuples()
        if r.model != PICK
    ]
    chosen = set(lines[lines.recommended & lines.model.ne(PICK)].dataset)
    simple = lines[lines.verdict.eq(AS_GOOD) & lines.model.isin(["linear model", "defaults"])]
    alike = {model: [d for d in here.dataset if d not in chosen] for model, here in simple.groupby("model")}
    good = [f"{the(str(model))} on {_places(run, names)}" for model, names in alike.items() if names]
    parts = [f"better than the tuned network: {words.join(better)}"] if better else []
    parts += [f"as good as the tuned network: {words.join(good)}"] if good else []
    return words.sentence(parts)


def _places(run: Run, names: list[str]) -> str:
    return words.join(map(run.shown, names))


def own_table(run: Run, dataset: str) -> str:
    """What to use on a table of the user's own, and what it reached; "" where guessing is better."""
    lines = run["alternatives"]
    pick = run["picks"].set_index("dataset").loc[dataset]
    one = lines[(lines.dataset == dataset) & lines.recommended].iloc[0]
    unit = run.unit(dataset)
    if one.model in TRIVIAL:
        return ""
    if one.model == PICK:
        what, ends = run.title(pick.optimizer), (pick.confirmed, pick.confirmed_low, pick.confirmed_high)
    else:
        what, ends = the(str(one.model)), (one.estimate, one.low, one.high)
    return f"For {run.shown(dataset)} take {what}: test error {words.interval(*ends, unit)} on fresh blocks."


def answer(run: Run) -> list[str]:
    """The paragraphs of the answer, the first in large type."""
    own = [own_table(run, name) for name in run.own_tables]
    first = [*learned_nothing(run), *(text for text in own if text)]
    new = [newcomer(run, name) for name in run.newcomers if len(run.optimizers) > 1]
    rest = " ".join(text for text in (others(run), where(run), instead(run)) if text)
    return [*first, *new, headline(run), *([rest] if rest else [])]
