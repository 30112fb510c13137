"""summary.md: the answer of a page for an issue, a chat or a README."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from reports import verdict
from reports.chapters import provenance
from reports.chapters.trust.checks import doubts
from reports.data import matrix, words
from reports.data.run import Run
from reports.exports.methods import sentences
from studies.folder.schema.tables import PICK

MOST = 10  # checks that are listed


def summary(run: Run) -> bytes:
    """Answer, matrix, what to take, checks, methods, and how to make it again."""
    size = (
        f"{words.plural(len(run.optimizers), 'optimizer')} × {words.plural(len(run.datasets), 'dataset')} × "
        f"{words.plural(run.blocks, 'block')} × {words.plural(run.draws, 'draw')}"
    )
    changes = [f"Changed from the named study: {text}" for text in run.manifest["changes"]]
    parts = [
        f"# dlopt, study “{text(run.name)}”",
        "  \n".join(map(text, [size, *changes])),
        *map(text, verdict(run)),
        *_claims(run),
        *_matrix(run),
        *_take(run),
        *_checks(run),
        "## Methods",
        text(" ".join(sentences(run))),
        *_again(run),
    ]
    return ("\n\n".join(parts) + "\n").encode()


def text(value: object) -> str:
    """A text that Markdown and GitHub show as it stands, in a table too."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&@!])", r"\\\1", words.clean(value))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    rule = ["---:" if i in right else "---" for i in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [[*map(text, heads)], rule, *rows])


def _claims(run: Run) -> list[str]:
    both = pd.concat([run["claims"], run["clocked_claims"]])
    if both.empty:
        return []
    rows = [
        [str(r.number), text(r.says), text(r.verdict)]
        for r in both.sort_values("number", kind="stable").itertuples()
    ]
    return ["## Claims", _table(["#", "Claim", "Verdict"], rows, [0])]


def _matrix(run: Run) -> list[str]:
    if len(run.optimizers) < 2:
        return []
    found, order = matrix.frame(run), run.order("error")
    rows = []
    for name in order:
        mine = found[found.optimizer == name].set_index("dataset")
        cells = [_cell(mine.loc[dataset], run.unit(dataset)) for dataset in run.datasets]
        rows.append([text(run.title(name)), *cells, _examples(run, name)])
    heads = ["Test error", *map(run.shown, run.datasets), "Examples needed"]
    shown = [
        *found.sign,
        *(matrix.tone(run.against("ratio", "pooled", n, run.order("ratio")[0])) for n in order),
    ]
    legend = "; ".join(f"{sign} {said}" for kind, (sign, said) in matrix.SAID.items() if kind in shown)
    return [
        "## Who ends best, and who gets there first",
        _table(heads, rows),
        text(
            f"{legend}. Error: median over blocks of {run.search}, in {run.units}; in brackets the paired "
            "difference to the lowest, with its 95 % interval. Examples: in multiples of "
            "what the first placed needs, all datasets together."
        ),
    ]


def _cell(one: Any, unit: words.Unit) -> str:
    error = words.fixed(one.error * unit.factor, 1 if unit.factor == 100 else 3)
    error += unit.value if unit.factor == 100 and np.isfinite(one.error) else ""
    sign, _ = matrix.SAID[one.sign]
    if one.sign == "best":
        return text(f"{sign} {error}")
    gap = words.interval(one.difference, one.low, one.high, unit, difference=True, name=False)
    return text(f"{sign} {error} ({gap})")


def _examples(run: Run, name: str) -> str:
    one = run.against("ratio", "pooled", name, run.order("ratio")[0])
    sign, _ = matrix.SAID[matrix.tone(one)]
    return text(f"{sign} {words.times(one['estimate'], one['low'], one['high']) if one else '1×'}")


def _take(run: Run) -> list[str]:
    rows = []
    for dataset in run.datasets:
        picks = run["picks"][run["picks"].dataset == dataset]
        if picks.empty:
            continue
        pick, unit = picks.iloc[0], run.unit(dataset)
        settings = [
            f"{words.symbol(name)} {words.setting(name, value)}"
            for name, value in words.settings(pick.settings).items()
            if name != "eps"
        ]
        settings += [f"batch size {words.count(pick.batch_size)}"]
        settings += [] if pick.decay == "none" else [f"{words.clean(pick.decay)} decay"]
        confirmed = words.interval(pick.confirmed, pick.confirmed_low, pick.confirmed_high, unit)
        take = "this setting" if pick.recommended == PICK else pick.recommended
        cells = [run.shown(dataset), take, run.title(pick.optimizer), ", ".join(settings), confirmed]
        rows.append([text(cell) for cell in cells])
    if not rows:
        return []
    heads = ["Dataset", "Take", "Tuned optimizer", "Its setting", "Its test error, confirmed"]
    return ["## What to take", _table(heads, rows)]


def _checks(run: Run) -> list[str]:
    counted, found = int(run["audit"].status.isin(["ok", "look"]).sum()), doubts(run)
    said = f"{len(found)} of {counted} checks {'asks' if len(found) == 1 else 'ask'} for a look."
    lines = [f"- {text(line)}" for line in found[:MOST]]
    lines += [f"- and {len(found) - MOST} more, which the page lists"] if len(found) > MOST else []
    return ["## Checks", said, *(["\n".join(lines)] if lines else [])]


def _again(run: Run) -> list[str]:
    command = provenance.on_command_line(run)
    code, language = (command, "sh") if command else (provenance.in_python(run), "python")
    code = words.lines(code)
    fence = "`" * max([3, *(len(found) + 1 for found in re.findall("`+", code))])
    return ["## Make it again", f"{fence}{language}\n{code}\n{fence}"]
