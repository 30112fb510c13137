"""Small networks: what their critical points are, and what slows them down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import integrate, optimize, special, stats

import datasets
import dlopt
from dlopt.landscapes import Doubles
from dlopt.losses import CrossEntropy
from dlopt.models import Feed, Network
from dlopt.surfaces import plateau
from studies.analysis.statistics import clopper_pearson, order_interval
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY, weighed
from studies.claims.claim import NAN, Claim, Judged, evidence
from studies.claims.searches import BLOCKS

# Claim 30
MATRICES = 5_000_000
SURE = 0.999  # six intervals at once
LAW = np.log(3) / 4  # Dean & Majumdar 2006: P(all eigenvalues > 0) falls as exp(-n²·ln(3)/4)
HIDDEN = (1, 2, 4)
STARTS, ROWS, TRIES = 12, 48, 40
PENALTY = 0.01  # weight decay: without it points lie in whole valleys, or infinitely far away
FLAT, SAME = 1e-9, 1e-8  # a gradient as small as this is none; losses no farther apart than this are one
ZERO = 1e-6  # a curvature as small as this is none


def triangles(rng: np.random.Generator, size: int, alive: int) -> tuple[Doubles, Doubles]:
    """Row `size` of that many random symmetric matrices: left of the diagonal (size, alive), and on it."""
    return rng.standard_normal((size, alive)), np.sqrt(2) * rng.standard_normal(alive)


def all_positive(matrices: int, largest: int) -> NDArray[np.int64]:
    """How many of so many Gaussian matrices of each size 1 .. largest have only positive eigenvalues.

    A matrix is one of them where all pivots of its Cholesky factor are positive. The upper left corner of
    such a matrix is one of a smaller size, so rows are drawn only for those that have held so far.
    """
    rng, counts = np.random.default_rng(0), np.zeros(largest, np.int64)
    for _ in range(matrices // 500_000):
        factor, alive = np.empty((0, 0, 500_000)), 500_000
        for size in range(largest):
            below, middle = triangles(rng, size, alive)
            for i in range(size):
                below[i] = (below[i] - np.sum(factor[i, :i] * below[:i], axis=0)) / factor[i, i]
            pivots = middle - np.sum(below * below, axis=0)
            held = pivots > 0
            alive = int(held.sum())
            counts[size] += alive
            wider = np.zeros((size + 1, size + 1, alive))
            wider[:size, :size] = factor[:, :, held]
            wider[size, :size], wider[size, size] = below[:, held], np.sqrt(pivots[held])
            factor = wider
    return counts


def exactly_positive(size: int) -> float:
    """P(all eigenvalues > 0) of a Gaussian matrix: de Bruijn's ratio of Pfaffians, each √determinant."""
    logs = []
    for low in (0.0, -14.0):
        x = np.linspace(low, 14.0, 4_001)
        terms = np.polynomial.hermite_e.hermevander(x, size - 1) * np.exp(-(x**2) / 2)[:, None]
        grown = integrate.cumulative_simpson(terms, x=x, axis=0, initial=0)
        pairs = integrate.simpson(terms[:, :, None] * (2 * grown - grown[-1])[:, None], x=x, axis=0)
        pairs = (pairs - pairs.T) / 2
        if size % 2:
            pairs = np.block([[pairs, grown[-1:].T], [-grown[-1:], np.zeros((1, 1))]])
        logs.append(np.linalg.slogdet(pairs)[1] / 2)
    return float(np.exp(logs[0] - logs[1]))


def slopes(params: Doubles, columns: Doubles, targets: Doubles) -> tuple[Doubles, Doubles]:
    """Loss (K,) and gradient (K, P) of networks with one hidden tanh layer: smooth, where ReLU has kinks.

    params (K, P): a row for each hidden unit, the output's weights, its bias. columns (3, n): two features
    and a row of ones. The loss is ½·mean squared error and the penalty ½·PENALTY·|w|².
    """
    trials, hidden = len(params), params.shape[1] // 4
    inner, outer = params[:, : 3 * hidden].reshape(trials, hidden, 3), params[:, 3 * hidden : -1]
    active = np.tanh(inner @ columns)
    off = (outer[:, None] @ active)[:, 0] + params[:, -1:] - targets
    back = (1 - active**2) * off[:, None] * outer[:, :, None]
    parts = [
        (back @ columns.T).reshape(trials, 3 * hidden),
        (active @ off[:, :, None])[:, :, 0],
        off.sum(axis=1)[:, None],
    ]
    loss: Doubles = np.mean(off**2, axis=1) / 2 + PENALTY / 2 * np.sum(params**2, axis=1)
    return loss, np.concatenate(parts, axis=1) / len(targets) + PENALTY * params


