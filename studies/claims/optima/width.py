"""Networks of many widths: do large ones get stuck in bad minima?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import datasets
import dlopt
from dlopt.landscapes import Doubles
from studies.analysis.statistics import clopper_pearson, order_interval
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY
from studies.claims.claim import NAN, Claim, Judged, evidence

RATES = (0.03, 0.1, 0.3, 1.0)  # no width chooses an end of it
TUNED, READ = 5, 36  # starts to choose the rate by, and others to read
STUCK, UNLIKELY = 0.1, 0.1
TABLES = (  # rows, epochs (40,000 / rows, as everywhere in the suite), widths
    ("moons", 600, 67, (2, 4, 8, 16, 32, 64)),
    ("hard", 400, 100, (8, 32)),
)


def endings(name: str, rows: int, epochs: int, width: int) -> tuple[Doubles, int]:
    """Training losses at the end from READ starts, at the rate that is best from TUNED others; and classes.

    Adam, whose rate falls to a hundredth in the end, so that what is read is a place and not the noise.
    """
    data = datasets.load(name).block(0)
    train = data.X_train[:rows], data.y_train[:rows]
    starts = [dlopt.Split(*train * 3, data.n_classes, seed) for seed in range(TUNED + READ)]

    def last(starts: list[Any], rates: list[float]) -> Doubles:
        adam = dlopt.Adam(lr=rates, schedule=dlopt.Exponential(gamma=0.01 ** (1 / epochs)))
        runs = dlopt.train(dlopt.MLP(width), starts, adam, batch_size=128, epochs=epochs)
        return np.stack([run.curves.validation_loss[-1] for run in runs])  # read on the training rows

    middles = [order_interval(each)[0] for each in last(starts[:TUNED], list(RATES)).T]
    return last(starts[TUNED:], [RATES[int(np.argmin(middles))]])[:, 0], data.n_classes


def wide_is_not_stuck() -> pd.DataFrame:
    """The training loss at the end, start by start, against the width of the network."""
    lines: list[tuple[Any, ...]] = []
    for name, rows, epochs, widths in TABLES:
        for width in widths:
            losses, classes = endings(name, rows, epochs, width)
            gain = np.log(classes) - losses.min()
            stuck = int(np.sum(losses > losses.min() + STUCK * gain))
            lines += [
                (f"{name}: share stuck", width, stuck / READ, *clopper_pearson(stuck, READ), NAN),
                (f"{name}: range of the losses / gain", width, float(np.ptp(losses) / gain), NAN),
            ]
            if name == TABLES[0][0]:
                lines.append((f"{name}: loss", width, *order_interval(losses)[:3], NAN))
    return evidence(*lines)


def wide_is_not_stuck_judged(seen: pd.DataFrame) -> Judged:
    """Are few starts stuck where the network is wide, fewer than elsewhere, and are its losses closer?"""
    names = list(dict.fromkeys(what.partition(":")[0] for what in seen.what))
    shares = [seen[seen.what == f"{name}: share stuck"].sort_values("x") for name in names]
    ranges = [seen[seen.what.str.startswith(f"{name}: range")].sort_values("x").value for name in names]
    wide = [each.iloc[-1] for each in shares]
    safe = [name for name, last in zip(names, wide, strict=True) if last.high < UNLIKELY]
    stuck = [name for name, last in zip(names, wide, strict=True) if last.low > UNLIKELY]
    more = any((each.low > each.high.iloc[-1]).any() for each in shares)
    closer = all(each.iloc[-1] < each.iloc[0] for each in ranges)
    when = ""
    if len(safe) == len(names):
        when = "" if more and closer else "losses spread as widely" if more else "narrow ones are not either"
        verdict = PARTLY if when else HOLDS
    elif len(stuck) == len(names):
        verdict = FAILS
    elif safe and stuck:
        verdict, when = PARTLY, f"on {', '.join(safe)}, not on {', '.join(stuck)}"
    else:
        verdict = OPEN
    worst = max(wide, key=lambda each: float(each.value))
    unit = f"of the starts of a network with {worst.x:.0f} hidden units are stuck"
    return Judged(verdict, float(worst.value), unit, when, float(worst.low), float(worst.high))


WIDE_IS_NOT_STUCK = Claim(
    number=34,
    part="Local optima",
    says="A large network hardly ever gets stuck in a bad local minimum.",
    chapter="你不太可能困在极差的局部最优中,条件是你在训练较大的神经网络",
    rule=(
        f"stuck: a start loses more than {STUCK:.0%} of what the best start of its width gains on knowing "
        "nothing (a share of the gain: a tenth of a loss near 0 would be nothing). On both tables fewer than "
        f"{UNLIKELY:.0%} of the starts of the widest network are stuck, with the whole interval (“hardly "
        "ever”), on one of them more of a narrower network are, with intervals apart, and the widest "
        "network's losses lie closer together than the narrowest one's"
    ),
    code=(dlopt.train, dlopt.MLP, dlopt.Adam),
    measure=wide_is_not_stuck,
    judge=wide_is_not_stuck_judged,
    resampled=f"{READ} starts on the same rows; the rate is chosen from {TUNED} others, width by width",
    x="hidden units",
    y="training loss at the end; share of the starts; share of the gain",
    log="x",
    blind=False,
)
