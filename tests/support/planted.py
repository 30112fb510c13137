"""Planted studies, whose answers are known by construction, and slow but plain ways to the same numbers."""

import itertools
import json
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pandas as pd
from hypothesis import settings

from studies.analysis import comparison, readings
from studies.folder.schema.tables import TABLES

# Without a database nothing is written, and derandomized runs are the same everywhere.
many = settings(max_examples=60, deadline=None, database=None, derandomize=True)

SETTINGS = {
    "sgd": {"lr": 0.1},
    "momentum": {"lr": 0.1, "beta": 0.9},
    "rmsprop": {"lr": 0.01, "rho": 0.99, "eps": 1e-8},
    "adam": {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8},
}
LENGTH = 1000  # training examples of every planted training


# Rows and curves


def row(dataset, block, optimizer, draw, error, loss, *, worst=1.0, diverged=False, **fields):
    """One training: `loss` on validation, `error` on test, `worst` the test error of a diverged one."""
    hyper = fields.pop("settings", SETTINGS.get(optimizer, {"lr": 0.1}))
    decay = fields.get("decay", ("none", "exponential")[draw % 2])
    return {
        "dataset": dataset,
        "block": block,
        "optimizer": optimizer,
        "kind": "search",
        "draw": draw,
        "batch_size": 64,
        "decay": decay,
        "settings": json.dumps(hyper if decay == "none" else {"gamma": 0.95} | hyper),
        "lr": hyper["lr"],
        "status": "diverged" if diverged else "ok",
        "diverged_step": 3 if diverged else 0,
        "best_validation_loss": math.inf if diverged else loss,
        "best_validation_error": worst if diverged else error,
        "best_examples": 0 if diverged else LENGTH,
        "best_step": 0 if diverged else LENGTH // 64,
        "test_loss": math.inf if diverged else loss,
        "test_error": worst if diverged else error,
        **{
            f"{part}_{what}": value
            for part in ("quarter", "half")
            for what, value in (
                ("validation_loss", math.inf if diverged else loss),
                ("test_error", worst if diverged else error),
            )
        },
        **fields,
    }


def search(dataset, block, optimizer, errors, losses=None, diverged=(), **fields):
    """The draws of one search, from best to worst validation unless losses are given."""
    losses = range(1, len(errors) + 1) if losses is None else losses
    return [
        row(dataset, block, optimizer, j, error, float(loss), diverged=j in diverged, **fields)
        for j, (error, loss) in enumerate(zip(errors, losses, strict=True))
    ]


