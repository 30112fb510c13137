"""RMSprop where things change: minima that move, and inputs that are seldom there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import dlopt
from dlopt.exact import real_power
from dlopt.grid import geometric
from dlopt.landscapes import Doubles
from studies.analysis.statistics import hodges_lehmann, order_interval
from studies.analysis.verdicts import HOLDS, PARTLY, weighed
from studies.claims.claim import NAN, Claim, Judged, evidence
from studies.claims.rmsprop.scale import RHO, SEEDS, listed, walker

BETA2 = 0.999
WALK = 2048  # steps
CHANGES = (1, 4, 16, 64)  # in a walk
KINDS = {"minimum": "where only the minimum jumps", "minimum and scale": "where the scale changes too"}
TRACKING = geometric(1e-3, 1e2, 16)
CURVES = np.array([0.1, 1.0])
MUCH = 1.1  # less is too little to matter, as in the studies' margin for speed
EVERY = (2, 5, 10, 25, 50, 100, 250, 500)  # rows in which a feature is present once, on average


def worlds() -> tuple[Doubles, Doubles, Doubles]:
    """Minima (WALK, 2, CHANGES, seeds, 2), scales of the gradient (…, 1) and noise (WALK, seeds, 2).

    In the first kind only the minimum jumps, by N(0, 1) to a new place; in the second the gradient is also
    multiplied by 0.1 to 10 from then on.
    """
    rng, seeds = np.random.default_rng(0), 2 * SEEDS
    minima = np.zeros((WALK, 2, len(CHANGES), seeds, 2))
    scales = np.ones((WALK, 2, len(CHANGES), seeds, 1))
    for k, changes in enumerate(CHANGES):
        for first in np.linspace(0, WALK, changes + 2)[1:-1].round().astype(int):
            minima[first:, :, k] = rng.normal(size=(seeds, 2))
            scales[first:, 1, k] = real_power(10.0, rng.uniform(-1, 1, size=(seeds, 1)))
    return minima, scales, 0.3 * rng.normal(size=(WALK, seeds, 2))


def tracked(kinds: dict[str, Any]) -> dict[str, Doubles]:
    """Mean height above the minimum over a walk, (KINDS, CHANGES, seeds), at the best rate.

    The rate is chosen on half of the seeds, for each world, and the heights are those of the other half.
    """
    minima, scales, noise = worlds()
    found = {}
    for name, kind in kinds.items():
        params, total = np.ones((len(TRACKING), minima[0].size)), np.zeros(())
        step, places = walker(kind(lr=TRACKING), params), params.reshape(-1, *minima.shape[1:])
        with np.errstate(all="ignore"):  # a rate that is too large diverges
            for minimum, scale, disturbance in zip(minima, scales, noise, strict=True):
                moved = places - minimum
                slope = CURVES * moved
                total = total + np.add.reduce(slope * moved, axis=-1) / 2
                step((scale * (slope + disturbance)).reshape(params.shape))
        mean = np.where(np.isfinite(total), total / WALK, np.inf)
        best = np.median(mean[..., :SEEDS], axis=-1).argmin(axis=0)
        found[name] = np.take_along_axis(mean[..., SEEDS:], best[None, ..., None], axis=0)[0]
    return found


def tracks() -> pd.DataFrame:
    """The others' heights over RMSprop's."""
    found = tracked(
        {"AdaGrad": dlopt.Adagrad, "SGD": dlopt.SGD, "Adam": dlopt.Adam, "RMSprop": dlopt.RMSprop}
    )
    lines: list[tuple[Any, ...]] = []
    for i, kind in enumerate(KINDS):
        for name in ("AdaGrad", "SGD", "Adam")[: 2 + i]:
            for k, changes in enumerate(CHANGES):
                ratio = ratio_of(found[name][i, k], found["RMSprop"][i, k])
                lines.append((f"{name}, {kind}", changes, *ratio, NAN))
    return evidence(*lines)


def ratio_of(one: Doubles, other: Doubles) -> tuple[float, ...]:
    """The typical ratio, paired, with its interval: the median's where a walk diverged."""
    with np.errstate(invalid="ignore"):
        logs = np.where(one == other, 0.0, np.log(one) - np.log(other))
    ends = hodges_lehmann(logs) if np.isfinite(logs).all() else order_interval(logs)[:3]
    return tuple(np.exp(ends).tolist())


def tracks_judged(seen: pd.DataFrame) -> Judged:
    """World by world: below AdaGrad, and not above plain descent."""
    parts = seen.what.str.partition(", ")
    wide = {
        name: here.set_index(["kind", "x"]) for name, here in seen.assign(kind=parts[2]).groupby(parts[0])
    }
    sums, plain = wide["AdaGrad"], wide["SGD"]
    good = (sums.low > 1) & (plain.low >= 1 / MUCH)
    bad = (sums.high < 1) | (plain.high < 1 / MUCH)
    verdict = weighed(good, bad)
    told = []
    for kind, words in KINDS.items():
        yes, no = (which[kind].index[which[kind]] for which in (good, bad))
        where = f"copes with {listed(yes)} changes" if len(yes) else "copes nowhere"
        told.append(f"{words} it {where}" + (f", not with {listed(no)}" if len(yes) and len(no) else ""))
    one = plain.iloc[-1]
    unit = f"height of plain descent / RMSprop's, minimum and scale change {plain.index[-1][1]:g} times"
    when = "" if verdict == HOLDS else "; ".join(told)
    return Judged(verdict, float(one.value), unit, when, float(one.low), float(one.high))


