"""Pictures that were drawn before: used again as long as nothing has changed, and only then."""

import dataclasses
import json
import os
import shutil
from functools import partial

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import reports
from reports.draw import cache, pictures, processes
from reports.parts import Panel
from studies.folder.manifest import read_manifest
from studies.folder.run_folder import RunFolder
from tests.support.sealed import seal


@pytest.fixture(scope="module")
def written(real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "small"
    shutil.copytree(real, folder)
    reports.write([folder])
    return folder


@pytest.fixture
def run(written, tmp_path):
    shutil.copytree(written, tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture
def drawn(monkeypatch):
    """How many pictures are drawn: in this process, for all are."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    made, draw = [], pictures.Order.make

    def make(order, name):
        made.append(name)
        return draw(order, name)

    monkeypatch.setattr(pictures.Order, "make", make)
    return made


def parts_of(folder):
    """The parts that have pictures."""
    return {part for part, *_ in json.loads((folder / "figures" / cache.NAME).read_text())}


def everything(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_page_of_an_unchanged_run_draws_nothing_and_has_the_same_bytes(run, drawn):
    before = everything(run)
    reports.write([run])
    assert drawn == []
    assert everything(run) == before


def altered(run, name, frame):
    """Another table in a run, as if it had been found."""
    RunFolder(run, read_manifest(run)).add_tables({name: frame})


def change_times(run):
    path = run / "tables" / "timings.parquet"
    frame = pd.read_parquet(path)
    altered(run, path.stem, frame.assign(seconds=frame.seconds * 2))


def change_errors(run):
    path = run / "tables" / "readings.parquet"
    frame = pd.read_parquet(path)
    altered(run, path.stem, frame.assign(search_error=frame.search_error * 1.5))


def change_a_constant_picture(run):
    path = run / "tables" / "quadratic_deep.parquet"
    frame = pd.read_parquet(path)
    altered(run, path.stem, frame.assign(loss=frame.loss + 1.0))


def change_what_was_asked(run):
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "changes": ["blocks: 3 (named study: 20)"]}))
    seal(run)


def forget(run):
    (run / "figures" / cache.NAME).unlink()


def damage(run):
    path = run / "figures" / cache.NAME
    path.write_bytes(path.read_bytes()[:-100])


def change_a_number(run):
    path = run / "figures" / cache.NAME
    note = json.loads(path.read_text())
    svg = note[0][2][0][3]
    note[0][2][0][3] = svg.replace("1", "7", 1)
    path.write_text(json.dumps(note))


CHANGES = [
    change_errors,
    change_times,
    change_a_constant_picture,
    change_what_was_asked,
    forget,
    damage,
    change_a_number,
]


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_the_page_is_that_of_a_run_which_was_never_drawn(run, drawn, change, tmp_path):
    change(run)
    shutil.copytree(run, tmp_path / "new" / "small")
    shutil.rmtree(tmp_path / "new" / "small" / "figures")
    reports.write([run])
    assert drawn
    reports.write([tmp_path / "new" / "small"])
    assert everything(run) == everything(tmp_path / "new" / "small")


@pytest.mark.slow
def test_what_has_not_changed_is_not_drawn(run, drawn):
    change_errors(run)
    reports.write([run])
    assert drawn
    assert "quadratic-deep" not in drawn


@pytest.mark.slow
def test_all_is_drawn_again_by_other_code(run, drawn, monkeypatch):
    monkeypatch.setattr(cache, "_code", lambda: "another")
    reports.write([run])
    assert set(drawn) == parts_of(run)


@dataclasses.dataclass
class Held:
    """It is what its fields are."""

    name: str


class Opaque:
    """It says nothing of its content."""


def holds(value):
    """What is known of a picture whose drawing holds a value."""
    return cache.made_of(
        "name", pictures.Order(lambda: [Panel("all", "All", Figure(value))], "What?", "A line.")
    )


FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
DIFFERENT = [
    None,
    True,
    1,
    1.0,
    "1",
    [1, [2]],
    [[1], 2],
    (1, [2]),
    {"a": 1},
    {"a": 2},
    np.arange(4),
    np.arange(4.0),
    np.arange(4).reshape(2, 2),
    FRAME,
    FRAME.rename(columns={"a": "c"}),
    FRAME.iloc[::-1],
    FRAME.assign(b=["x", "z"]),
    FRAME.a,
    partial(holds, 1),
    partial(holds, 2),
    lambda: FRAME,
    lambda x=1: x,
    lambda x=2: x,
    pictures.Picture("", "", "", "", b""),
    Held("a"),
    Held("b"),
]


def test_a_picture_is_made_of_all_that_its_drawing_holds():
    known = [holds(value) for value in DIFFERENT]
    assert len(set(known)) == len(known)
    assert "" not in known
    assert holds(FRAME.copy()) == holds(FRAME)
    for opaque in (Opaque(), [Opaque()], np.array([Opaque()]), Opaque().__init__, len):
        assert holds(opaque) == ""


@pytest.mark.slow
def test_a_picture_whose_file_was_changed_is_drawn_again(run, written, drawn):
    one, *_ = sorted((run / "figures").glob("*.png"))
    one.write_bytes(b"no picture")
    reports.write([run])
    assert drawn == [part for part in parts_of(run) if one.stem.startswith(f"{part}-")]
    assert one.read_bytes() == (written / "figures" / one.name).read_bytes()


@pytest.mark.slow
def test_a_run_keeps_its_pictures_beside_one_that_changed(run, written, drawn, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(written, other)
    page = tmp_path / "page.html"
    reports.write([run, other], page)
    assert drawn
    assert all(name.startswith("run2-") for name in drawn)
    drawn.clear()
    change_errors(run)
    reports.write([run, other], page)
    assert drawn
    assert not any(name.startswith("run2-") for name in drawn)


def test_the_tables_are_written_meanwhile_or_afterwards(tmp_path, monkeypatch, capfd):
    first, told = os.getpid(), tmp_path / "told"

    def write():
        with told.open("a") as file:
            file.write(f"{os.getpid()}\n")

    for cores in ({0, 1}, {0}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: cores, raising=False)
        with processes.beside(write):
            Figure()
    other, own = told.read_text().split()
    assert own == str(first) != other

    def fails_elsewhere():
        if os.getpid() != first:
            raise OSError("disk full")
        write()

    def fails():
        raise OSError("disk full")

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    with processes.beside(fails_elsewhere):
        pass
    assert told.read_text().split()[-1] == str(first)
    with pytest.raises(OSError, match="disk full"), processes.beside(fails):
        pass
    with pytest.raises(ValueError, match="no page"), processes.beside(write):
        raise ValueError("no page")
    assert capfd.readouterr().err == ""
