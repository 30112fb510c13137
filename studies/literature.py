"""What others have published about tuning optimizers, asked of a run's own rows.

A question is answered where a run has the arms for it. Its answer is a function of its lines alone.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

import dlopt
from datasets.split import seed_of
from studies import readings, statistics
from studies.arms import FULL, Arm
from studies.compare import LEVEL
from studies.protocol import Study
from studies.schema import TABLES
from studies.statistics import Doubles

SMALL = 2.0  # % of a dataset's median error: less is too little to matter, as in the forest
TIMES, PERCENT = "times the examples", "% of the median error"
BUDGETS = (1, 2, 4, 8)
INCLUDED = (  # a method, and one that it contains
    ("momentum", "sgd"),
    ("heavyball", "sgd"),
    ("nesterov", "sgd"),
    ("adam", "momentum"),
    ("adam", "rmsprop"),
    ("adamw", "adam"),
)
HOLDS, PARTLY, FAILS, OPEN = "holds here", "holds in part", "does not hold here", "undecided"


@dataclasses.dataclass(frozen=True)
class Asked:
    """A run's rows and readings, and what makes differences of datasets comparable."""

    study: Study
    rows: pd.DataFrame
    read: pd.DataFrame
    ratios: pd.DataFrame
    floors: dict[str, float]

    @functools.cached_property
    def plain(self) -> list[str]:
        """Optimizers whose whole search space is drawn at random, under their own name."""
        return [arm.name for arm in self.study.arms if arm == Arm(arm.optimizer) and not self.study.dependent]

    def relative(self, a: pd.Series, b: pd.Series) -> Doubles:
        """a - b by dataset and block, in % of the dataset's median error, (datasets, blocks)."""
        sides = ((a[name].sort_index(), b[name].sort_index()) for name in self.study.datasets)
        return np.array([statistics.differences(*pair) for pair in sides]) / self.units

    @functools.cached_property
    def units(self) -> Doubles:
        """One % of each dataset's median error, (datasets, 1)."""
        found = []
        for name in self.study.datasets:
            every = self.read[self.read.dataset == name].search_error
            middle = statistics.order_interval(every[np.isfinite(every)])[0]
            found.append([max(middle, self.floors[name]) / 100])
        return np.array(found)

    @functools.cached_property
    def expected(self) -> pd.DataFrame:
        """The expected test error of a search of k draws by k, dataset and block, a column an optimizer."""
        best = readings.best_of_k(self.rows[self.rows.optimizer.isin(self.plain)])
        return best.pivot(index=["k", "dataset", "block"], columns="optimizer", values="test_error")


Line = tuple[str, Doubles]  # what is compared; its differences, (datasets, blocks), negative: the first wins


class Question(NamedTuple):
    """claim: theirs. rule: when it holds here. differs: their setting. lines, answer: what is computed."""

    claim: str
    rule: str
    differs: str
    lines: Callable[[Asked], Iterator[Line]]
    answer: Callable[[pd.DataFrame], str]


def title(name: str) -> str:
    """How people call an optimizer."""
    return str(dlopt.OPTIMIZERS[name].__name__)