TRACKS = Claim(
    number=19,
    part="RMSprop",
    says="RMSprop copes with objectives that change while it walks.",
    chapter="特别适合处理非平稳目标函数",
    rule=(
        "tracking a minimum that jumps 1 to 64 times in a walk, at each method's best rate of one grid, it "
        f"stays lower than AdaGrad and not {MUCH} times as high as plain descent (less is too little to "
        "matter); asked where only the minimum jumps, and where the gradient's scale changes too; in part: "
        "shown so for some of these worlds and shown not so for others"
    ),
    code=(dlopt.RMSprop, dlopt.Adagrad, dlopt.SGD, dlopt.Adam),
    measure=tracks,
    judge=tracks_judged,
    resampled=f"{SEEDS} seeds, rates chosen on {SEEDS} others; Hodges-Lehmann of paired log ratios",
    x="changes in a walk of 2048 steps",
    y="height / RMSprop's height",
    log="xy",
    blind=False,
)


def rare() -> pd.DataFrame:
    """The way per appearance against rarity; expected: if appearances came at even distances."""
    seeds, steps = 2 * SEEDS, 10_000
    gaps = np.array(EVERY, float)
    kinds: tuple[tuple[str, Any, Doubles], ...] = (
        ("SGD", dlopt.SGD, np.ones(len(gaps))),
        ("AdaGrad", dlopt.Adagrad, np.sqrt(gaps)),
        # at an appearance the average is (1-ρ) Σ ρ^(k·gap) = (1-ρ) / (1-ρ^gap)
        ("RMSprop", dlopt.RMSprop, np.sqrt(1 - RHO**gaps)),
        ("Adam", dlopt.Adam, np.sqrt(1 - BETA2**gaps)),
    )
    often, rng = np.repeat(1 / gaps, seeds), np.random.default_rng(0)
    places = {name: np.zeros((1, len(often))) for name, *_ in kinds}
    walks = [walker(kind(), places[name]) for name, kind, _ in kinds]
    count, half = np.zeros(len(often)), places
    for t in range(steps):
        if t == steps // 2:  # by then the averages have settled
            half = {name: place.copy() for name, place in places.items()}
            count[:] = 0
        present = (rng.random((1, len(often))) < often).astype(float)
        count += present[0]
        for step in walks:
            step(present)
    lines = []
    for name, _, law in kinds:
        way = ((half[name] - places[name])[0] / np.maximum(count, 1)).reshape(len(gaps), seeds)
        for gap, here, expected in zip(EVERY, way / np.median(way[0]), law / law[0], strict=True):
            lines.append((name, gap, *order_interval(here)[:3], float(expected)))
    return evidence(*lines)


def rare_judged(seen: pd.DataFrame) -> Judged:
    """From which rarity on does RMSprop's step grow no more?"""
    ends = seen[seen.x == seen.x.max()].set_index("what").value
    mine = seen[seen.what == "RMSprop"].sort_values("x")
    low, high = mine.low.to_numpy(), mine.high.to_numpy()
    grows, stays = low[1:] >= MUCH * high[:-1], high[1:] < MUCH * low[:-1]
    verdict = weighed(grows, stays)
    first, last = mine.iloc[0], mine.iloc[-1]
    others = ", ".join(f"{name} {ends[name]:.1f}" for name in ("AdaGrad", "Adam", "SGD"))
    when = (
        f"up to a feature in every {mine.x[1:][grows].max():g}th row; a rarer one is forgotten between "
        f"appearances, and its step goes to lr/√(1-ρ) and no further. In every {last.x:g}th row it is "
        f"{last.value:.1f} times the most frequent one's ({others})"
    )
    unit = f"step of RMSprop for a feature in every {last.x:g}th row / in every {first.x:g}nd"
    told = when if verdict == PARTLY else ""
    return Judged(verdict, float(last.value), unit, told, float(last.low), float(last.high))


RARE = Claim(
    number=20,
    part="RMSprop",
    says="Features that appear often get small steps, rare ones large steps.",
    chapter="对于频繁更新的参数,其梯度平方的累积值较大,从而降低学习率;对于稀疏更新的参数,累积值较小,学习率相对较高",
    rule=(
        "for features present in every 2nd to every 500th row, with a gradient of 1 where present, RMSprop's "
        f"way per appearance grows by at least {MUCH} times from each frequency to the next, which is 2 to "
        "2.5 times as rare (less is too little to matter); in part: shown so for some and shown not so for "
        "others; other methods beside"
    ),
    code=(dlopt.RMSprop, dlopt.Adam, dlopt.Adagrad, dlopt.SGD),
    measure=rare,
    judge=rare_judged,
    resampled=f"{2 * SEEDS} random series of appearances each; intervals are order statistics of them",
    x="rows between appearances, on average",
    y="way per appearance / at 2",
    log="xy",
    blind=False,
)
