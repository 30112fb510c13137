import numpy as np
import pandas as pd
import pytest

from datasets.tables import making as table
from tests.support.numbered import classes, numbered

TARGETS = {
    "words": (list("abc"), ("a", "b", "c")),
    "booleans": ([True, False], ("False", "True")),
    "few whole numbers": ([3, 10, 2], ("2", "3", "10")),
    "written numbers": (["1", "2", "10"], ("1", "2", "10")),
    "whole floats": ([1.0, -2.0], ("-2", "1")),
    "many whole numbers": (list(range(21)), ()),
    "a fraction among whole numbers": ([0.5, 1, 2], ()),
    "fractions": ([0.5, 1.5], ()),
    "decimal commas": (["0,5", "1,5", "2"], ()),
}


def test_whole_numbers_of_few_rows_each_are_no_classes():
    frame = numbered(50).assign(y=np.arange(50) % 6)
    assert table.from_frame(frame, "y").task == "regression"
    assert table.from_frame(frame.assign(y=frame.y % 5), "y").task == "classification"


@pytest.mark.parametrize("kind", TARGETS)
def test_the_task_is_found_from_the_target_and_said(kind):
    values, classes = TARGETS[kind]
    y = pd.Series([values[i % len(values)] for i in range(300)])
    mine = table.from_frame(numbered(300).assign(y=y), "y")
    assert (mine.classes, mine.task) == (classes, "classification" if classes else "regression")
    assert mine.notes[0].lower().startswith(mine.task)
    if classes:
        assert [mine.classes[i] for i in mine.y] == [str(one).removesuffix(".0") for one in y]


def test_the_task_can_be_set():
    frame = numbered(300).assign(y=np.arange(300) % 3)
    assert table.from_frame(frame, "y", task="regression").task == "regression"
    frame = frame.assign(y=np.arange(300) % 30 / 2)
    mine = table.from_frame(frame, "y", task="classification")
    assert mine.classes[:3] == ("0.0", "0.5", "1.0")
    categories = frame.assign(y=pd.Categorical.from_codes(np.arange(300) % 2, ["no", "yes"]))
    assert table.from_frame(categories, "y").classes == ("no", "yes")


def test_rows_without_a_target_are_left_out_and_doubted_where_they_are_many_or_refused():
    frame = numbered(200).assign(y=["high", "low"] * 100)
    whole = table.from_frame(frame[6:], "y")
    frame.loc[:5, "y"] = None
    mine = table.from_frame(frame, "y")
    assert mine.n_rows == 194
    assert "6 rows without a target were left out." in mine.notes
    assert mine.digest == whole.digest
    frame.loc[:10, "y"] = None
    doubted = (
        "Look out, 11 rows without a target were left out (6% of all): what is left may not stand for all."
    )
    many = table.from_frame(frame, "y")
    assert doubted in many.doubts
    assert doubted in many.notes
    assert many.digest == table.from_frame(frame[11:], "y").digest
    with pytest.raises(ValueError, match=r"11 of the 200 rows of table have no 'y'.*\nFill them"):
        table.from_frame(frame, "y", missing_target="refuse")
    infinite = numbered(100)
    infinite.loc[4, "y"] = np.inf
    assert table.from_frame(infinite, "y").n_rows == 99


REFUSED = {
    "one class": (classes(60), {}, "has one class, 'k0'"),
    "one value": (numbered(60).assign(y=1.5), {}, r"has one value, 1\.5"),
    "no target value": (numbered(60).assign(y=np.nan), {}, "has 0 rows with a target"),
    "no rows": (numbered(60)[:0], {}, "has no rows"),
    "few rows": (numbered(49), {}, "has 49 rows"),
    "one row a class": (classes(*[1] * 60), {}, "60 of 60 classes .* 'k0' .1., .*55 more; each needs 5"),
    "rare classes": (classes(50, 4, 30, 2), {}, r"2 of 4 classes .* 'k1' \(4\), 'k3' \(2\)"),
    "words to regress": (classes(50, 50), {"task": "regression"}, r"holds words \(k0, k1\)"),
    "dates to predict": (numbered(60).assign(y=pd.date_range("2020", periods=60)), {}, "holds dates"),
    "lists to predict": (numbered(60).assign(y=[[1]] * 60), {}, "holds lists"),
    "no column left": (numbered(60)[["y"]], {}, "no column to learn from. It has no column beside"),
    "useless columns": (numbered(60).assign(row=1), {}, "Dropped, one value only: 'row'"),
    "unknown task": (numbered(60), {"task": "ranking"}, "cannot be 'ranking'"),
    "group and time": (numbered(60, a=1), {"group": "a", "time": "row"}, "Give group or time"),
    "target as time": (numbered(60), {"time": "y"}, "cannot also split"),
    "unknown group": (numbered(60), {"group": "rwo"}, "Did you mean 'row'"),
    "holes in group": (numbered(60, a=[None, "x"] * 30), {"group": "a"}, "30 rows have no group"),
    "two groups": (numbered(60, a=["u", "x"] * 30), {"group": "a"}, "too few or too large"),
    "holes in time": (numbered(60, a=["2020-01-01", None] * 30), {"time": "a"}, "30 values of the time 'a'"),
    "words as time": (numbered(60, a=["then", "now"] * 30), {"time": "a"}, "60 values of the time 'a'"),
    "one time": (numbered(60, a=3), {"time": "a"}, "has one value only"),
    "a class at the end": (
        classes(80, 20).assign(t=range(100)),
        {"time": "t"},
        "no training row of a class: 'k1'",
    ),
    "a class of one group": (classes(95, 5).assign(g=lambda f: f.index // 5), {"group": "g"}, None),
    "unnamed columns": (numbered(60).rename(columns={"row": None}), {}, "Column 1 of table has no name"),
    "columns of one name": (pd.concat([numbered(60)] * 2, axis=1), {}, "two columns named 'row'"),
    "too many columns": (pd.DataFrame(np.zeros((60, 20_001))), {}, "20,001 columns, and at most 20,000"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_studied_is_refused_with_a_remedy(case):
    frame, how, sentence = REFUSED[case]
    if sentence is None:  # most splits have that group's rows to train on
        assert table.from_frame(frame, "y", **how).n_classes == 2
        return
    with pytest.raises(ValueError, match=rf"(?s){sentence}") as caught:
        table.from_frame(frame, "y", **how)
    said = str(caught.value).split("\n")
    assert len(said) == 2
    assert all(said)


def test_a_class_too_rare_for_the_sample_is_refused():
    n = 100_000
    frame = numbered(n).assign(y=np.where(np.arange(n) < 9, "rare", np.where(np.arange(n) % 2, "a", "b")))
    with pytest.raises(
        ValueError, match=r"'rare' \(9\); each needs 5 among the 50,000 that a block takes\.\nMerge"
    ):
        table.from_frame(frame, "y")
