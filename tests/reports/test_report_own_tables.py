"""What the page says of a table of the user's own: each column, the classes, what to look out for."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import datasets
import reports
from reports.chapters import own_tables
from reports.data.run import Run
from studies import Study, run

N = 120


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a table with a leak, a code, a hostile name and a class in two spellings."""
    rng = np.random.default_rng(3)
    size = rng.normal(size=N)
    frame = pd.DataFrame(
        {
            "row_id": [f"R{i:05}" for i in range(N)],
            "zip": rng.choice(["01234", "00501", "10001"], N),
            "<b>$x$</b>": np.where(rng.random(N) < 0.2, np.nan, size),
            "grade": np.where(size > 0.3, "good", "bad"),
            "passed": np.where(size > 0.3, "yes", np.where(rng.random(N) < 0.5, "no", "No")),
        }
    )
    table = datasets.from_frame(frame, "passed", name="exam")
    study = Study("own", ("sgd", "adam"), (table,), blocks=6, draws=2, epochs=2, fresh=6)
    folder: Path = run(study, out=tmp_path_factory.mktemp("runs") / "own", jobs=1).path
    return reports.read(folder)


def test_every_column_stands_there_with_what_to_say(read: Run) -> None:
    (part,) = own_tables.own_tables(read)
    table = next(one for one in part.tables if one.columns[0] == "Column")
    columns = read["columns"].sort_values("position")
    assert [row[0].text for row in table.rows] == ["row_id", "zip", "<b>$x$</b>", "grade", "passed"]
    for row, one in zip(table.rows, columns.itertuples(), strict=True):
        assert row[-1].text == one.change
        assert one.kind in row[1].text
        assert row[1].note == one.why
        assert row[5].sort == one.features
    used, features = int((columns.role == "feature").sum()), int(columns.features.sum())
    dropped = int((columns.role == "dropped").sum())
    assert part.answer.startswith(f"{used} columns give {features} features; {dropped} column")
    assert int(read["datasets"].features.iloc[0]) == features


def test_what_to_look_out_for_comes_first(read: Run) -> None:
    (part,) = own_tables.own_tables(read)
    notes = read["datasets"].notes.iloc[0].splitlines()
    doubts = [note for note in notes if note.startswith("Look out")]
    assert doubts  # grade tells whether somebody passed
    assert part.tables[0].columns == ["Look out"]
    assert len(part.tables[0].rows) == len(doubts)
    said = [row[0].text for one in part.tables for row in one.rows]
    assert sum(text in notes for text in said) == len(notes) - len(doubts)


def test_classes_have_their_shares(read: Run) -> None:
    (part,) = own_tables.own_tables(read)
    table = next(one for one in part.tables if one.columns[0] == "Class")
    assert sum(float(row[1].sort) for row in table.rows) == N
    assert {row[0].text for row in table.rows} == set(read["classes"].name)


def test_the_page_shows_it_and_names_stay_text(read: Run, tmp_path: Path) -> None:
    page = reports.write([read], tmp_path / "page.html").read_text()
    assert "How was exam read?" in page
    assert "&lt;b&gt;$x$&lt;/b&gt;" in page
    assert "<b>$x$</b>" not in page
