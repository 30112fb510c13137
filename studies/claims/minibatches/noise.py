"""The noise of mini-batches: how it scatters, where it keeps descent, and the chapter's own loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import datasets
import dlopt
from dlopt.landscapes import Doubles
from studies.analysis.statistics import hodges_lehmann, order_interval
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY, weighed
from studies.claims.claim import Claim, Judged, evidence
from studies.claims.searches import BLOCKS

LAW = 0.1  # how far a simulation may lie from its law: chance alone takes it about a third as far
EPOCHS = {1: 1, 4: 2, 16: 8, 64: 32, 256: 64}  # by batch size: 64 to 341 whole mini-batches


def gradients(block: Any, params: Any, size: int, epochs: int) -> Doubles:
    """The gradient (P,) of each whole mini-batch of some shuffled epochs, all at the same params."""
    n, rng = len(block.X_train), np.random.default_rng([block.seed, size])
    stack = dlopt.MLP(32).stack([block] * epochs, 1, np.dtype(np.float32))  # a copy for each epoch
    stack.params[:] = params
    feed = stack.feed(np.stack([block.X_train] * epochs), np.stack([block.y_train] * epochs))
    found = []
    for batch in feed.batches(rng.permuted(np.tile(np.arange(n), (epochs, 1)), axis=1), size):
        if batch.size == size:
            stack.gradient(batch)
            found.append(stack.grad.astype(float))
    return np.concatenate(found)


def scatter(block: Any, params: Any) -> Doubles:
    """Variance over that of one example, and mean cosine with the full gradient, for each size: (5, 2)."""
    full, found = gradients(block, params, len(block.X_train), 1)[0], []
    for size, epochs in EPOCHS.items():
        seen = gradients(block, params, size, epochs)
        cosine = seen @ full / np.maximum(np.linalg.norm(seen, axis=1), 1e-30) / np.linalg.norm(full)
        found.append((((seen - full) ** 2).sum(axis=1).mean(), cosine.mean()))
    relative: Doubles = np.array(found) / [found[0][0], 1.0]
    return relative


def steadier() -> pd.DataFrame:
    """Variance and cosine of mini-batch gradients at the start and after 5 epochs."""
    data, lines = datasets.load("breast_cancer"), []
    blocks, n = [data.block(i) for i in range(BLOCKS)], data.n_train
    for name, lr in (("start", 1e-12), ("trained", 0.3)):  # a rate that goes nowhere stays at the start
        runs = dlopt.train(dlopt.MLP(32), blocks, dlopt.SGD(lr=lr), batch_size=64, epochs=5, progress=False)
        seen = np.array([scatter(block, run.best_params[0]) for block, run in zip(blocks, runs, strict=True)])
        for i, size in enumerate(EPOCHS):
            law = (n - size) / (size * (n - 1))
            lines.append((f"variance, {name}", size, *order_interval(seen[:, i, 0])[:3], law))
            lines.append((f"cosine, {name}", size, *order_interval(seen[:, i, 1])[:3], np.nan))
    return evidence(*lines)


def by_law(seen: pd.DataFrame) -> tuple[pd.Series[bool], pd.Series[bool]]:
    """Which lines are near enough to their law, and which are farther away than chance may explain."""
    near = (seen.value / seen.expected - 1).abs() <= LAW
    inside = (seen.low <= seen.expected) & (seen.expected <= seen.high)
    return near, ~near & ~inside


def farthest(verdict: str, seen: pd.DataFrame, of: str, when: str) -> Judged:
    """A verdict whose effect is the relative distance of the line that is farthest from its law."""
    one = seen.loc[(seen.value / seen.expected - 1).abs().idxmax()]
    off, low, high = (float(end / one.expected - 1) for end in (one.value, one.low, one.high))
    unit = f"relative distance {of} from the law, at its largest ({one.what}, batch size {one.x:.0f})"
    return Judged(verdict, off, unit, when, low, high)


def steadier_judged(seen: pd.DataFrame) -> Judged:
    """Variance by the law, and directions that come nearer to the full gradient's."""
    variances = seen[seen.what.str.startswith("variance")]
    moment = variances.what.str.removeprefix("variance, ")
    near, far = by_law(variances)
    cosines = seen[seen.what.str.startswith("cosine")]
    cosines = cosines.set_index(cosines.what.str.removeprefix("cosine, "))
    one, four, many = (cosines[cosines.x == size] for size in (1, 4, 64))
    good = near.groupby(moment).all() & (many.low > one.high) & (many.high < 0.99)
    bad = far.groupby(moment).any() | (many.high <= one.low) | (many.low >= 0.99)
    when = ", ".join(
        f"{name}: cosine {one.value[name]:.2f} with one row, {four.value[name]:.2f} with "
        f"4, {many.value[name]:.2f} with 64"
        for name in many.index
    )
    verdict = weighed(good, bad)
    if verdict == PARTLY:
        when = f"not so: {', '.join(bad.index[bad])}; {when}"
    return farthest(verdict, variances, "of the variance", when)


