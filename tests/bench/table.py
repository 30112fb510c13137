"""The tables of a run, as Markdown and CSV."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from studies.system.machine import arithmetic, machine
from tests.bench.scale import exponent
from tests.bench.targets import Lines, Target, targets

COLUMNS = (
    *("section", "shape", "batch", "checkpoints", "contender", "library", "rows", "steps", "size"),
    *("unit", "value", "low", "high", "first_call_s", "cores", "loss_difference", "agree"),
    *("memory_mib", "bound_mib"),
)
PACKAGES = ("torch", "jax", "jaxlib", "optax")


def number(value: float | None, digits: int = 3) -> str:
    """Short, for people."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def grid(head: Iterable[str], body: Iterable[Iterable[str]]) -> list[str]:
    """A Markdown table, numbers to the right."""
    head = list(head)
    rule = [" --- ", *[" ---: "] * (len(head) - 1)]
    return ["", f"| {' | '.join(head)} |", f"|{'|'.join(rule)}|", *(f"| {' | '.join(row)} |" for row in body)]


def described(command: str, repeats: int, missing: dict[str, str]) -> list[str]:
    """Machine, versions, command, what is left out."""
    here, counts = machine(1, 0, 0.0), arithmetic()
    versions = {name: counts[name] for name in ("numpy", "scikit-learn", "optuna")}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "no git"
    return [
        f"{here['processor']}, {here['cores']} cores, {here['system']}, Python {here['python']}; "
        f"BLAS {counts['blas']}, NumPy's SIMD {counts['simd']}; "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + ".",
        "",
        f"Commit {commit}. `{command}`. One core and one thread for everything unless it says otherwise; "
        f"contenders in turn, {repeats} repeats, medians of CPU time with least and most. The same data, "
        "initial weights, mini-batches and hyperparameters, and losses checked against ours before a time "
        "counts. Only ratios within one run mean anything.",
        *(f"\nLeft out: {library} ({reason})." for library, reason in missing.items()),
    ]


def aims(found: list[Target]) -> list[str]:
    """Hoped for and reached."""
    if not found:
        return []
    body = []
    for one in found:
        wanted = f"{'≤' if one.most else '≥'} {number(one.wanted)} {one.unit}".strip()
        shown = f"{number(one.found)} {one.unit}".strip()
        range_ = "" if one.low == one.high else f"{number(one.low)} to {number(one.high)}"
        verdict = "yes" if one.reached else "**no**"
        if np.isnan(one.wanted):
            wanted, verdict = "–", "–"
        body.append((one.what, wanted, shown, range_, verdict))
    return ["", "## Targets", *grid(("what", "target", "here", "least to most", "reached"), body)]


def kernel(lines: Lines) -> list[str]:
    """Speeds by cell: a column for each batch size, without and with checkpoints."""
    lines = [one for one in lines if one["section"] == "kernel"]
    text = ["", "## Thousand trial-steps a second"] if lines else []
    for shape in dict.fromkeys(one["shape"] for one in lines):
        here = [one for one in lines if one["shape"] == shape]
        cells = list(dict.fromkeys((one["batch"], one["checkpoints"]) for one in here))
        speed = {(o["contender"], o["rows"], o["batch"], o["checkpoints"]): o["value"] for o in here}
        head = [shape, "rows", *(f"batch {b}{', checkpoints' if c else ''}" for b, c in cells)]
        body = [
            (name, str(rows), *(number(speed.get((name, rows, *at), np.nan) / 1e3) for at in cells))
            for name, rows in dict.fromkeys((one["contender"], one["rows"]) for one in here)
        ]
        text += grid(head, body)
    return text


def first_calls(lines: Lines) -> list[str]:
    """What JAX pays before it is fast."""
    took: dict[str, list[float]] = {}
    for one in lines:
        if one["section"] == "kernel" and one["library"] == "JAX":
            took.setdefault(one["contender"], []).append(one["first_call_s"])
    if not took:
        return []
    body = [(name, number(float(np.median(s))), number(max(s))) for name, s in took.items()]
    head = ("JAX: first call, compilation included", "median s", "most s")
    return ["", "Not in the speeds above:", *grid(head, body)]


