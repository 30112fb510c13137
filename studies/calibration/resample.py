"""Studies resampled from a pool, read and tested by the functions that every study uses.

A study takes some of the pool's blocks and, in each, an own search for every arm: draws without
replacement that are spread over batch sizes and decay as a real search's are. Arms of one kind draw
independently, so an arm and its copy differ in nothing but their draws.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from datasets.split import seed_of
from studies.analysis import readings, statistics
from studies.analysis.comparison import called
from studies.analysis.statistics import Doubles
from studies.analysis.verdicts import LEVEL
from studies.calibration.draw_pool import USUAL, Pool, load
from studies.training.draws import size_and_decay

DRAWS = 16  # of a search
COPIES = 8
LEVELS = (LEVEL, 0.01, LEVEL / 28)  # the last is Holm's first step among eight optimizers
SEARCHED, SEEDS, KEPT, SEEDS_AGAIN, FINAL = 32, 3, 5, 10, 20  # the usual design


@dataclasses.dataclass(frozen=True)
class Question:
    """Two arms of some pools, compared in so many blocks of each: how often are they called different?

    draws: of the other arm's searches. cut: its learning rates end at the best one divided by this; 0 for
    the whole range. slower: it needs so many times the examples for what its pool's rows reach.
    """

    name: str
    pools: tuple[Pool, ...]
    arm: str
    other: str
    blocks: int = 20
    draws: int = DRAWS
    cut: float = 0.0
    slower: float = 1.0


@functools.lru_cache(maxsize=16)
def _loaded(pool: Pool, folder: Path) -> dict[str, dict[str, Any]]:
    return load(pool, folder)


def blocks_of(pool: Pool, blocks: int, studies: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which of the pool's blocks each study has, (studies, blocks): different as far as they go."""
    rounds = [
        rng.permuted(np.tile(np.arange(pool.blocks), (studies, 1)), axis=1)
        for _ in range(-(-blocks // pool.blocks))
    ]
    return np.concatenate(rounds, axis=1)[:, :blocks]


def searches(
    arm: dict[str, Any], blocks: NDArray[np.int64], draws: int, rng: np.random.Generator, cut: float = 0.0
) -> NDArray[np.int64]:
    """Which draws of the pool each search has, (studies, blocks, draws), in the order of a real search.

    Where a cut leaves fewer than a search needs, it takes some twice. Raises ValueError where it leaves none.
    """
    found = np.empty((*blocks.shape, draws), np.int64)
    sizes = int(arm["size"].max()) + 1
    allowed = arm["lr"] <= (best_rate(arm) / cut if cut else np.inf)
    for block in range(len(arm["best"])):
        at = np.nonzero(blocks == block)
        keys, turns = rng.random((len(at[0]), arm["best"].shape[1])), np.empty((len(at[0]), draws), np.int64)
        wanted = [size_and_decay(draw, block, sizes) for draw in range(draws)]
        for size, decay in set(wanted):
            places = [place for place, turn in enumerate(wanted) if turn == (size, decay)]
            own = (arm["size"][block] == size) & (arm["decay"][block] == bool(decay)) & allowed[block]
            members = np.flatnonzero(own)
            if not len(members):
                raise ValueError(f"Block {block} of the pool has no draw left that a search may take.")
            order = np.argsort(keys[:, members], axis=1)
            turns[:, places] = members[order[:, np.arange(len(places)) % len(members)]]
        found[at] = turns
    return found


def best_rate(arm: dict[str, Any]) -> float:
    """The median over blocks of the learning rate of the best draw of all."""
    winners = np.argmin(arm["best"], axis=1)
    return float(np.median(arm["lr"][np.arange(len(winners)), winners]))


def errors(arm: dict[str, Any], blocks: NDArray[np.int64], drawn: NDArray[np.int64]) -> Doubles:
    """The expected test error of a search of half of the draws, (studies, blocks)."""
    best, error = (arm[what][blocks[..., None], drawn] for what in ("best", "error"))
    ranked = np.take_along_axis(error, np.argsort(best, axis=-1, kind="stable"), axis=-1)
    draws = drawn.shape[-1]
    return statistics.expected_search(ranked, statistics.search_weights(draws, max(1, draws // 2)))


class Descents(NamedTuple):
    """Envelopes of searches. examples: (U,); depth: (studies, blocks, U); there: which points each has."""

    examples: Doubles
    depth: Doubles
    there: NDArray[np.bool_]


def descents(
    arm: dict[str, Any], blocks: NDArray[np.int64], drawn: NDArray[np.int64], slower: float = 1.0
) -> Descents:
    """The envelopes of the searches as `log_ratio` reads them, at the records of sound rows.

    A slower one is at x examples as deep as another at x / slower, log loss linear between records.
    """
    examples = arm["examples"].astype(float)
    at = (blocks[..., None], drawn)
    lowest = np.minimum.accumulate(arm["loss"][at].min(axis=-2).astype(float), axis=-1)
    _, depth = readings.descent(examples, lowest)
    if slower != 1:
        after = np.maximum(np.searchsorted(examples, examples / slower), 1)
        share = (examples / slower - examples[after - 1]) / (examples[after] - examples[after - 1])
        depth = depth[..., after - 1] + share * (depth[..., after] - depth[..., after - 1])
    there = np.broadcast_to(examples == 0, depth.shape).copy()
    for size, records in enumerate(arm["recorded"]):
        sound = ((arm["size"][at] == size) & np.isfinite(arm["best"][at])).any(axis=-1)
        there |= sound[..., None] & records
    return Descents(examples, depth, there)


def ratios(a: Descents, b: Descents) -> Doubles:
    """`log_ratio` in every block of every study."""
    found = np.empty(a.depth.shape[:-1])
    for at in np.ndindex(found.shape):
        sides = ((one.examples[one.there[at]], one.depth[at][one.there[at]]) for one in (a, b))
        found[at] = readings.log_ratio(*sides)
    return found


def differences(question: Question, folder: Path, studies: int, seed: int) -> dict[str, Doubles]:
    """arm - other in both readings, (studies, datasets, blocks)."""
    found: dict[str, list[Doubles]] = {"error": [], "ratio": []}
    for pool in question.pools:
        rng = np.random.default_rng(seed_of(seed, question.name, question.arm, pool.dataset))
        arms = _loaded(pool, folder)
        arm, other = arms[question.arm], arms[question.other]
        blocks = blocks_of(pool, question.blocks, studies, rng)
        mine = searches(arm, blocks, DRAWS, rng)
        theirs = searches(other, blocks, question.draws, rng, question.cut)
        read = errors(arm, blocks, mine), errors(other, blocks, theirs)
        found["error"].append(statistics.differences(*read))
        sides = descents(arm, blocks, mine), descents(other, blocks, theirs, question.slower)
        found["ratio"].append(ratios(*sides))
    return {reading: np.stack(d, axis=1) for reading, d in found.items()}


def called_different(d: Doubles) -> dict[float, tuple[int, int]]:
    """Of studies (studies, datasets, blocks) at each level: how many call the arm better, how many worse."""
    ranks = statistics.signed_ranks(d).reshape(len(d), -1)
    p, sums = statistics.sign_flip(ranks), ranks.sum(axis=1)
    return {
        level: (int(np.sum((p <= level) & (sums < 0))), int(np.sum((p <= level) & (sums > 0))))
        for level in LEVELS
    }


def ask(
    question: Question, folder: Path, studies: int, seed: int
) -> dict[tuple[str, float], tuple[int, int]]:
    """How many of the studies find the arm better, and worse, by reading and level."""
    found = differences(question, folder, studies, seed)
    return {
        (reading, level): counts
        for reading, d in found.items()
        for level, counts in called_different(d).items()
    }


def copies(pools: Sequence[Pool], arm: str, folder: Path, studies: int, seed: int) -> dict[str, int]:
    """How many studies of eight copies of an arm call any two of them different, after Holm."""
    pairs = list(itertools.combinations(range(COPIES), 2))
    d: dict[str, list[Doubles]] = {"error": [], "ratio": []}
    for pool in pools:
        rng, kind = (
            np.random.default_rng(seed_of(seed, "copies", arm, pool.dataset)),
            _loaded(pool, folder)[arm],
        )
        blocks = blocks_of(pool, 20, studies, rng)
        drawn = [searches(kind, blocks, DRAWS, rng) for _ in range(COPIES)]
        read = [errors(kind, blocks, own) for own in drawn]
        fell = [descents(kind, blocks, own) for own in drawn]
        d["error"].append(np.stack([statistics.differences(read[a], read[b]) for a, b in pairs]))
        d["ratio"].append(np.stack([ratios(fell[a], fell[b]) for a, b in pairs]))
    return {reading: sum(_alarms(np.stack(parts, axis=2))) for reading, parts in d.items()}


def _alarms(d: Doubles) -> Iterator[bool]:
    for study in d.swapaxes(0, 1):  # (pairs, datasets, blocks)
        ranks = statistics.signed_ranks(study).reshape(len(study), -1)
        p = statistics.sign_flip(ranks)
        _, calls = called(p, ranks.sum(axis=1), ranks.shape[1], len(p))
        yield any(call in ("a", "b") for call in calls)


def usual(pool: Pool, folder: Path, arms: int, studies: int, seed: int) -> int:
    """How many studies of the usual design call any two of an optimizer's copies different on test error.

    One search of 32 settings on 3 seeds for each copy, the best 5 scored again on 10, the winner tested
    on 20 fresh ones; a paired t-test at .05, and Holm's correction where there are more than two.
    """
    kind, rng = _loaded(pool, folder)[USUAL], np.random.default_rng(seed_of(seed, USUAL, arms, pool.dataset))
    best, error, alarms = kind["best"], kind["error"], 0
    for _ in range(studies):
        seeds = rng.permutation(pool.blocks)
        first, again, final = np.split(seeds, [SEEDS, SEEDS + SEEDS_AGAIN])
        tested = []
        for settings in rng.permutation(pool.settings)[: arms * SEARCHED].reshape(arms, SEARCHED):
            kept = settings[np.argsort(best[np.ix_(first, settings)].mean(axis=0), kind="stable")[:KEPT]]
            winner = kept[np.argmin(best[np.ix_(again, kept)].mean(axis=0))]
            tested.append(error[final[:FINAL], winner])
        p = [_paired(a, b) for a, b in itertools.combinations(tested, 2)]
        alarms += bool((statistics.holm(p) <= LEVEL).any())
    return alarms


def _paired(a: Doubles, b: Doubles) -> float:
    return 1.0 if np.ptp(a - b) == 0 and a[0] == b[0] else float(stats.ttest_rel(a, b).pvalue)
