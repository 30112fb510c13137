"""Small files that failed users of such programs, each for a kind, with what is right."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import datasets

CASES = Path(__file__).parent / "cases"


def case(file, target, kinds, *said, task=None, refused=None, doubts=0, **how):
    """target: the column. kinds: of the features and dropped columns, in order. said: parts of the notes."""
    return file, target, kinds.split(), said, task, refused, doubts, how


C, R = "classification", "regression"
ALL = [
    case("trailing.csv", "label", "number number", task=C),
    case("zip.csv", "price", "category number", "whole numbers that begin with 0 (00501): 'zip'", task=R),
    case(
        "continent.csv",
        "continent",
        "number number",
        "Taken as missing in the target: 'NA' (10 rows)",
        "--missing-target class",
        task=C,
    ),
    case("continent.csv", "continent", "number number", "has 5 classes", task=C, missing_target="class"),
    case("ampm.csv", "count", "date number", "Dates read as month/day: 'when'", task=R),
    case("ampm.csv", "count", "date number", "in order of 'when'", task=R, time="when"),
    case("dayfirst.csv", "y", "identifier identifier date", "Dates read as day/month: 'date'", task=R),
    case("rp5.csv", "T", "date number category number", "Dates read as day/month", task=R),
    case("rp5.csv", "T", "date number category number", "in order of", task=R, time="Местное время"),
    case("rare.csv", "Label", "", refused="'10' (4), '11' (1), '12' (1); each needs 5"),
    case("concatenated.csv", "label", "number number", "Line 62 repeats the names", task=C),
    case("concatenated-r.csv", "price", "number number", "Line 62 repeats the names", task=R),
    case("bools.csv", "label", "boolean category number", "imputed with an indicator: 'flag'", task=C),
    case(
        "euro.csv", "preis", "number number", "decimal commas: 'umsatz'", "(not whole). Read decimal", task=R
    ),
    case("bom.csv", "label", "number number", "Read decimal commas: 'a', 'b'", task=C),
    case(
        "stata.csv",
        "y",
        "number number number number",
        "'.' (15 rows): 'income'",
        "'-' (27 rows): 'asset'",
        "indicator: 'income', 'asset', 'debt'",
        task=R,
    ),
    case("question.csv", "y", "number number", "indicator: 'horsepower'", task=R),
    case("rare-positive.csv", "stroke", "number number category", task=C),
    case("leak-part.csv", "passed", "category number number", "perhaps a leak: 'grade'", task=C, doubts=1),
    case("leak-sum.csv", "bikers", "number number number", "'casual' + 'registered' gives", task=R, doubts=1),
    case("copies.csv", "label", "number number number", "300 of 360 rows are copies", task=C, doubts=1),
    case("patients.csv", "score", "category number number", "--group patient_id", task=R, doubts=2),
    case(
        "patients.csv", "score", "number number", "Rows of one 'patient_id' stay", task=R, group="patient_id"
    ),
    case("accounting.csv", "label", "number number", "commas as thousands separators: 'profit'", task=C),
    case(
        "magnitude.csv",
        "Value",
        "number number number",
        "money (€). Read with magnitudes (k, m)",
        task=R,
        doubts=1,
    ),
    case(
        "nearconstant.csv",
        "y",
        "number number number",
        "far from all others (1e+07), 0 where no training row",
        task=R,
    ),
    case("mostly-missing.csv", "y", "number number", "indicator: 'lab'", task=R),
    case("sep.csv", "label", "number number", task=C),
    case("utf16.csv", "label", "number number", task=C),
    case("codes.csv", "y", "category number", "whole numbers named as codes: 'code'", task=R),
    case("comment.csv", "label", "number number", task=C),
    case("case.csv", "label", "number number", "several ways in 'label': 'YES' and 'Yes'", task=C, doubts=1),
    case("date-target.csv", "due", "", refused="The target 'due' holds dates."),
    case("dollars.csv", "y", "number number", "Read as amounts of money ($): 'price'", task=R),
    case("empty-col.csv", "label", "number number", "without a name and a value: 'column 4'", task=C),
    case("epoch.csv", "y", "date number", "Read as times, written as seconds: 'timestamp'", task=R),
    case("yyyymmdd.csv", "y", "date number", "Read as dates, written as YYYYMMDD: 'date'", task=R),
    case("yyyymmdd.csv", "y", "date number", "in order of 'date'", task=R, time="date"),
    case("fixed.txt", "label", "number number", task=C),
    case("space.csv", "label", "number number", task=C),
    case(
        "huge.csv",
        "y",
        "number number",
        "Infinite targets, or beyond 1e+100, taken as missing: 2 rows",
        task=R,
    ),
    case("list-target.csv", "tags", "number number", "has 4 classes (action,comedy", task=C),
    case("longmonth.csv", "y", "date number", "Dates expanded to year, month", task=R),
    case("shortyear.csv", "y", "date number", "Dates read as month/day: 'date'", task=R),
    case("yearmonth.csv", "y", "date number", "Dates expanded to year, month: 'month'", task=R),
    case("timeofday.csv", "y", "time-of-day number", "Read as times of day, in minutes: 'at'", task=R),
    case("odd names.csv", "Price ($)", "number number number number", task=R),
    case("outlier.csv", "y", "number number", "'y': 1e+12 (1 row)", task=R, doubts=1),
    case("preamble.csv", "label", "number number", "from line 1 to 3 is before the names", task=C),
    case("rownames.csv", "dist", "number", "an index: 'column 1'", task=R),
    case("sentinel.csv", "y", "number number", "missing (-999: 19 rows)", "indicator: 'lai'", task=R),
    case("total.csv", "sales", "category number", "row 121 is named 'Total'", task=R, doubts=1),
    case("units-row.csv", "y", "number number", "Line 2 holds no values (cm, kg, s)", task=R),
    case("yesno-missing.csv", "churn", "number number", "3 rows without a target were left out", task=C),
]


@pytest.mark.parametrize(
    ("file", "target", "kinds", "said", "task", "refused", "doubts", "how"),
    ALL,
    ids=[f"{one[0]} {' '.join(one[-1])}".strip() for one in ALL],
)
def test_what_is_right(file, target, kinds, said, task, refused, doubts, how):
    if refused:
        with pytest.raises(ValueError, match=r"\n") as caught:
            datasets.read(CASES / file, target, **how)
        assert refused in str(caught.value)
        return
    table = datasets.read(CASES / file, target, **how)
    features = [one for one in table.readings if one.column not in (target, how.get("group"))]
    assert [one.kind.replace(" ", "-") for one in features] == kinds
    notes = "\n".join(table.notes)
    for words in said:
        assert words in notes
    assert table.task == task
    assert len(table.doubts) == doubts, table.doubts
    assert sum(one.features for one in table.readings) == table.n_features
    for block in map(table.block, range(3)):
        for part in ("train", "validation", "test"):
            X = getattr(block, f"X_{part}")
            assert np.isfinite(X).all()
            assert np.abs(X).max() <= 20


def test_every_case_is_tried():
    assert {one[0] for one in ALL} == {path.name for path in CASES.iterdir()}


def test_a_class_among_many_is_found_with_all_others(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(1_500, 2)), columns=["a", "b"])
    frame["product"] = [f"P{i % 150:03}" for i in range(1_500)]
    frame.to_csv(tmp_path / "many.csv", index=False)
    assert datasets.read(tmp_path / "many.csv", "product").n_classes == 150


def test_copies_are_never_on_both_sides_and_random_labels_cannot_be_told():
    from sklearn.neighbors import KNeighborsClassifier

    table = datasets.read(CASES / "copies.csv", "label")
    errors = []
    for block in map(table.block, range(20)):
        seen = set(map(tuple, block.X_train.round(9)))
        assert not seen & set(map(tuple, block.X_test.round(9)))
        assert not seen & set(map(tuple, block.X_validation.round(9)))
        model = KNeighborsClassifier(1).fit(block.X_train, block.y_train)
        errors.append(np.mean(model.predict(block.X_test) != block.y_test))
    assert 0.35 < np.mean(errors) < 0.65


@pytest.mark.parametrize(("file", "target", "least"), [("stata.csv", "y", 0.4), ("zip.csv", "price", 0.4)])
def test_the_signal_is_there_to_be_learned(file, target, least):
    from sklearn.linear_model import Ridge

    errors = []
    for block in map(datasets.read(CASES / file, target).block, range(5)):
        model = Ridge().fit(block.X_train, block.y_train)
        errors.append(np.sqrt(np.mean((model.predict(block.X_test) - block.y_test) ** 2)))
    assert np.mean(errors) < least  # the mean of the training rows alone: 1


def test_types_of_arrow_are_read():
    import datetime
    import decimal

    import pyarrow as pa

    n = 80
    day = [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(n)]
    columns = {
        "day": (day, pa.date32()),
        "noon": (
            [datetime.datetime(2024, 1, 1, 12) + datetime.timedelta(hours=7 * i) for i in range(n)],
            None,
        ),
        "at": ([datetime.time(i % 24, i % 60) for i in range(n)], pa.time64("us")),
        "span": ([datetime.timedelta(seconds=i) for i in range(n)], pa.duration("s")),
        "price": ([decimal.Decimal(i) / 4 for i in range(n)], pa.decimal128(8, 2)),
        "tags": ([[1, 2], [3]] * (n // 2), pa.list_(pa.int64())),
        "both": ([{"a": i} for i in range(n)], None),
        "flag": ([True, None] * (n // 2), pa.bool_()),
        "word": (["u", "v"] * (n // 2), pa.string()),
        "code": (["u", "v"] * (n // 2), pa.dictionary(pa.int32(), pa.string())),
    }
    frame = pd.DataFrame(
        {name: pd.Series(pd.arrays.ArrowExtensionArray(pa.array(v, t))) for name, (v, t) in columns.items()}
    ).assign(y=np.random.default_rng(0).normal(size=n))
    table = datasets.from_frame(frame, "y")
    assert {one.column: one.kind for one in table.readings} == {
        "day": "date",
        "noon": "date",
        "at": "time of day",
        "span": "number",
        "price": "number",
        "tags": "compound",
        "both": "compound",
        "flag": "boolean",
        "word": "category",
        "code": "category",
        "y": "number",
    }
    assert np.isfinite(table.block(0).X_train).all()
