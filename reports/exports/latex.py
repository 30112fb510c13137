"""table.tex: test error by optimizer and dataset, as a booktabs table that can be pasted into a paper."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from reports.data import matrix, words
from reports.data.run import Run
from studies.analysis.verdicts import LEVEL, MARGINS

SIGNS = {
    "best": r"$\bullet$",
    "better": "$+$",
    "good": "$=$",
    "open": "?",
    "worse": r"$\times$",
    "few": "--",
}  # by what is known, as in `matrix.SAID`
NUMBERS = {words.THIN: r"\,", words.MINUS: "$-$", words.INFINITY: r"$\infty$", "…": r"\dots{}"}
ESCAPES = {
    **NUMBERS,
    **{sign: f"\\{sign}" for sign in "&%$#_"},
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",  # BibTeX counts braces that are escaped, too
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\char96{}",
    "[": "{[}",  # or a line that begins with one would be an option of the line before
    "*": "{*}",
    "�": "?",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "–": r"\textendash{}",
    "“": "``",
    "”": "''",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "ρ": r"$\rho$",
    "ε": r"$\epsilon$",
    **{sign: f"$_{digit}$" for digit, sign in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}


def escaped(text: object) -> str:
    """A text that LaTeX sets as it stands; letters beyond Latin ones need XeLaTeX or LuaLaTeX."""
    signs = "".join(ESCAPES.get(sign, sign) for sign in words.clean(text))
    return re.sub("-(?=-)", "-{}", signs)  # or two of them would join


def _number(text: str) -> str:
    return "".join(NUMBERS.get(sign, sign) for sign in text)


def table(run: Run) -> bytes:
    """A table environment with its caption; two lines an optimizer."""
    found = matrix.frame(run)
    order = run.order("error") if len(run.optimizers) > 1 else run.optimizers
    head = " & ".join(["Optimizer", *(escaped(run.shown(name)) for name in run.datasets)])
    body = "\n".join(_lines(run, found[found.optimizer == name].set_index("dataset"), name) for name in order)
    text = f"""\
% \\usepackage{{booktabs}}
\\begin{{table}}
\\centering
\\caption{{{_caption(run, set(found.sign))}}}
\\label{{tab:dlopt-{run.sha256[:8]}}}
\\begin{{tabular}}{{l{"l" * len(run.datasets)}}}
\\toprule
{head} \\\\
\\midrule
{body}
\\bottomrule
\\end{{tabular}}
\\end{{table}}
"""
    return text.encode()


def _lines(run: Run, mine: Any, name: str) -> str:
    """Errors with their verdicts, and below the paired differences."""
    upper, lower = [escaped(run.title(name))], [""]
    for dataset in run.datasets:
        one, unit = mine.loc[dataset], run.unit(dataset)
        places = 1 if unit.factor == 100 else 3
        error = _number(words.fixed(one.error * unit.factor, places))
        upper.append(f"{SIGNS[one.sign]} {error}" if len(run.optimizers) > 1 else error)
        ends = (one.difference, one.low, one.high)
        alone = one.sign == "best" or np.isnan(one.difference)
        text = "" if alone else words.interval(*ends, unit, difference=True, name=False)
        lower.append(f"{{\\scriptsize {_number(text)}}}" if text else "")
    below = "" if not any(lower) else f"\n{' & '.join(lower)} \\\\"
    return f"{' & '.join(upper)} \\\\{below}"


def _caption(run: Run, signs: set[str]) -> str:
    blocks = words.plural(run.blocks, "block")
    text = (
        f"Test error ({run.units}), median over {blocks} of {run.search}, study “{run.name}” "
        f"(dlopt, results sha256 {run.sha256[:16]})."
    )
    if len(run.optimizers) < 2:
        return escaped(text)
    tests = run.tested(len(run.datasets))
    margins = [
        f"{words.interval(MARGINS[one], MARGINS[one], MARGINS[one], unit, difference=True).split(' [')[0]}"
        for one, unit in _margins(run).items()
    ]
    within = f" of {words.join(margins, 'or')}" if margins else ""
    said = {
        **{kind: said for kind, (_, said) in matrix.SAID.items()},
        "good": f"as good, within the margin{within}",
    }
    text += (
        " Below: difference to the lowest of the dataset, paired block by block (Hodges-Lehmann, 95 %). "
        f"Verdicts: exact signed-rank tests, Holm over {tests} "
        f"at {100 * LEVEL:g} %."
    )
    legend = "; ".join(f"{SIGNS[kind]} {escaped(said[kind])}" for kind in SIGNS if kind in signs)
    return f"{escaped(text)} {legend}."


def _margins(run: Run) -> dict[str, words.Unit]:
    """The kinds of margins that this run's errors are held against, each with its unit."""
    if run.manifest["question"]["metric"] == "loss":
        return {}
    tasks = dict(zip(run["datasets"].dataset, run["datasets"].task, strict=True))
    return {tasks[name]: run.unit(name) for name in run.datasets}
