"""Mini-batches by the clock: what is compared takes turns in one process, and is paired by turn."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

import datasets
import dlopt
from dlopt.landscapes import Doubles
from dlopt.optimizer import placed
from studies.analysis.readings import TARGETS
from studies.analysis.statistics import order_interval
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY
from studies.claims.claim import NAN, Claim, Judged, evidence
from studies.claims.minibatches.examples import RATES, best_so_far, more_than_once, times_as_many
from studies.claims.searches import BLOCKS
from studies.question.budget import budget
from studies.system.machine import one_thread

now = time.perf_counter
TURNS = 40
FEATURES, CLASSES, WIDTH = 20, 4, 32  # of the network that is timed: the suite's for the dataset hard
FLOAT = np.dtype(np.float32)


def in_turns(calls: Mapping[Any, Callable[[], object]], turns: int = 0) -> dict[Any, Doubles]:
    """Seconds of each call in each turn (TURNS unless given). In a turn all are called, in a new order."""
    turns, rng = turns or TURNS, np.random.default_rng(0)
    found = {name: np.empty(turns) for name in calls}
    names = list(calls)
    for name in names:
        calls[name]()  # the first time buffers are made
    collects = gc.isenabled()
    gc.disable()
    try:
        with one_thread():
            for turn in range(turns):
                for i in rng.permutation(len(names)):
                    started = now()
                    calls[names[i]]()
                    found[names[i]][turn] = now() - started
    finally:
        if collects:
            gc.enable()
    return found


def timed(rows: int) -> tuple[Any, Any, Any]:
    """A network, some rows of noise to feed it, and an order of them."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(rows, FEATURES)).astype(FLOAT), rng.integers(0, CLASSES, rows)
    one = dlopt.Split(X[:1], y[:1], X[:1], y[:1], X[:1], y[:1], CLASSES)
    stack = dlopt.MLP(WIDTH).stack([one], 1, FLOAT)
    return stack, stack.feed(X[None], y[None]), rng.permutation(rows)[None]


def stepper(rows: int, size: int, steps: int = 1) -> Callable[[], None]:
    """So many steps of SGD on mini-batches of a size out of some rows; to be timed."""
    stack, feed, order = timed(rows)
    ((group, mine, state),) = placed([dlopt.SGD(lr=0.01)], stack.params)
    lr = group.cast(group.lr_at(0), stack.params)

    def call() -> None:
        for batch in itertools.islice(feed.batches(order, size), steps):
            stack.gradient(batch)
            group.move(stack.params[mine], stack.grad[mine], state, lr)

    return call


def python_loop(rows: int) -> Callable[[], None]:
    """One step on all rows whose gradient is summed in a Python loop over them; to be timed."""
    stack, feed, order = timed(rows)

    def call() -> None:
        total = np.zeros_like(stack.grad)
        for one in feed.batches(order, 1):
            stack.gradient(one)
            total += stack.grad
        stack.params -= 0.01 * total / rows

    return call


def sooner() -> pd.DataFrame:
    """How many times as long the full batch takes, loss by loss."""
    data = datasets.load("hard")
    found: dict[int, list[Doubles]] = {64: [], 512: []}
    given, rng, n = budget(data), np.random.default_rng(0), data.n_train
    for i in range(BLOCKS):
        block, seconds, curves = data.block(i), {}, {}
        for size in rng.permutation([n, *found]).tolist():
            started = now()
            with one_thread():
                run = dlopt.train(
                    given.model,
                    block,
                    dlopt.SGD(lr=list(RATES)),
                    batch_size=size,
                    epochs=given.epochs,
                    progress=False,
                )
            seconds[size], curves[size] = now() - started, best_so_far(run)
        for size, ratios in found.items():  # all see as many examples, and time grows evenly with them
            ratios.append(times_as_many(curves[n], curves[size]) * seconds[n] / seconds[size])
    return evidence(
        *(
            (f"batch {size}", share, *order_interval(np.array(ratios)[:, i])[:3], 1.0)
            for size, ratios in found.items()
            for i, share in enumerate(TARGETS)
        )
    )


def sooner_judged(seen: pd.DataFrame) -> Judged:
    """Does the full batch take longer everywhere?"""
    return more_than_once(seen, "times as long with the full batch as with 64")