def defaults(asked: Asked) -> Iterator[Line]:
    """The best of all optimizers at their defaults, against a search of half of one optimizer's draws."""
    untuned = asked.rows[(asked.rows.kind == "untuned") & asked.rows.optimizer.isin(asked.plain)]
    if len(asked.plain) < 4:
        return
    best = untuned.sort_values(["best_validation_loss", "optimizer"], kind="stable")
    chosen = best.drop_duplicates(["dataset", "block"]).set_index(["dataset", "block"]).test_error
    wide = asked.read.pivot(index=["dataset", "block"], columns="optimizer", values="search_error")
    draws = max(1, asked.study.draws // 2)
    for name in ("adam", "momentum", "sgd"):
        if name in asked.plain:
            words = f"{len(asked.plain)} optimizers at their defaults − {draws} draws of {title(name)}"
            yield words, asked.relative(chosen, wide[name])


def _defaults(lines: pd.DataFrame) -> str:
    first = lines.iloc[0]
    if first.high <= SMALL:
        return HOLDS
    return FAILS if first.call == "worse" and first.low > SMALL else OPEN


def momentum(asked: Asked) -> Iterator[Line]:
    """Momentum against SGD at the smallest and at the full batch: examples to the same losses."""
    sizes = {
        (arm.optimizer, arm.batch_sizes[0]): arm.name for arm in asked.study.arms if len(arm.batch_sizes) == 1
    }
    small = min((size for _, size in sizes if size != FULL), default=FULL)
    wide = asked.ratios.pivot(index=["dataset", "block"], columns=["a", "b"], values="log_ratio")
    for size, words in ((small, f"batch {small}"), (FULL, "the full batch")):
        pair = sizes.get(("momentum", size)), sizes.get(("sgd", size))
        if small == FULL or None in pair:
            return
        d = wide[pair] if pair in wide else -wide[pair[::-1]]
        rows = [d[name].sort_index().to_numpy(float) for name in asked.study.datasets]
        yield f"Momentum / SGD, {words}", np.array(rows)


def _momentum(lines: pd.DataFrame) -> str:
    small, large = lines.call.iloc[0], lines.call.iloc[1]
    if large == "better":
        return FAILS if small == "better" else HOLDS
    return OPEN if large == "tied" and small != "better" else FAILS


def inclusion(asked: Asked) -> Iterator[Line]:
    """A method against one that it contains, both tuned with the same number of draws."""
    wide = asked.read.pivot(index=["dataset", "block"], columns="optimizer", values="search_error")
    for general, special in INCLUDED:
        if {general, special} <= set(asked.plain):
            yield f"{title(general)} − {title(special)}", asked.relative(wide[general], wide[special])


def _inclusion(lines: pd.DataFrame) -> str:
    if (lines.call == "worse").any():
        return FAILS
    return HOLDS if (lines.high <= SMALL).all() else OPEN if not (lines.call == "better").any() else PARTLY


def budgets(asked: Asked) -> Iterator[Line]:
    """Adam against each other optimizer after searches of so few draws."""
    if "adam" not in asked.plain or len(asked.plain) < 3:
        return
    for k in BUDGETS:
        if k <= asked.study.draws // 2:
            wide = asked.expected.loc[k]
            for name in asked.plain:
                if name != "adam":
                    yield f"Adam − {title(name)}, a budget of {k}", asked.relative(wide["adam"], wide[name])


def _budgets(lines: pd.DataFrame) -> str:
    few = lines[lines.what.str.endswith((" of 1", " of 2"))]
    if (few.call == "worse").any():
        return FAILS
    return HOLDS if (few.call == "better").all() else PARTLY if (few.call == "better").any() else OPEN


QUESTIONS = {
    "Schmidt, Schneider & Hennig 2021": Question(
        "Trying several optimizers at their defaults works about as well as tuning one.",
        f"against the first that is tuned, the interval ends below {SMALL:g} % of the median error",
        "They trained deep networks on 8 problems, with 15 optimizers; here small ones on small tables, the "
        "choice among defaults made on validation data in every block.",
        defaults,
        _defaults,
    ),
    "Zhang et al. 2019": Question(
        "Momentum only helps at large batches.",
        "at the full batch momentum needs fewer examples by a call, at the small one it does not",
        "They counted steps to a target on image and language models up to batch 65,536; here the ratio of "
        "examples to the same losses, with learning rate and β tuned at each size, up to the full batch.",
        momentum,
        _momentum,
    ),
    "Choi et al. 2019": Question(
        "A more general optimizer never loses to one that it contains, when both are tuned.",
        "no general method is called worse",
        "They tuned ε, which makes Adam contain Momentum, and spent more trials on what has more; here "
        "ε is fixed and both have the same number of draws.",
        inclusion,
        _inclusion,
    ),
    "Sivaprasad et al. 2020": Question(
        "Adam is the practical choice when there is little budget for tuning.",
        "after one and two draws nothing is called better than Adam, and Adam is called better than all",
        "They drew from priors fitted to their own tasks; here from wide log-uniform ranges, all "
        "hyperparameters at once.",
        budgets,
        _budgets,
    ),
}


def literature(
    study: Study, rows: pd.DataFrame, read: pd.DataFrame, ratios: pd.DataFrame, floors: dict[str, float]
) -> pd.DataFrame:
    """A line for each comparison behind each question that this run's arms can answer.

    Over all dataset-blocks together, which share a unit: the signed-rank sum's sign-flip test, Holm within
    the question, and the Hodges-Lehmann estimate and interval that go with it, of the finite differences.
    """
    asked, made = Asked(study, rows, read, ratios, floors), []
    for position, (source, question) in enumerate(QUESTIONS.items()):
        told = [(what, d) for what, d in question.lines(asked) if d.size]
        if not told:
            continue
        ranks = np.array([statistics.signed_ranks(d.ravel()) for _, d in told])
        adjusted = statistics.holm(statistics.sign_flip(ranks, seed_of(study.seed, "flips")))
        lines = pd.DataFrame.from_records(
            {
                "position": position,
                "source": source,
                "claim": question.claim,
                "rule": question.rule,
                "differs": question.differs,
                "line": i,
                "what": what,
                "unit": TIMES if question.lines is momentum else PERCENT,
                **dict(zip(("estimate", "low", "high"), statistics.hodges_lehmann(d.ravel()), strict=True)),
                "p_holm": p,
                "call": "tied" if p > LEVEL else "better" if total < 0 else "worse",
                "failed": int(np.sum(~np.isfinite(d))),
                "blocks": d.size,
            }
            for i, ((what, d), p, total) in enumerate(zip(told, adjusted, ranks.sum(axis=1), strict=True))
        )
        made.append(lines.assign(answer=question.answer(lines)))
    return pd.concat(made) if made else pd.DataFrame(columns=list(TABLES["literature"].columns))
