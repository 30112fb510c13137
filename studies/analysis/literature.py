"""What others have published about tuning optimizers, asked of a run's own rows.

A question is answered where a run has the arms for it. Its answer is a function of its lines alone.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

import dlopt
from studies.analysis import comparison, readings, statistics
from studies.analysis.comparison import percent
from studies.analysis.statistics import Doubles
from studies.analysis.verdicts import FAILS, HOLDS, LEVEL, MARGINS, OPEN, PARTLY, SMALL
from studies.folder.schema.tables import NOT_DECIDED, TABLES
from studies.question.arm import FULL, Arm
from studies.question.study import Study

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
        """The suite's own optimizers whose whole search space is drawn at random, under their own name."""
        return [arm.name for arm in self.study.arms if arm.whole and not (arm.file or self.study.dependent)]

    def relative(self, a: pd.Series, b: pd.Series) -> Doubles:
        """a - b by dataset and block, in % of the dataset's median error, (datasets, blocks)."""
        whole = (side.unstack("block").loc[list(self.study.datasets)].to_numpy() for side in (a, b))
        return statistics.differences(*whole) / self.units

    @functools.cached_property
    def units(self) -> Doubles:
        """One % of each dataset's median error, (datasets, 1)."""
        errors = {name: group.search_error for name, group in self.read.groupby("dataset")}
        return np.array([[percent(errors[name], self.floors[name])] for name in self.study.datasets])

    @functools.cached_property
    def searched(self) -> pd.DataFrame:
        """The expected test error of a search by dataset and block, a column an optimizer."""
        return self.read.pivot(index=["dataset", "block"], columns="optimizer", values="search_error")

    @functools.cached_property
    def expected(self) -> pd.DataFrame:
        """The expected test error of a search of k draws by k, dataset and block, a column an optimizer."""
        best = readings.best_of_k(self.rows[self.rows.optimizer.isin(self.plain)])
        return best.pivot(index=["k", "dataset", "block"], columns="optimizer", values="test_error")


Line = tuple[str, Doubles]  # what is compared; its differences, (datasets, blocks), negative: the first wins


