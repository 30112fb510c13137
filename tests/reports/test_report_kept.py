"""Pictures that were drawn before: used again as long as nothing has changed, and only then."""

import json
import os
import shutil

import pandas as pd
import pytest
from matplotlib.figure import Figure

import reports
from reports import kept, pictures


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


def everything(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_page_of_an_unchanged_run_draws_nothing_and_has_the_same_bytes(run, drawn):
    before = everything(run)
    reports.write([run])
    assert drawn == []
    assert everything(run) == before


def change_a_table(run):
    path = run / "tables" / "timings.parquet"
    frame = pd.read_parquet(path)
    frame.assign(seconds=frame.seconds * 2).to_parquet(path)


def change_what_was_asked(run):
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "changes": ["blocks: 3 (named study: 20)"]}))


def forget(run):
    (run / "figures" / kept.NAME).unlink()


def damage(run):
    path = run / "figures" / kept.NAME
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("change", [change_a_table, change_what_was_asked, forget, damage])
def test_all_is_drawn_again_after_a_change(run, drawn, change):
    change(run)
    reports.write([run])
    assert len(drawn) == len(list((run / "figures").glob("*.png")))


def test_all_is_drawn_again_by_other_code(run, drawn, monkeypatch):
    monkeypatch.setattr(kept, "_code", lambda: ["another"])
    reports.write([run])
    assert drawn


def test_a_picture_whose_file_was_changed_is_drawn_again(run, written, drawn):
    one, *_ = sorted((run / "figures").glob("*.png"))
    one.write_bytes(b"no picture")
    reports.write([run])
    assert drawn == [one.stem]
    assert one.read_bytes() == (written / "figures" / one.name).read_bytes()


def test_a_run_keeps_its_pictures_beside_one_that_changed(run, written, drawn, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(written, other)
    page = tmp_path / "page.html"
    reports.write([run, other], page)
    assert drawn
    assert all(name.startswith("run2-") for name in drawn)
    drawn.clear()
    change_a_table(run)
    reports.write([run, other], page)
    assert drawn
    assert not any(name.startswith("run2-") for name in drawn)
    reports.write([other])
    assert drawn[-1] in {path.stem for path in (other / "figures").glob("*.png")}


def test_the_tables_are_written_meanwhile_or_afterwards(tmp_path, monkeypatch, capfd):
    first, told = os.getpid(), tmp_path / "told"

    def write():
        with told.open("a") as file:
            file.write(f"{os.getpid()}\n")

    for cores in ({0, 1}, {0}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: cores, raising=False)
        with pictures.beside(write):
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
    with pictures.beside(fails_elsewhere):
        pass
    assert told.read_text().split()[-1] == str(first)
    with pytest.raises(OSError, match="disk full"), pictures.beside(fails):
        pass
    with pytest.raises(ValueError, match="no page"), pictures.beside(write):
        raise ValueError("no page")
    assert capfd.readouterr().err == ""