def profiles(lines: Lines) -> list[str]:
    """Where a training of the mixed stack spends its time."""
    here = [one for one in lines if one["section"] == "profile"]
    if not here:
        return []
    parts = list(dict.fromkeys(one["contender"] for one in here))
    cells = list(dict.fromkeys((one["shape"], one["batch"]) for one in here))
    share = {(one["shape"], one["batch"], one["contender"]): one["value"] for one in here}
    body = [
        (f"{shape}, batch {batch}", *(f"{share.get((shape, batch, part), 0):.0%}" for part in parts))
        for shape, batch in cells
    ]
    about = "Shares of our mixed stack's time (cProfile, by file); the first column is the floor's."
    return ["", "## Where a step's time goes", "", about, *grid(("", *parts), body)]


def plain(lines: Lines, section: str, title: str, keys: tuple[str, ...], heads: tuple[str, ...]) -> list[str]:
    """A section line by line."""
    here = [one for one in lines if one["section"] == section]
    if not here:
        return []
    body = [
        tuple(one[k] if isinstance(one.get(k), str) else number(one.get(k, np.nan)) for k in keys)
        for one in here
    ]
    return ["", f"## {title}", *grid(heads, body)]


def growth(lines: Lines) -> list[str]:
    """The axes, with exponents."""
    here = [one for one in lines if one["section"] == "scale"]
    body = []
    for axis in dict.fromkeys(one["shape"] for one in here):
        points = [one for one in here if one["shape"] == axis]
        for i, one in enumerate(points):
            powers = ["–", "–"]
            if i:
                pair, sizes = points[i - 1 : i + 1], [p["size"] for p in points[i - 1 : i + 1]]
                powers = [
                    f"{exponent(sizes, [max(p[key], 1e-9) for p in pair]):.2f}"
                    for key in ("value", "memory_mib")
                ]
            cells = (number(one["value"]), powers[0], number(one["memory_mib"]), powers[1])
            body.append((axis, f"{one['size']:,}", *cells, number(one["bound_mib"])))
    heads = ("axis", "size", "s", "exponent", "MiB", "exponent", "bound, MiB")
    about = (
        "Exponents from one size to the next; `bound` in tests/bench/scale.py states what memory keeps to."
    )
    return ["", "## Scale", "", about, *grid(heads, body)] if here else []


def write(
    folder: Path, lines: Lines, command: str, repeats: int, missing: dict[str, str], *, quick: bool
) -> list[Target]:
    """bench.md, bench.csv and, for other programs, bench.json. quick: a check, which has no targets."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [] if quick else targets(lines)
    about = described(command, repeats, missing)
    text = [
        "# Speed, side by side",
        "",
        *about,
        *aims(found),
        *kernel(lines),
        *first_calls(lines),
        *plain(
            lines,
            "compiled",
            "Compiling, and the core's limit",
            ("contender", "value", "unit"),
            ("", "", ""),
        ),
        *profiles(lines),
        *plain(
            lines,
            "studies",
            "Whole studies: seconds of one block",
            ("shape", "contender", "rows", "value", "low", "high", "agree"),
            ("dataset", "who", "rows", "s", "least", "most", "rows that end alike"),
        ),
        *plain(
            lines,
            "phases",
            "Where the default study's time goes",
            ("contender", "value", "unit"),
            ("phase", "", ""),
        ),
        *growth(lines),
    ]
    (folder / "bench.md").write_text("\n".join(text) + "\n")
    with (folder / "bench.csv").open("w", newline="") as file:
        file.write(f"# {' '.join(' '.join(about).split())}\n")
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)
    (folder / "bench.json").write_text(json.dumps({"about": about, "lines": lines}, indent=1) + "\n")
    return found
