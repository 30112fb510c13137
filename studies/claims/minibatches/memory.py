"""A batch that does not fit: speed past the caches, and a child process under a limit of memory."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pandas as pd

import dlopt
from dlopt.models import workspace
from studies.analysis.statistics import order_interval
from studies.analysis.verdicts import weighed
from studies.claims.claim import NAN, ROOT, Claim, Judged, evidence
from studies.claims.minibatches.clock import CLASSES, FEATURES, FLOAT, TURNS, WIDTH, in_turns, stepper

MEGABYTE = 1 << 20
LIMIT = 256  # megabytes that a child process may take beside what Python takes
FULL_OF_IT = 3  # the exit code of a child that ran out of memory and says so
COLLAPSED = 0.5
LARGEST = 512  # megabytes of a working set that are tried


def per_row() -> int:
    """Bytes that one row of a batch takes: activations and gradients, and its data in two layouts."""
    layers = dlopt.MLP(WIDTH).layers(FEATURES, CLASSES)
    return workspace(layers, 1, FLOAT) + 2 * (FEATURES + 1) * FLOAT.itemsize


def caches(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> dict[int, float]:
    """Megabytes of the processor's caches of data, by level; empty where the system does not say."""
    found = {}
    for one in sorted(folder.glob("index*")):
        try:
            kind, level, size = ((one / name).read_text().strip() for name in ("type", "level", "size"))
            units = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}
            if kind != "Instruction":
                found[int(level)] = float(size[:-1]) * units[size[-1]]
        except (OSError, KeyError, ValueError):
            continue
    return found


def limited(rows: int) -> None:
    """Run a step on so many rows under the limit of memory: what the child process does."""
    import resource

    stepper(64, 64)()  # what libraries set aside once, they have now
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + LIMIT * MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        stepper(rows, rows)()
    except MemoryError:
        needed, fit = rows * per_row() // MEGABYTE, LIMIT * MEGABYTE // per_row()
        print(
            f"A batch of {rows:,} rows needs {needed:,} MB, and {LIMIT} MB are left.\n"
            f"Take batches of fewer than {fit:,} rows.",
            file=sys.stderr,
        )
        raise SystemExit(FULL_OF_IT) from None


def child(rows: int) -> float:
    """The exit code of `limited` in a process of its own; NaN where it does not end."""
    code = f"from studies.claims.minibatches.memory import limited; limited({rows})"
    try:
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return NAN
    return float(ended.returncode)


def past_memory() -> pd.DataFrame:
    """Speed against the working set, past L2 and L3, and what a child under a limit makes of it."""
    known = caches()
    l2, l3 = known.get(2, 1.0), known.get(3, 32.0)
    sets = dict.fromkeys((l2 / 4, l2 / 2), "within L2") | {2 * l2: "past L2"}
    if 3 in known:
        sets |= {l3 / 4: "past L2", l3 / 2: "past L2", 2 * l3: "past L3", 4 * l3: "past L3"}
    if 2 not in known:
        sets = dict.fromkeys((*sets, 32.0, 128.0), "caches unknown")
    sets = {size: name for size, name in sets.items() if size <= LARGEST}
    rows = {size: int(size * MEGABYTE / per_row()) for size in sets}
    often = {size: max(1, 20_000 // n) for size, n in rows.items()}
    spent = in_turns({size: stepper(often[size] * n, n, often[size]) for size, n in rows.items()}, TURNS // 2)
    speed = {size: rows[size] * often[size] / seconds for size, seconds in spent.items()}
    lines = [
        (name, size, *order_interval(speed[size] / speed[l2 / 2])[:3], COLLAPSED)
        for size, name in sets.items()
    ]
    for share, expected in ((0.1, 0.0), (4, float(FULL_OF_IT))):
        code, size = child(int(share * LIMIT * MEGABYTE / per_row())), share * LIMIT
        through = NAN if math.isnan(code) else float(code == 0)
        lines.append((f"speed under {LIMIT} MB", size, through, NAN, NAN, float(expected == 0)))
        lines.append(("exit code there", size, code, NAN, NAN, expected))
    return evidence(*lines)


def past_memory_judged(seen: pd.DataFrame) -> Judged:
    """Past which limit do examples a second fall below half?"""
    answers, worst = {}, None
    for name in ("past L2", "past L3"):
        here = seen[seen.what == name]
        answers[name] = "open" if here.empty else "yes" if (here.high < COLLAPSED).any() else "open"
        if len(here) and (here.low >= COLLAPSED).all():
            answers[name] = "no"
        worst = here.loc[here.value.idxmin()] if len(here) else worst
    codes = seen[seen.what == "exit code there"]
    fits, too_large = codes.value
    unknown = fits != 0 or math.isnan(too_large)
    answers["the memory"] = "open" if unknown else "yes" if too_large != 0 else "no"
    found = list(answers.values())
    verdict = weighed((one == "yes" for one in found), (one == "no" for one in found))
    said = "; ".join(f"{name}: {answer}" for name, answer in answers.items())
    ends = {0.0: "runs", float(FULL_OF_IT): "ends with a clear message"}.get(too_large, "crashes")
    ends = "is not done in a minute" if math.isnan(too_large) else ends
    when = f"collapse {said} (a child process under {LIMIT} MB {ends})"
    if worst is None:
        return Judged(verdict, NAN, "of the speed within L2 (caches unknown)", when)
    unit = f"of the speed within L2, {worst.what}, at {worst.x:.0f} MB"
    return Judged(verdict, float(worst.value), unit, when, float(worst.low), float(worst.high))


PAST_MEMORY = Claim(
    number=7,
    part="Mini-batches",
    says="A batch that does not fit the memory makes everything collapse.",
    chapter="如果你处理的mini-batch和CPU/GPU内存不相符,不管你用什么方法处理数据,你会注意到算法的表现急转直下变得惨不忍睹",
    rule=(
        f"past every limit of memory (the L2 cache, the L3 cache, {LIMIT} MB set for a child process) "
        f"examples a second fall below {COLLAPSED} of those within L2, interval below: less than that is a "
        "cost and no collapse; a process that ends gets through none, and one that a minute does not end "
        "says nothing; in part: so past some limits and not so past others"
    ),
    code=(dlopt.MLP, dlopt.SGD),
    measure=past_memory,
    judge=past_memory_judged,
    resampled=f"{TURNS // 2} turns; paired medians with order-statistic intervals; one child process a size",
    clock=True,
    x="working set, MB",
    y="examples a second / those in L2",
    log="x",
    blind=False,
)
