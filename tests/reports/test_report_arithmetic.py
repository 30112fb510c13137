"""Which engine trained a run: what the page, the methods and a comparison say of it."""

from __future__ import annotations

import pytest

import reports
from reports.chapters import provenance
from reports.chapters.comparison import asked, compared
from reports.data.arithmetic import arithmetic
from reports.exports import methods
from studies.system.machine import arithmetic as kernels
from tests.support.bending import Bend, Frames, Manifest

COMPILED = "compiled, the same on every x86-64 machine"
WHY = "Numba is not installed."


def in_numpy(frames: Frames, manifest: Manifest) -> None:
    """As where nothing could be compiled."""
    frames["optimizers"] = frames["optimizers"].assign(in_numpy=WHY)
    manifest["question"]["arithmetic"] = {"engine": "numpy", **kernels()}


def mixed(frames: Frames, manifest: Manifest) -> None:
    """As with one update that is not compiled."""
    one = frames["optimizers"].optimizer.eq("adam")
    frames["optimizers"] = frames["optimizers"].assign(in_numpy=one.map({True: "a <norm>", False: ""}))


def before(frames: Frames, manifest: Manifest) -> None:
    """As of an older version, which knew no engine."""
    manifest["question"]["arithmetic"] = kernels()


@pytest.mark.parametrize(
    ("edit", "line", "command"),
    [
        (lambda frames, manifest: None, COMPILED, ""),
        (
            mixed,
            f"{COMPILED}; the steps of Adam (a <norm>) in NumPy, the same on one kind of machine",
            "",
        ),
        (in_numpy, "NumPy, the same on one kind of machine. Numba is not installed", "--engine numpy"),
        (before, "NumPy, the same on one kind of machine", "--engine numpy"),
    ],
)
def test_the_engine_is_named_wherever_a_run_is_described(
    bend: Bend, edit: object, line: str, command: str
) -> None:
    run = reports.read(bend(edit))  # type: ignore[arg-type]
    assert arithmetic(run) == line
    part = provenance.provenance(run)
    assert part
    assert f"Arithmetic: {line}." in part.how
    versions = {row[0].text: row[1].text for row in part.tables[0].rows}
    assert versions["arithmetic"] == line
    assert ("numpy" in versions) is bool(command)
    assert ("on any x86-64 machine" in part.answer) is not bool(command)
    assert provenance.on_command_line(run).rstrip("'").endswith(command)
    assert ("engine='numpy'" in provenance.in_python(run)) is bool(command)
    said = methods.methods(run).decode()
    assert (f"numpy {kernels()['numpy']}" if command else f"arithmetic: {line}") in said
    assert asked(run, [], [])["arithmetic"] == line


def test_two_runs_of_two_engines_differ_in_that_and_no_library_is_called_usual(bend: Bend) -> None:
    one, other = bend(lambda frames, manifest: None), bend(in_numpy)
    part = compared(reports.read(one), reports.read(other))
    assert part
    lines = {name.text: (a.text, b.text) for name, a, b in part.tables[0].rows}
    assert lines["arithmetic"] == (COMPILED, f"NumPy, the same on one kind of machine. {WHY[:-1]}")
    assert lines["arithmetic: numpy"] == ("any", kernels()["numpy"])