STEADIER = Claim(
    number=6,
    part="Mini-batches",
    says="Mini-batches do not go straight to the minimum, but more steadily than single examples.",
    chapter="它不会总朝向最小值靠近,但它比随机梯度下降要更持续地靠近最小值的方向",
    rule=(
        "the variance of the gradient of B of n rows is σ²/B·(n-B)/(n-1), to 10 % for every B (chance alone "
        "takes it about 3 % away); the cosine with the full gradient is larger at 64, the chapter's smallest "
        "size, than for single examples (intervals apart), and below .99 (8 degrees) there; in part: so at "
        "the start and not so after training, or the other way round"
    ),
    code=(dlopt.MLP, dlopt.train),
    measure=steadier,
    judge=steadier_judged,
    resampled=f"{BLOCKS} blocks of breast_cancer, 64 to 341 mini-batches each; medians, order statistics",
    x="batch size",
    y="variance / that of one example; cosine",
    log="xy",
    blind=False,
)


DIRECTIONS, SEEDS, STEPS = 100, 20, 1000
HOVERING = (0.02, 0.1, 0.5)


def decayed_risk(lr: float, decay: dlopt.Schedule, size: int, steps: int) -> float:
    """½·E w² after so many steps on ½w² with noise 1/size: each step keeps (1-α)² of it and adds α²."""
    square = 9.0
    for step in range(steps):
        rate = lr * float(decay.factor(step))
        square = (1 - rate) ** 2 * square + rate**2 / size
    return square / 2