SOONER = Claim(
    number=1,
    part="Mini-batches",
    says="A large set reaches a target sooner with mini-batches than with the full batch.",
    chapter="mini-batch梯度下降法比batch梯度下降法运行地更快",
    rule=(
        "on 7,200 training rows the full batch takes longer than sizes 64 and 512, each a search of the same "
        "five rates, to each of 8 losses down to the lowest that both reach: every interval above 1"
    ),
    code=(dlopt.train, dlopt.MLP, dlopt.SGD),
    measure=sooner,
    judge=sooner_judged,
    resampled=f"{BLOCKS} blocks, the sizes in turns; paired medians with order-statistic intervals",
    clock=True,
    x="share of the way down",
    y="seconds, full batch / mini-batch",
    log="y",
)


MUCH = 2.0  # half of the speed is a loss that nobody overlooks
LOOPED = 256


def vectorized() -> pd.DataFrame:
    """Examples a second for sizes 1 to all 1,024 rows, and for a loop in Python."""
    rows, sizes = 1024, (1, 4, 16, 64, 256, 1024)
    calls: dict[Any, Callable[[], None]] = {size: stepper(rows, size, -(-rows // size)) for size in sizes}
    calls |= {"loop": python_loop(LOOPED), "step": stepper(LOOPED, LOOPED)}
    spent = in_turns(calls)
    lines = [
        ("thousand examples a second", size, *order_interval(rows / spent[size] / 1e3)[:3], NAN)
        for size in sizes
    ]
    speed = order_interval(LOOPED / spent["loop"] / 1e3)[:3]
    lines += [("the same, Python loop", LOOPED, *speed, NAN)]
    lines += [
        ("times a batch of one", size, *order_interval(spent[1] / spent[size])[:3], NAN) for size in sizes[1:]
    ]
    times = order_interval(spent["loop"] / spent["step"])[:3]
    return evidence(*lines, ("times a Python loop", LOOPED, *times, NAN))


def vectorized_judged(seen: pd.DataFrame) -> Judged:
    """Are mini-batches, and vectorized steps, much quicker?"""
    whole = seen[(seen.what == "times a batch of one") & (seen.x == 64)]
    both = pd.concat([whole, seen[seen.what == "times a Python loop"]])
    much, little = both.low > MUCH, both.high < MUCH
    verdict = HOLDS if much.all() else FAILS if little.all() else PARTLY if (much | little).all() else OPEN
    one, other = both.iloc[0], both.iloc[1]
    when = f"a vectorized step is {other.value:.1f} times as quick as a Python loop"
    unit = "times the examples a second of a batch of one, with 64"
    return Judged(verdict, float(one.value), unit, when, float(one.low), float(one.high))


VECTORIZED = Claim(
    number=2,
    part="Mini-batches",
    says="A batch of one loses the speed of vectorization.",
    chapter="你会失去所有向量化带给你的加速,因为一次性只处理了一个训练样本",
    rule=(
        f"batches of 64 get through more than {MUCH:g} times as many examples a second as batches of one, "
        f"and a vectorized step on {LOOPED} rows is more than {MUCH:g} times as quick as a Python loop over "
        "them: both intervals above that, since half of the speed is a loss that nobody overlooks"
    ),
    code=(dlopt.MLP, dlopt.SGD),
    measure=vectorized,
    judge=vectorized_judged,
    resampled=f"{TURNS} turns; paired medians with order-statistic intervals",
    clock=True,
    x="batch size",
    y="thousand examples a second; times",
    log="xy",
)


def longer() -> pd.DataFrame:
    """Time per full-batch step against the rows, its slope, and a mini-batch beside."""
    rows = [1000 * 4**i for i in range(4)]
    spent = in_turns({n: stepper(n, n) for n in rows} | {64: stepper(rows[0], 64)})
    slopes = np.polyfit(np.log(rows), np.log([spent[n] for n in rows]), 1)[0]
    middles = {n: [1e3 * value for value in order_interval(spent[n])[:3]] for n in (64, *rows)}
    each = middles[rows[0]][0] / rows[0]
    return evidence(
        *(("full batch", n, *middles[n], each * n) for n in rows),
        ("mini-batch of 64", 64, *middles[64], NAN),
        ("slope", rows[-1], *order_interval(slopes)[:3], 1.0),
    )


def longer_judged(seen: pd.DataFrame) -> Judged:
    """Does time grow nearly as the rows do?"""
    slope, last = seen[seen.what == "slope"].iloc[0], seen[seen.what == "full batch"].iloc[-1]
    small = seen[seen.what == "mini-batch of 64"].iloc[0]
    verdict = HOLDS if slope.low > 0.8 else FAILS if slope.high < 0.5 else OPEN
    when = f"a step on {last.x:,.0f} rows takes as long as {last.value / small.value:,.0f} on 64"
    unit = "slope of the time per step against n"
    return Judged(verdict, float(slope.value), unit, when, float(slope.low), float(slope.high))


LONGER = Claim(
    number=3,
    part="Mini-batches",
    says="With the full batch one step takes too long when n is large.",
    chapter="该算法的主要弊端在于特别是在训练样本数量巨大的时候,单次迭代耗时太长",
    rule=(
        "time per full-batch step grows with n by a slope above .8 on log-log scale (interval above; ten "
        "times the rows take at least six times as long), from 1,000 to 64,000 rows; below .5 it would not "
        "matter"
    ),
    code=(dlopt.MLP, dlopt.SGD),
    measure=longer,
    judge=longer_judged,
    resampled=f"{TURNS} turns; paired medians with order-statistic intervals",
    clock=True,
    x="rows",
    y="milliseconds a step; slope",
    log="xy",
)


FASTER = 0.98  # of the neighbours' time: less than 2 % is not worth choosing a size for
GROUPS, QUIET = 20, 10  # of so many turns the quickest counts: whatever else runs only ever adds time


def powers_of_two() -> pd.DataFrame:
    """Time of a step at powers of two over the mean of their neighbours' on both sides."""
    powers, calls = [2**k for k in range(6, 10)], {}
    for power in powers:
        for size in (power, power - 1, power + 1, power - power // 4, power + power // 4):
            calls[power, size] = stepper(6000, size, 2048 // power)
    turns = in_turns(calls, GROUPS * QUIET)
    spent = {key: seconds.reshape(GROUPS, QUIET).min(axis=1) for key, seconds in turns.items()}
    lines = []
    for power in powers:
        for name, away in (("one away", 1), ("a quarter away", power // 4)):
            around = (spent[power, power - away] + spent[power, power + away]) / 2
            lines.append((name, power, *order_interval(spent[power, power] / around)[:3], FASTER))
    return evidence(*lines)


def powers_of_two_judged(seen: pd.DataFrame) -> Judged:
    """Which powers of two are faster by 2 % or more?"""
    faster, not_so = (seen.value < FASTER) & (seen.high < 1), seen.low > FASTER
    verdict = HOLDS if faster.all() else FAILS if not_so.all() else OPEN
    if faster.any() and not_so.any():
        verdict = PARTLY
    where = "; ".join(f"{one.x:.0f} against {one.what}" for one in seen[faster].itertuples())
    when = f"faster by 2 % or more: {where or 'none'}; not so in {int(not_so.sum())} of {len(seen)} cases"
    middle = seen.sort_values("value", kind="stable").iloc[len(seen) // 2]
    unit = f"time of a step on {middle.x:.0f} rows / sizes {middle.what} (the middle one of {len(seen)})"
    return Judged(verdict, float(middle.value), unit, when, float(middle.low), float(middle.high))


POWERS_OF_TWO = Claim(
    number=5,
    part="Mini-batches",
    says="Batch sizes that are powers of two run faster.",
    chapter="如果mini-batch大小是2的n 次方,代码会运行地快一些",
    rule=(
        "a step on 64, 128, 256 and 512 rows takes less than .98 of the mean time of its neighbours on both "
        "sides, one row and a quarter away (interval below 1; an even rise of time would give 1): less than "
        "2 % is not worth choosing a size for"
    ),
    code=(dlopt.MLP, dlopt.SGD),
    measure=powers_of_two,
    judge=powers_of_two_judged,
    resampled=f"{GROUPS} groups of {QUIET} turns, of which the quickest counts; order-statistic intervals",
    clock=True,
    x="power of two",
    y="time of a step / neighbours' mean",
    log="x",
    blind=False,
)
