"""Can I trust this, and on which machine was it made?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.data import words
from reports.data.run import Run
from reports.parts import Cell, Part, Table, part
from studies.analysis.verdicts import LEVEL

CHECKS = {
    "budget": ("Equal budgets", "every optimizer got the same number of trainings"),
    "edge": ("Search ranges wide enough", "fewer than a quarter of the winners crowd at an end of a range"),
    "inclusion": (
        "No special case is better",
        "a method that contains another is not called worse than it",
    ),
    "divergence": ("Divergence", "diverged draws rank last; they are never averaged"),
    "confirmed": ("Claimed against confirmed", "the picked setting holds in fresh blocks"),
    "test read": (
        "Test chooses nothing",
        "the tested checkpoint is the first with the lowest validation loss",
    ),
}


def doubts(run: Run) -> list[str]:
    """Every check that asks for a look, in words."""
    return [_found(run, r) for r in run["audit"].query("status == 'look'").itertuples()]


def _found(run: Run, r: Any) -> str:
    who = "" if r.optimizer == "all" else run.title(r.optimizer)
    where = "" if r.dataset == "all" else f" on {run.place(r.dataset)}"
    detail = words.clean(r.detail)
    if r.check == "inclusion":
        detail = f"called worse than {run.title(r.what)}, which it contains, {words.p_value(r.value)}"
        return f"{who}{where}: {detail}".strip()
    if r.check == "confirmed":
        pick = run["picks"].query("dataset == @r.dataset").iloc[0]
        unit = run.unit(pick.dataset)
        two = [
            words.interval(pick[c], pick[f"{c}_low"], pick[f"{c}_high"], unit)
            for c in ("searched", "confirmed")
        ]
        detail = f"a search reached {two[0]}, the setting alone {two[1]} in fresh blocks"
    what = ""
    if r.check == "edge":
        what = f", {_range_name(r.what)} of its range"
        detail = (
            f"{words.number(100 * r.value, 2)}{words.THIN}% of the winners lie in the outer 5{words.THIN}%"
        )
    return f"{who}{where}{what}: {detail}".strip(": ")


def _range_name(what: str) -> str:
    name, _, end = words.clean(what).partition(" ")
    return f"{words.symbol(name)}, {end}" if end else words.symbol(name)


@part("trust", 1)
def checks(run: Run) -> Part | None:
    """The audit, a chip a check, and everything that asks for a look."""
    audit = run["audit"]
    found = doubts(run)
    tests = audit[audit.status.isin(["ok", "look"])]
    bad = int((tests.status == "look").sum())
    if not bad:
        answer = f"All {len(tests)} checks pass."
    else:
        answer = (
            f"{len(tests) - bad} of {len(tests)} checks pass; {bad} {'asks' if bad == 1 else 'ask'} for a "
            "look."
        )
    pairs = len(run.pairs("error"))
    level = f"{100 * LEVEL:g}{words.THIN}%"
    if pairs:
        how = (
            f"Holm holds the chance of any false call at {level} for each reading (“who ends best” and “who "
            f"gets there first” are two questions, each at {level}) over its {run.tested()} "
            f"pooled, and once more for each reading over {run.tested(len(run.datasets))} × datasets. "
        )
    else:
        how = "Nothing is compared, so there is no call that could be false. "
    if len(run["calibration"]):
        how += "How often copies of an optimizer are called different is counted below. "
    how += "“Not decided” never means equal: that is “as good”."
    tables = [_summary(run)]
    if found:
        lines = [[Cell(text)] for text in found]
        tables.append(
            Table(["What asks for a look"], lines, "What asks for a look", sortable=False, folded=True)
        )
    return Part(
        name="checks",
        question="What speaks against these results?",
        answer=answer,
        how_title="False alarms.",
        how=how,
        data=audit,
        csv=("audit",),
        basis="Limits were fixed beforehand; a check without a limit only informs. Counts are exact.",
        tables=tables,
        tables_first=True,
        signs=_chips(run),
    )


def _chips(run: Run) -> list[Cell]:
    """Each check with its sign."""
    chips = []
    for check in dict.fromkeys([*CHECKS, *run["audit"].check]):
        here = run["audit"].query("check == @check")
        if len(here):
            title = CHECKS.get(check, (words.clean(check), ""))[0]
            status, said = _status(here)
            if check == "divergence":
                read = run["readings"]
                lost, all_ = (words.count(int(read[name].sum())) for name in ("diverged", "rows"))
                chips.append(Cell(f"{lost} of {all_} draws diverged", status=status))
                continue
            chips.append(Cell(f"{said} {title}" if status != "look" else f"{title}: {said}", status=status))
    return chips


def _status(here: pd.DataFrame) -> tuple[str, str]:
    """How a check stands, and in a word."""
    look = int((here.status == "look").sum())
    status = "look" if look else "info" if (here.status == "info").all() else "ok"
    return status, {"look": f"⚠ {look} to look at", "info": "·", "ok": "✓"}[status]


def _summary(run: Run) -> Table:
    rows = []
    for check in dict.fromkeys([*CHECKS, *run["audit"].check]):
        here = run["audit"].query("check == @check")
        if here.empty:
            continue
        title, rule = CHECKS.get(check, (words.clean(check), ""))
        status, said = _status(here)
        said = {"info": "information", "ok": "✓ passes"}.get(status, said)
        rows.append([Cell(title), Cell(said, said, "", status), Cell(_seen(run, check)), Cell(rule)])
    heads = ["Check", "Verdict", "Found", "Rule"]
    return Table(heads, rows, "What was found, by the rules fixed beforehand", sortable=False, folded=True)


def _seen(run: Run, check: str) -> str:
    here = run["audit"].query("check == @check")
    if check == "budget":
        if (here.value == 1).all():
            return "the same number of trainings on every dataset"
        return f"the smallest budget is {words.number(100 * here.value.min(), 2)}{words.THIN}% of the largest"
    if check == "edge":
        worst = here.sort_values("value", kind="stable").iloc[-1]
        return (
            f"most: {words.number(100 * worst.value, 2)}{words.THIN}% of winners, "
            f"{run.title(worst.optimizer)} on {run.shown(worst.dataset)}, {_range_name(worst.what)} "
            f"({len(here)} ends looked at)"
        )
    if check == "divergence":
        read = run["readings"]
        worst = here.sort_values("value", kind="stable").iloc[-1]
        share = f"{words.count(read.diverged.sum())} of {words.count(read['rows'].sum())} draws"
        if not read.diverged.sum():
            return f"0 of {words.count(read['rows'].sum())} draws"
        return (
            f"{share}; most: {words.number(100 * worst.value, 2)}{words.THIN}%, "
            f"{run.title(worst.optimizer)} on {run.shown(worst.dataset)}"
        )
    if check == "confirmed":
        worse = int((run["picks"].confirmed > run["picks"].searched).sum())
        return (
            f"{worse} of {len(here)} picks end above what their search reached (medians); that is expected "
            "of a chosen setting"
        )
    if check == "inclusion":
        bad = int((here.status == "look").sum())
        return f"{bad} violations called in {len(here)} comparisons"
    if check == "test read":
        share = words.number(100 * here.value.min(), 4)
        return f"in {share}{words.THIN}% of trainings validation alone chose the checkpoint that was tested"
    return words.plural(len(here), "line")