class Finding(NamedTuple):
    """claim: theirs. rule: when it holds here. differs: their setting. lines, answer: what is computed.

    answer: the verdict, and the number of the line that decides it.
    """

    claim: str
    rule: str
    differs: str
    lines: Callable[[Asked], Iterator[Line]]
    answer: Callable[[pd.DataFrame], tuple[str, int]]


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
    draws = max(1, asked.study.draws // 2)
    for name in ("adam", "momentum", "sgd"):
        if name in asked.plain:
            words = f"{len(asked.plain)} optimizers at their defaults − {draws} draws of {title(name)}"
            yield words, asked.relative(chosen, asked.searched[name])


def _defaults(lines: pd.DataFrame) -> tuple[str, int]:
    first = lines.iloc[0]
    if first.high <= SMALL and not first.failed:
        return HOLDS, 0
    return (FAILS if first.verdict == "worse" and first.low > SMALL else OPEN), 0


def momentum(asked: Asked) -> Iterator[Line]:
    """Momentum against SGD at the smallest and at the full batch: examples to the same losses."""
    plain = (arm for arm in asked.study.arms if len(arm.batch_sizes) == 1 and not asked.study.dependent)
    sizes = {
        (arm.optimizer, arm.batch_sizes[0]): arm.name
        for arm in plain
        if arm == Arm(arm.optimizer, name=arm.name, batch_sizes=arm.batch_sizes, file=arm.file)
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


def _momentum(lines: pd.DataFrame) -> tuple[str, int]:
    small, large = lines.iloc[0], lines.iloc[1]
    if small.verdict == "better":
        return FAILS, 0
    if large.verdict != "better":
        return (FAILS if large.verdict == "worse" else OPEN), 1
    return (HOLDS, 1) if small.low >= -MARGINS["ratio"] and not small.failed else (OPEN, 0)


def inclusion(asked: Asked) -> Iterator[Line]:
    """A method against one that it contains, both tuned with the same number of draws."""
    for general, special in INCLUDED:
        if {general, special} <= set(asked.plain):
            yield (
                f"{title(general)} − {title(special)}",
                asked.relative(asked.searched[general], asked.searched[special]),
            )


def _inclusion(lines: pd.DataFrame) -> tuple[str, int]:
    worse = lines[lines.verdict == "worse"]
    if len(worse):
        return FAILS, int(worse.p_holm.idxmin())
    nearest = int(lines.high.idxmax())
    sound = (lines.high <= SMALL).all() and not lines.failed.any()
    return (HOLDS if sound else OPEN), nearest


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


def _budgets(lines: pd.DataFrame) -> tuple[str, int]:
    few = lines[lines.what.str.endswith((" of 1", " of 2"))]
    worse = few[few.verdict == "worse"]
    if len(worse):
        return FAILS, int(worse.p_holm.idxmin())
    won = (few.verdict == "better").sum()
    return (HOLDS if won == len(few) else PARTLY if won else OPEN), int(few.p_holm.idxmax())


FINDINGS = {
    "Schmidt, Schneider & Hennig 2021": Finding(
        "Trying several optimizers at their defaults works about as well as tuning one.",
        f"against the first that is tuned the interval ends below {SMALL:g} % of the median error; it fails "
        "where a call and the interval say more",
        "They trained deep networks on 8 problems, with 15 optimizers; here small ones on small tables, the "
        "choice among defaults made on validation data in every block.",
        defaults,
        _defaults,
    ),
    "Zhang et al. 2019": Finding(
        "Momentum only helps at large batches.",
        "momentum is called quicker at the full batch, and at the small one the interval excludes 10 % fewer "
        "examples",
        "They counted steps to a target on image and language models up to batch 65,536; here the ratio of "
        "examples to the same losses, with learning rate and β tuned at each size, up to the full batch.",
        momentum,
        _momentum,
    ),
    "Choi et al. 2019": Finding(
        "A more general optimizer never loses to one that it contains, when both are tuned.",
        f"no general method is called worse, and all intervals end below {SMALL:g} % of the median error",
        "They tuned ε, which makes Adam contain Momentum, and spent more trials on what has more; here "
        "ε is fixed and both have the same number of draws.",
        inclusion,
        _inclusion,
    ),
    "Sivaprasad et al. 2020": Finding(
        "Adam is the practical choice when there is little budget for tuning.",
        "after one and two draws Adam is called better than all; in part: than some, and nothing is better",
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

    Ranked within each dataset and tested together by sign flips as every comparison is, Holm within the
    finding; beside it Hodges-Lehmann of all finite differences, and how many were not.
    """
    asked, made = Asked(study, rows, read, ratios, floors), []
    told = {source: [(w, d) for w, d in one.lines(asked) if d.size] for source, one in FINDINGS.items()}
    every = [statistics.signed_ranks(d).ravel() for lines in told.values() for _, d in lines]
    if not every:
        return pd.DataFrame(columns=list(TABLES["literature"].columns))
    raw = iter(statistics.sign_flip(np.array(every)))
    totals = iter(np.sum(every, axis=1))
    for position, (source, question) in enumerate(FINDINGS.items()):
        if not told[source]:
            continue
        adjusted = statistics.holm([next(raw) for _ in told[source]])
        unit, margin = (TIMES, MARGINS["ratio"]) if question.lines is momentum else (PERCENT, SMALL)
        lines = pd.DataFrame.from_records(
            {
                "position": position,
                "source": source,
                "claim": question.claim,
                "rule": question.rule,
                "differs": question.differs,
                "line": i,
                "what": what,
                "unit": unit,
                **dict(zip(("estimate", "low", "high"), statistics.hodges_lehmann(d.ravel()), strict=True)),
                "p_holm": p,
                "verdict": comparison.verdict(
                    NOT_DECIDED if p > LEVEL else "better" if total < 0 else "worse",
                    comparison.equivalent(d.ravel(), margin, pooled=True),
                ),
                "failed": int(np.sum(~np.isfinite(d))),
                "blocks": d.size,
            }
            for i, ((what, d), p, total) in enumerate(
                zip(told[source], adjusted, itertools.islice(totals, len(adjusted)), strict=True)
            )
        )
        verdict, decisive = question.answer(lines)
        made.append(lines.assign(answer=verdict, decides=lines.index == decisive))
    return pd.concat(made)