def hovers() -> pd.DataFrame:
    """The height over the second half of 1,000 steps at three fixed rates, and at the end of decay."""
    decay, lines = dlopt.InverseTime(k=0.05), []
    walkers = [dlopt.SGD(lr=list(HOVERING)), dlopt.SGD(lr=HOVERING[-1], schedule=decay)]
    for size in (1, 4, 16, 64):
        count = DIRECTIONS * SEEDS
        bowl = dlopt.Quadratic(np.ones(count), np.full(count, 3.0), noise=1.0)
        walk = dlopt.descend(bowl, walkers, steps=STEPS, batch_size=size, seed=size)
        heights = (walk.params**2 / 2).reshape(STEPS + 1, -1, SEEDS, DIRECTIONS).mean(axis=3)
        steady = heights[STEPS // 2 :].mean(axis=0)
        for i, lr in enumerate(HOVERING):
            law = lr / (2 * size * (2 - lr))
            lines.append((f"rate {lr}", size, *hodges_lehmann(steady[i]), law))
        law = decayed_risk(HOVERING[-1], decay, size, STEPS)
        lines.append((f"rate {HOVERING[-1]}, decaying", size, *hodges_lehmann(heights[-1, -1]), law))
    return evidence(*lines)


def hovers_judged(seen: pd.DataFrame) -> Judged:
    """The law of a fixed rate, and that decay ends the hovering."""
    decays = seen.what.str.contains("decaying")
    near, far = by_law(seen[~decays])
    size = seen.x[~decays]
    ended = seen[decays].set_index("x")
    smallest = seen[seen.what == f"rate {HOVERING[0]}"].set_index("x")
    good = near.groupby(size).all() & (ended.high < smallest.low)
    bad = far.groupby(size).any() | (ended.low > smallest.high)
    verdict = weighed(good, bad)
    left = float((ended.value / smallest.value).max())
    when = f"decay leaves {left:.0%} of what rate {HOVERING[0]} hovers at, or less"
    if verdict == PARTLY:
        when = f"not so with batch size {', '.join(f'{x:.0f}' for x in bad.index[bad])}; {when}"
    return farthest(verdict, seen[~decays], "of the height", when)


HOVERS = Claim(
    number=8,
    part="Mini-batches",
    says="With a fixed learning rate mini-batches do not settle but hover around the minimum.",
    chapter="它也不一定在很小的范围内收敛或者波动",
    rule=(
        "on a noisy bowl the steady height above the minimum is αc/(2B(2-αh)) (rate α, batch B, curvature h, "
        "noise c) to 10 % at every rate (chance alone takes it about 3 % away), and a rate that decays from "
        "the largest of them ends below where the smallest hovers (intervals apart): it gets past what a "
        "smaller fixed rate of the picture gives; in part: so at some batch sizes and not so at others"
    ),
    code=(dlopt.descend, dlopt.Quadratic, dlopt.SGD, dlopt.InverseTime),
    measure=hovers,
    judge=hovers_judged,
    resampled=f"{SEEDS} seeds of {DIRECTIONS} directions each; Hodges-Lehmann with signed-rank intervals",
    x="batch size",
    y="height above the minimum",
    log="xy",
    blind=False,
)


ROWS, SIZE = 100, 32  # three mini-batches and a last one of 4 rows
SLOW = (0.003, 0.01, 0.03)
CLOSE = 0.05  # of the way to another solution
PATH = "distance from SGD's path with the same division"


def snippet(X: Any, y: Any, theta: Any, learning_rate: Any, orders: Any, whole: bool) -> Doubles:
    """The chapter's loop; theta (P, K) at the end of each epoch, as it stands there but for two things.

    orders: of the rows, one for each epoch. whole: divide by the nominal size, as it does, or the true.
    """
    ends = []
    for indices in orders:
        X_shuffled, y_shuffled = X[indices], y[indices]
        for i in range(0, len(X), SIZE):
            X_batch, y_batch = X_shuffled[i : i + SIZE], y_shuffled[i : i + SIZE]
            batch_size = SIZE if whole else len(X_batch)
            gradient = 2 / batch_size * X_batch.T.dot(X_batch.dot(theta) - y_batch)
            theta = theta - learning_rate * gradient
        ends.append(theta)
    return np.array(ends)


def twice_the_rate(X: Any, y: Any, orders: Any) -> Doubles:
    """The same walk, with the same division, by `dlopt.SGD` on ½·MSE at twice the rate; (epochs, P, K)."""
    optimizer, theta, state, ends = (
        dlopt.SGD(lr=2 * np.array(SLOW)),
        np.zeros((len(SLOW), X.shape[1])),
        None,
        [],
    )
    for indices in orders:
        for i in range(0, len(X), SIZE):
            chosen = indices[i : i + SIZE]
            half = X[chosen].T.dot(X[chosen].dot(theta.T) - y[chosen]) / SIZE
            theta, state = optimizer.step(theta, half.T, state)
        ends.append(theta.T)
    return np.array(ends)


def last_batch() -> pd.DataFrame:
    """Where the loop ends, dividing by the nominal and by the true size."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 3))
    y = (X @ [1.0, -2.0, 0.5] + rng.normal(size=ROWS))[:, None]
    weight = np.where(np.arange(ROWS) < ROWS // SIZE * SIZE, 1.0, SIZE / (ROWS % SIZE))[:, None]
    least, weighted = (np.linalg.solve(X.T @ (w * X), X.T @ (w * y)) for w in (1.0, weight))
    way = (weighted - least) / ((weighted - least) ** 2).sum()
    start, rates = np.zeros((3, len(SLOW))), np.array(SLOW)
    fixed = np.tile(np.arange(ROWS), (2000, 1))
    lines: list[tuple[Any, ...]] = []
    for name, whole in (("nominal size", True), ("true size", False)):
        ends = snippet(X, y, start, rates, fixed, whole)[-1]
        shares = ((ends - least) * way).sum(axis=0)
        lines += [
            (f"{name}, one order", lr, share, float(not whole))
            for lr, share in zip(SLOW, shares, strict=True)
        ]
        mixed = []
        for seed in range(SEEDS):
            orders = np.random.default_rng(seed).permuted(fixed[:400], axis=1)
            tail = snippet(X, y, least + start, rates, orders, whole)[100:].mean(axis=0)
            mixed.append(((tail - least) * way).sum(axis=0))
        lines += [
            (f"{name}, reshuffled", lr, *hodges_lehmann(found), 0.0)
            for lr, found in zip(SLOW, np.transpose(mixed), strict=True)
        ]
    apart = np.abs(snippet(X, y, start, rates, fixed[:50], True) - twice_the_rate(X, y, fixed[:50]))
    lines += [(PATH, lr, float(apart[:, :, i].max()), 0.0) for i, lr in enumerate(SLOW)]
    return evidence(*lines)


def last_batch_judged(seen: pd.DataFrame) -> Judged:
    """Least squares in both orders, and the same path at twice the rate."""
    slow = seen[seen.x == seen.x.min()].set_index("what")
    one, mixed = slow.loc["nominal size, one order"], slow.loc["nominal size, reshuffled"]
    same = bool((seen[seen.what == PATH].value == 0).all())
    verdict = HOLDS if abs(one.value) <= CLOSE and mixed.low >= -CLOSE and mixed.high <= CLOSE else OPEN
    if not same or abs(one.value) > CLOSE or mixed.low > CLOSE or mixed.high < -CLOSE:
        verdict = FAILS
    true = slow.loc["true size, one order"].value
    when = (
        f"dividing by the true size ends {true:.0%} of the way to the weighted solution where the order is "
        f"always the same, and {slow.loc['true size, reshuffled'].value:.0%} where rows are reshuffled"
    )
    return Judged(
        verdict, float(one.value), "of the way to the weighted solution, the order always the same", when
    )


LAST_BATCH = Claim(
    number=9,
    part="Mini-batches",
    says=(
        "The chapter's loop, which divides the last, smaller batch by the nominal size, ends at least "
        "squares; its gradient is twice that of half the mean square, so its learning rate is half of ours."
    ),
    chapter="gradient = 2/batch_size * X_batch.T.dot(X_batch.dot(theta) - y_batch)",
    rule=(
        f"at its smallest rate it ends within {CLOSE:.0%} of the way from least squares to the solution in "
        "which each row of the last batch weighs as much more as that batch is smaller, with rows in the "
        "same order always and reshuffled (interval inside); and SGD on ½·MSE with the same division at "
        "twice the rate walks the same path to the last bit, as doubling is exact"
    ),
    code=(dlopt.SGD,),
    measure=last_batch,
    judge=last_batch_judged,
    resampled=f"{SEEDS} seeds of the order where it is reshuffled; Hodges-Lehmann; the rest is exact",
    x="learning rate of the loop",
    y="way from least to weighted squares",
    log="x",
)