def curvatures(params: Doubles, columns: Doubles, targets: Doubles) -> Doubles:
    """Hessians (K, P, P) by central differences: one stack of 2·K·P gradients."""
    trials, count = params.shape
    moves = 1e-5 * np.concatenate([np.eye(count), -np.eye(count)])
    moved = (params[:, None] + moves).reshape(-1, count)
    ahead, behind = slopes(moved, columns, targets)[1].reshape(trials, 2, count, count).swapaxes(0, 1)
    found: Doubles = (ahead - behind) / 2e-5
    return (found + found.transpose(0, 2, 1)) / 2


def level_points(
    columns: Doubles, targets: Doubles, hidden: int, seed: int
) -> tuple[Doubles, NDArray[np.int64]]:
    """Losses and numbers of falling directions of the distinct critical points found from random starts.

    |gradient|² is minimised (Levenberg-Marquardt), which a saddle attracts as a minimum does. Copies that
    only swap or turn hidden units have the same loss, so they count once; a start whose gradient is not
    FLAT in the end found none.
    """
    params = np.random.default_rng([seed, hidden]).standard_normal((STARTS, 4 * hidden + 1))
    (losses, grads), damping = slopes(params, columns, targets), np.full(STARTS, 0.1)
    for _ in range(TRIES):
        sizes = np.sum(grads**2, axis=1)
        (on,) = np.nonzero(sizes > FLAT**2 / 100)
        bent, slope = curvatures(params[on], columns, targets), grads[on][:, :, None]
        square = bent @ bent + damping[on, None, None] * np.eye(params.shape[1])
        new = params[on] - np.linalg.solve(square, bent @ slope)[:, :, 0]
        new_losses, new_grads = slopes(new, columns, targets)
        better = np.sum(new_grads**2, axis=1) < sizes[on]
        damping[on] = np.where(better, np.maximum(damping[on] / 5, 1e-14), damping[on] * 4)
        kept = on[better]
        params[kept], losses[kept], grads[kept] = new[better], new_losses[better], new_grads[better]
    (level,) = np.nonzero(np.sum(grads**2, axis=1) <= FLAT**2)
    level = level[np.argsort(losses[level])]
    falling = np.sum(np.linalg.eigvalsh(curvatures(params[level], columns, targets)) < -ZERO, axis=1)
    losses = losses[level]
    heights = np.cumsum(np.diff(losses, prepend=losses[:1]) > SAME)  # rounded, a last bit would part copies
    distinct = sorted(set(zip(heights.tolist(), falling.tolist(), strict=True)))
    first = np.searchsorted(heights, [height for height, _ in distinct])
    return losses[first], np.array([n for _, n in distinct], np.int64)


def saddles_prevail() -> pd.DataFrame:
    """Signs of the eigenvalues of random matrices, and of Hessians where a network's gradient is 0."""
    lines: list[tuple[Any, ...]] = []
    for size, count in enumerate(all_positive(MATRICES, 6).tolist(), 1):
        ends = clopper_pearson(count, MATRICES, SURE)
        lines.append(("matrices: minima", size, count / MATRICES, *ends, exactly_positive(size)))
    for n in range(7, 11):  # the law is the leading order alone: beside it the exact value
        lines.append(("matrices: law exp(-n²·ln(3)/4)", n, np.exp(-LAW * n**2), exactly_positive(n)))
    for hidden in HIDDEN:
        points, ranks = [], []
        for block in range(BLOCKS):
            data = datasets.load("moons").block(block)
            columns = np.vstack([data.X_train[:ROWS].T, np.ones(ROWS)])
            losses, falling = level_points(columns, 2.0 * data.y_train[:ROWS] - 1, hidden, block)
            points += falling.tolist()
            if len(set(falling.tolist())) > 1 and len(losses) > 2:  # two points always agree or disagree
                ranks.append(stats.spearmanr(losses, falling).statistic)
        minima, count, size = points.count(0), len(points), 4 * hidden + 1
        lines.append(("network: minima", size, minima / count, *clopper_pearson(minima, count), NAN))
        if len(ranks) >= BLOCKS / 2:
            middle, low, high, _ = order_interval(ranks)
            lines.append(("network: loss × falling directions", size, middle, low, high, NAN))
    return evidence(*lines)


