"""What the user says about columns and targets is done, said, checked, and part of the data's digest."""

import numpy as np
import pandas as pd
import pytest

import datasets

N = 200
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "zip": [f"{i % 8 + 501:05}" for i in range(N)],
        "level": np.arange(N) % 5,
        "stamp": 20_230_101 + np.arange(N) % 28,
        "lab": np.where(np.arange(N) % 10, RNG.normal(size=N).round(3), -999),
        "name": [f"n{i}" for i in range(N)],
        "word": RNG.choice(["u", "v"], N),
        "mixed": [str(i % 30) if i % 3 else "many" for i in range(N)],
        "day": pd.date_range("2020-01-01", periods=N).strftime("%d/%m/%Y"),
        "tags": [[1]] * N,
        "y": RNG.normal(size=N),
    }
)


def made(**how):
    return datasets.from_frame(FRAME, "y", **how)


def reading(table, column):
    return next(one for one in table.readings if one.column == column)


@pytest.mark.parametrize(
    ("option", "column", "before", "after", "features"),
    [
        ("category", "level", "number", "category", 5),
        ("number", "zip", "category", "number", 1),
        ("number", "lab", "number", "number", 1),
        ("number", "stamp", "date", "number", 1),
        ("category", "stamp", "date", "category", 28),
        ("date", "stamp", "date", "date", 2),
        ("category", "word", "category", "category", 2),
        ("number", "mixed", "number", "number", 2),
        ("date", "day", "date", "date", 3),
        ("category", "day", "date", "category", 0),
        ("drop", "word", "category", "dropped", 0),
        ("drop", "tags", "compound", "dropped", 0),
    ],
)
def test_a_column_is_what_the_user_says(option, column, before, after, features):
    assert reading(made(), column).kind == before
    table = made(**{option: [column]})
    found = reading(table, column)
    assert (found.kind, found.features) == (after, features)
    assert found.why.startswith("as you said")
    assert table.digest == made(**{option: column}).digest  # a name alone is a list of one


def test_what_is_shown_says_how_to_change_it_and_that_does():
    table = made()
    for one in table.readings:
        if not one.change.startswith("--") or one.role == "target":
            continue
        option, column = one.change.removeprefix("--").split(" ", 1)
        assert column == one.column
        changed = reading(made(**{option: [column]}), column)
        assert changed.why.startswith("as you said")
        assert (changed.kind, changed.features) != (one.kind, one.features) or option == "category"


def test_each_column_of_the_file_has_a_reading_in_its_order():
    table = made(group="zip")
    assert [one.column for one in table.readings] == list(FRAME.columns)
    roles = {one.column: one.role for one in table.readings}
    assert roles["y"] == "target"
    assert roles["zip"] == "group"
    assert roles["tags"] == roles["name"] == "dropped"
    assert roles["word"] == "feature"
    assert reading(made(time="day"), "day").role == "time"
    for one in table.readings:
        assert [type(value) for value in one] == [str, str, str, str, int, int, str, int, str]
    shown = {one.column: one.example for one in table.readings}
    assert shown["zip"] == "00501"
    assert shown["lab"] == "-999.0"
    assert reading(table, "lab").missing == 20