def curve(of, losses, examples=None):
    """The checkpoints of a row, evenly spread unless said otherwise."""
    examples = np.linspace(0, LENGTH, len(losses)).astype(int) if examples is None else examples
    key = {name: of[name] for name in ("dataset", "block", "optimizer", "kind", "draw")}
    return [
        {**key, "examples": int(x), "step": int(x) // 64, "validation_loss": float(loss)}
        | {"validation_error": 0.1, "training_loss": math.nan}
        for x, loss in zip(examples, losses, strict=True)
    ]


def frame(table, lines):
    """Lines as a table with the columns of the schema."""
    return pd.DataFrame(lines, columns=list(TABLES[table].columns))


class Optimizer(NamedTuple):
    """What a planted optimizer is: test error added to all its rows, speed, blocks in which all diverges."""

    worse: float = 0.0
    speed: float = 1.0
    failing: tuple[int, ...] = ()


def study(optimizers, datasets, blocks, draws=4, *, worst=1.0, seed=0):
    """Rows and curves of a study: exponential falls from a shared start, with random rates and errors.

    Rates lie in .5 .. 1.5 and errors spread by less than .06, so that a speed above 3 or `worse` above .06
    wins every block.
    """
    trained, points = [], []
    for dataset, block, name in itertools.product(datasets, range(blocks), optimizers):
        start = float(np.random.default_rng([seed, *dataset.encode(), block]).uniform(0.5, 2))
        rng = np.random.default_rng([seed, *dataset.encode(), block, *name.encode()])
        what = optimizers[name]
        for draw in range(draws):
            rate = rng.uniform(0.5, 1.5)
            falls = start * np.exp(-what.speed * rate * np.linspace(0, 1, 11))
            error = 0.2 * math.exp(-0.3 * rate) + rng.uniform(0, 0.01) + what.worse
            diverged = block in what.failing
            made = row(dataset, block, name, draw, error, falls[-1], worst=worst, diverged=diverged)
            trained.append(made)
            points += curve(made, np.where(np.arange(11) > 2, np.inf, falls) if diverged else falls)
        untuned = row(dataset, block, name, 0, 0.3 + what.worse, start, kind="untuned", decay="none")
        trained.append(untuned | {"best_examples": 0})
        points += curve(untuned, [start] * 11)
    return frame("rows", trained), frame("curves", points)


def copy_of(rows, curves, optimizer, name, seed=1):
    """The same trainings under another name, their draws renumbered and their lines shuffled."""
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(rows[rows.kind == "search"].draw.max() + 1)
    copies = []
    for table in (rows, curves):
        mine = table[table.optimizer == optimizer].copy()
        search = mine.kind == "search"
        mine.loc[search, "draw"] = numbers[mine[search].draw]
        mine["optimizer"] = name
        both = pd.concat([table, mine], ignore_index=True)
        copies.append(both.iloc[rng.permutation(len(both))].reset_index(drop=True))
    return copies


class Compared(NamedTuple):
    """All that follows from rows and curves."""

    rows: pd.DataFrame
    curves: pd.DataFrame
    read: pd.DataFrame
    ratios: pd.DataFrame
    scores: dict[str, comparison.Scores]
    calls: pd.DataFrame
    placed: pd.DataFrame

    def call(self, reading, scope, a, b):
        """The line of one pair."""
        at = self.calls
        found = at[(at.reading == reading) & (at.scope == scope) & (at.a == a) & (at.b == b)]
        assert len(found) == 1
        return found.iloc[0]

    def best(self, reading, scope):
        """The optimizers that none other beats, by place."""
        here = self.placed[(self.placed.reading == reading) & (self.placed.scope == scope)]
        return list(here[here.unbeaten].sort_values("place").optimizer)


def compared(rows, curves, optimizers, datasets, task="classification"):
    """The comparison of a study, in the order in which a run makes it."""
    optimizers, names = list(optimizers), list(datasets)
    tasks = dict.fromkeys(names, task) if isinstance(task, str) else task
    read = readings.search_readings(rows)
    ratios = readings.log_ratios(readings.envelopes(rows, curves), optimizers)
    scores = {
        "error": comparison.error_scores(read, optimizers, names),
        "ratio": comparison.ratio_scores(ratios, optimizers, names),
    }
    calls = [comparison.comparisons(one, tasks) for one in scores.values()]
    placed = [comparison.ranking(s, c, optimizers) for s, c in zip(scores.values(), calls, strict=True)]
    return Compared(
        rows,
        curves,
        read,
        ratios,
        scores,
        pd.concat(calls, ignore_index=True),
        pd.concat(placed, ignore_index=True),
    )


# Slow and plain


def best_of_subsets(lines, size):
    """The mean test error of the best, by (validation loss, draw), over all subsets of the rows."""
    subsets = list(itertools.combinations(lines, size))
    best = [min(s, key=lambda r: (r["best_validation_loss"], r["draw"]))["test_error"] for s in subsets]
    return sum(best) / len(subsets)


def holm_by_closure(p):
    """Holm's procedure is the closure of Bonferroni's: the worst intersection that contains a hypothesis."""
    everyone = range(len(p))
    families = [s for size in range(1, len(p) + 1) for s in itertools.combinations(everyone, size)]
    return [max(min(1.0, len(s) * min(p[j] for j in s)) for s in families if i in s) for i in everyone]


def midranks(values):
    """1 + how many are smaller + half of how many others are equal."""
    return [1 + sum(v < x for v in values) + (sum(v == x for v in values) - 1) / 2 for x in values]


def exact_sign_flip(scores):
    """P(|T*| >= |T|) over all flips of whole-numbered scores, by counting sums."""
    ways = {0: 1}
    for score in map(int, scores):
        grown: dict[int, int] = {}
        for total, count in ways.items():
            for moved in (total + score, total - score):
                grown[moved] = grown.get(moved, 0) + count
        ways = grown
    reached = sum(count for total, count in ways.items() if abs(total) >= abs(int(sum(scores))))
    return float(Fraction(reached, 2 ** len(scores)))


def middle_coverage(n, cut):
    """The chance that the median lies between the cut-th smallest and the cut-th largest of n."""
    return float(1 - 2 * Fraction(sum(math.comb(n, j) for j in range(cut)), 2**n))