def saddles_prevail_judged(seen: pd.DataFrame) -> Judged:
    """The matrices against theory, the networks against one half."""
    matrices = seen[seen.what == "matrices: minima"].sort_values("x")
    known = bool(((matrices.low <= matrices.expected) & (matrices.expected <= matrices.high)).all())
    falls = known and bool((np.diff(matrices.value) < 0).all())
    nets = seen[seen.what == "network: minima"].sort_values("x")
    small, large = nets.iloc[0], nets.iloc[-1]
    if large.low <= 0.5 <= large.high or (large.high < 0.5 and large.value >= small.value):
        verdict = OPEN
    else:
        verdict = (FAILS, PARTLY, HOLDS)[falls + bool(large.high < 0.5)]
    when = "for Gaussian matrices, not in the network" if falls else "in the network, not for matrices"
    return Judged(
        verdict,
        float(large.value),
        f"of the critical points of a network with {large.x:.0f} parameters are minima",
        when if verdict == PARTLY else "",
        float(large.low),
        float(large.high),
    )


SADDLES_PREVAIL = Claim(
    number=30,
    part="Local optima",
    says="In many dimensions a point of slope 0 is more likely a saddle than a local optimum.",
    chapter="如果你有2万个参数,那么 J 函数有2万个维度向量,你更可能遇到鞍点,而不是局部最优点",
    rule=(
        "the share of minima falls with every dimension of a Gaussian matrix and agrees with its exact value "
        f"(in the {SURE:.1%} interval: there are six), and in the largest network it is below half, with its "
        "whole interval, and below that of the smallest: “more likely” is more than half"
    ),
    code=(all_positive, slopes, level_points),
    measure=saddles_prevail,
    judge=saddles_prevail_judged,
    resampled=(
        f"{MATRICES:,} matrices; networks: {BLOCKS} blocks of {ROWS} rows of moons, {STARTS} starts "
        "each, every distinct point counted once"
    ),
    x="dimensions: of the matrix, parameters of the network",
    y="share of minima; rank correlation of loss with falling directions",
    log="y",
    blind=False,
)


# Claim 31
FULL_RATES = (0.1, 0.3, 1.0, 3.0, 10.0)
SLOW = (0.03, 0.1, 0.3)  # a gradient is small below this share of the run's largest; judged by the middle one
CHOOSING, AGAIN = 5, 20  # starts to choose the rate by, and others to read
NEAR = 0.1  # of the gain: closer than this to the best loss is near it
CASES = (  # name, table, rows, hidden units (the suite's own for moons, a quarter for digits), start, steps
    ("moons", "moons", 200, 32, 1.0, 1_000),
    ("moons, small start", "moons", 200, 32, 0.01, 1_000),
    ("digits", "digits", 100, 16, 1.0, 300),
)


def descents(
    case: tuple[Any, ...], starts: range, rates: list[float], kind: Any = dlopt.SGD
) -> tuple[Doubles, Doubles, float]:
    """Loss and size of the gradient (steps + 1, rates × starts) of descent on all rows; and ln classes.

    A small start has all of He's weights multiplied by the same number.
    """
    _, name, rows, hidden, scale, steps = case
    data, model = datasets.load(name).block(0), dlopt.MLP(hidden)
    layers, loss = model.layers(data.X_train.shape[1], data.n_classes), CrossEntropy(data.n_classes)
    first = [scale * model.start(layers, np.random.default_rng([seed, 0])) for seed in starts]
    network = Network(layers, np.zeros((1, layers[-1].slice.stop), np.float32), len(rates) * len(first), loss)
    network.params[:] = np.tile(first, (len(rates), 1))
    feed = Feed(data.X_train[None, :rows], data.y_train[None, :rows], loss, np.dtype(np.float32))
    (batch,) = feed.batches(np.arange(rows)[None], rows)
    optimizer, state = kind(lr=np.repeat(rates, len(first)).tolist()), None
    losses, sizes = np.empty((2, steps + 1, network.rows))
    with np.errstate(all="ignore"):  # divergence is a result
        for t in range(steps + 1):
            losses[t] = network.gradient(batch)
            sizes[t] = np.sqrt(np.sum(network.grad**2, axis=1))
            network.params[:], state = optimizer.step(network.params, network.grad, state)
    return np.where(np.isfinite(losses), losses, np.inf), sizes, float(np.log(data.n_classes))


def slow_steps(losses: Doubles, sizes: Doubles, knows_nothing: float, slow: float) -> tuple[Doubles, Doubles]:
    """Of the steps until a run is NEAR the best end of all: shares with a small gradient, (starts,) each.

    On plateaus: the loss falls by another NEAR later on. Near minima: it does not. (A plateau that is not
    left before the run ends counts as a minimum, against the claim.)
    """
    near = NEAR * (knows_nothing - losses[-1].min())
    far = losses > losses[-1].min() + near
    small = far & (sizes <= slow * np.fmax.reduce(sizes, axis=0))
    later = np.minimum.accumulate(losses[::-1], axis=0)[::-1]
    left = small & (later <= losses - near)
    count = np.maximum(far.sum(axis=0), 1)
    return left.sum(axis=0) / count, (small & ~left).sum(axis=0) / count