def test_the_digest_follows_what_was_decided_and_nothing_else():
    others = [
        made(category="level"),
        made(number="zip"),
        made(drop="word"),
        made(number="lab"),
        made(drop="zip"),
    ]
    assert len({one.digest for one in [made(), *others]}) == 6
    same = [made(drop="name"), made(drop=["tags", "name"]), made(category="word"), made(date="day")]
    assert {one.digest for one in same} == {made().digest}


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"drop": "zap"}, r"no column 'zap' for drop\.\nDid you mean 'zip'"),
        ({"category": ["level", "nothing like it"]}, r"for category\.\nThere are: zip, level"),
        ({"number": "y"}, r"number names the target 'y'\.\n"),
        ({"drop": "word", "group": "word"}, r"drop names the group 'word'.*\n"),
        ({"drop": "zip", "number": ["zip"]}, r"'zip' stands in drop and in number\.\n"),
        ({"number": "word"}, r"100% of the values of 'word' are no numbers \(v, u\)\.\n"),
        ({"number": "day"}, r"100% of the values of 'day' are no numbers \(01/01/2020, "),
        ({"date": "level"}, r"100% of the values of 'level' are no dates \(0, 1, 2\)\.\n"),
        ({"date": "word"}, r"no dates \(v, u\)"),
        ({"number": "tags"}, r"'tags' holds lists.*\nDrop it"),
        ({"category": "tags"}, r"'tags' holds lists.*\nDrop it"),
        ({"drop": 3}, r"drop takes names of columns, not 3\.\n"),
        ({"date": ["day", None]}, r"date takes names of columns, not None\.\n"),
        (
            {"missing_target": "keep"},
            r"The missing target cannot be 'keep'\.\nChoose refuse or class, or leave out",
        ),
        ({"positive": "1"}, r"a positive class needs classes\.\n"),
        ({"missing_target": "class"}, r"holds numbers, among which missing ones are no class\.\n"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_remedy(how, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        made(**how)
    assert str(caught.value).count("\n") == 1


def test_none_says_nothing():
    nothing = {"drop": None, "category": None, "number": None, "date": None, "missing_target": None}
    assert made(**nothing, positive=None).digest == made().digest


CLASSES = FRAME.assign(y=["NA", "EU", "AS", "None", "EU", "", "AF", "AF", "AS", "EU"] * 20)


@pytest.mark.parametrize("source", ["frame", "file"])
def test_words_for_missing_may_be_classes(tmp_path, source):
    def found(**how):
        if source == "frame":
            return datasets.from_frame(CLASSES, "y", **how)
        CLASSES.drop(columns="tags").to_csv(tmp_path / "x.csv", index=False)
        return datasets.read(tmp_path / "x.csv", "y", **how)

    usual = found()
    assert usual.shares == (("AF", 40), ("AS", 40), ("EU", 60))
    assert any("'NA' (20 rows), 'None' (20 rows)" in n and "--missing-target class" in n for n in usual.notes)
    assert "Look out, 60 rows without a target were left out (30% of all)" in usual.doubts[0]
    assert reading(usual, "y").missing == 60
    whole = found(missing_target="class")
    assert whole.shares == (("AF", 40), ("AS", 40), ("EU", 60), ("NA", 20), ("None", 20))
    assert any("20 rows without a target" in one for one in whole.doubts)
    with pytest.raises(
        ValueError, match=r"60 of the 200 rows of .* have no 'y', and you refuse such rows\.\n"
    ):
        found(missing_target="refuse")


def test_markers_among_numbers_to_predict_are_missing_and_said():
    frame = FRAME.assign(y=[f"{v:.3f}" if i % 10 else "n.d." for i, v in enumerate(RNG.normal(size=N))])
    table = datasets.from_frame(frame, "y")
    assert table.task == "regression"
    assert table.n_rows == 180
    assert "Taken as missing in the target: 'n.d.' (20 rows)." in table.notes


def test_one_class_against_all_others():
    frame = FRAME.assign(y=["a", "b", "b", "c", "d"] * 40)
    table = datasets.from_frame(frame, "y", positive="c")
    assert table.shares == (("not c", 160), ("c", 40))
    np.testing.assert_array_equal(table.y == 1, frame.y == "c")
    binary = FRAME.assign(y=["b", "a"] * 100)
    assert datasets.from_frame(binary, "y").classes == ("a", "b")
    mine = datasets.from_frame(binary, "y", positive="a")
    assert mine.classes == ("b", "a")
    np.testing.assert_array_equal(mine.y == 1, binary.y == "a")
    assert mine.digest != datasets.from_frame(binary, "y").digest
    for positive in (1, 1.0, "1", np.int64(1)):
        numbered = datasets.from_frame(FRAME.assign(y=np.arange(N) % 3), "y", positive=positive)
        assert numbered.classes == ("not 1", "1")
    flags = datasets.from_frame(FRAME.assign(y=np.arange(N) % 3 == 0), "y", positive=True)
    assert flags.shares == (("False", 133), ("True", 67))
    with pytest.raises(ValueError, match=r"no class 'e'\.\nThere are: 'a', 'b', 'c', 'd'"):
        datasets.from_frame(frame, "y", positive="e")


def test_rare_classes_may_be_the_others():
    frame = FRAME.assign(y=["a", "b"] * 98 + ["c", "d", "e", "f"])
    with pytest.raises(ValueError, match="too few rows"):
        datasets.from_frame(frame, "y")
    assert datasets.from_frame(frame, "y", positive="a").n_classes == 2


def test_arrays_and_folders_take_the_same_words(tmp_path):
    X = np.column_stack([np.arange(N) % 5, RNG.normal(size=N)])
    table = datasets.from_arrays(X, FRAME.y, category="x0", drop=["x1"])
    assert table.n_features == 5
    FRAME.drop(columns="tags").to_csv(tmp_path / "one.csv", index=False)
    (mine,) = datasets.read_folder(tmp_path, "y", drop=["word"], category="level")
    assert reading(mine, "word").role == "dropped"
    assert reading(mine, "level").kind == "category"