def plateaus_slow() -> pd.DataFrame:
    """Where full-batch descent spends its steps; and the plateau on which that is known exactly."""
    lines: list[tuple[Any, ...]] = []
    minima: dict[float, list[float]] = {slow: [] for slow in SLOW}
    for case in CASES:
        ends = descents(case, range(CHOOSING), list(FULL_RATES))[0][-1].reshape(len(FULL_RATES), CHOOSING)
        rate = FULL_RATES[int(np.argmin([order_interval(each)[0] for each in ends]))]
        run = descents(case, range(CHOOSING, CHOOSING + AGAIN), [rate])
        for slow in SLOW:
            left, stayed = slow_steps(*run, slow)
            lines.append((f"{case[0]}: on plateaus", slow, *order_interval(left)[:3], NAN))
            minima[slow] += stayed.tolist()
    lines += [("all: near minima", slow, *order_interval(minima[slow])[:3], NAN) for slow in SLOW]
    walk = dlopt.descend(plateau(), dlopt.SGD(lr=0.1), steps=2_000)
    sizes = np.linalg.norm(plateau().slope(walk.params[:, 0]), axis=1)[:, None]
    for slow in SLOW:
        share = slow_steps(walk.values, sizes, float(walk.values[0, 0]), slow)[0]
        lines.append(("surface: on its plateau", slow, float(share[0]), slow_share(slow)))
    return evidence(*lines)


def slow_share(slow: float, far: float = 3.5) -> float:
    """The same of the plateau surface: dw/dt = -w·exp(-w²/2) takes (Ei(w₀²/2) - Ei(w₁²/2)) / 2 to w₁."""
    edge = optimize.brentq(lambda w: w * np.exp((1 - w * w) / 2) - slow, 1, 9)
    end = -np.log(1 - NEAR * (1 - np.exp(-far * far / 2)))
    start, edge, end = special.expi([far * far / 2, edge * edge / 2, end])
    return float((start - edge) / (start - end))


def plateaus_slow_judged(seen: pd.DataFrame) -> Judged:
    """In which networks are most of the steps on plateaus?"""
    there = seen[(seen.x == SLOW[1]) & seen.what.str.endswith(": on plateaus")]
    names = there.what.str.removesuffix(": on plateaus")
    slow = seen[seen.what.isin(there.what)]
    most, few = set(slow.what[slow.low > 0.5]), set(slow.what[slow.high < 0.5])  # by any threshold
    good = (there.low > 0.5) & ~there.what.isin(few)
    bad = (there.high < 0.5) & ~there.what.isin(most)
    verdict = weighed(good, bad)
    minima = seen[(seen.x == SLOW[1]) & (seen.what == "all: near minima")].value.item()
    groups = (("so on", good), ("not on", bad), ("undecided on", ~good & ~bad))
    told = [f"{word} {', '.join(names[which])}" for word, which in groups if which.any()]
    when = f"{'; '.join(told)}; near minima {minima:.0%} of the steps"
    one = there.iloc[0]
    unit = f"of the steps until the loss is near its end are on plateaus, on {names.iloc[0]}"
    when = "" if verdict == HOLDS else when
    return Judged(verdict, float(one.value), unit, when, float(one.low), float(one.high))


PLATEAUS_SLOW = Claim(
    number=31,
    part="Local optima",
    says="Plateaus, not local minima, make learning slow.",
    chapter="平稳段会减缓学习,平稳段是一块区域,其中导数长时间接近于0",
    rule=(
        f"in each network most of the steps until the loss is within {NEAR:.0%} of the gain of the best end "
        "are on plateaus (“slow”: more than half, with the whole interval): the gradient is below "
        f"{SLOW[1]:.0%} of the run's largest, and the loss falls further later on. A tenth is a convention, "
        f"so a network of which {SLOW[0]:.0%} or {SLOW[2]:.0%} would show the contrary is undecided. In "
        "part: so in some networks and not so (less than half) in others"
    ),
    code=(dlopt.MLP, Network, plateau),
    measure=plateaus_slow,
    judge=plateaus_slow_judged,
    resampled=f"{AGAIN} starts on the same rows at the rate that is best from {CHOOSING} others",
    x="a gradient is small below this share of the largest",
    y="share of the steps until the loss is near its end",
    log="x",
    blind=False,
)
