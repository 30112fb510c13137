"""A table's transformer gives a block's features from the raw frame, as pandas.read_csv reads the file."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

import datasets

N = 240
RNG = np.random.default_rng(0)


def dirty():
    """Every kind of column, as people write them."""
    x, day = RNG.normal(100, 30, N), pd.date_range("2021-01-01", periods=N, freq="29h")
    frame = pd.DataFrame(
        {
            "number": x.round(3),
            "marked": [f"{v:.2f}" if i % 6 else "-" for i, v in enumerate(x)],
            "limited": [f"{v:.2f}" if i % 9 else "<20" for i, v in enumerate(x)],
            "sentinel": np.where(np.arange(N) % 8, x.round(2), -9999),
            "price": [f"€{v:,.2f}" for v in 40 * x],
            "owed": [f"({v:,.2f})" if i % 3 else f"{v:,.2f}" for i, v in enumerate(40 * x)],
            "size": [f"{v:.1f}k" if i % 2 else f"{v / 100:.1f}M" for i, v in enumerate(x)],
            "height": [f"{5 + i % 2}'{i % 12}\"" for i in range(N)],
            "zip": [f"{i % 9 + 497:05}" for i in range(N)],
            "holed_zip": [f"{i % 9 + 497:05}" if i % 7 else None for i in range(N)],
            "type": np.arange(N) % 6,
            "flag": RNG.choice([True, False], N),
            "holed": pd.Series(RNG.choice([True, False, None], N), dtype=object),
            "city": RNG.choice(["a", "b", "c", "NA", "?"], N, p=[0.5, 0.3, 0.1, 0.05, 0.05]),
            "rare": [f"r{i % 90}" if i % 4 else "usual" for i in range(N)],
            "when": day.strftime("%d/%m/%Y %I:%M %p"),
            "month": day.strftime("%b-%y"),
            "stamp": day.strftime("%Y%m%d").astype(int),
            "at": day.strftime("%H:%M"),
            "id": range(N),
            "note": [f"a note that nobody else has written {i}" for i in range(N)],
        }
    )
    return frame.assign(y=RNG.normal(size=N) + x / 30)


READ = {"as pandas does": {}, "as text": {"dtype": str, "keep_default_na": False}}


@pytest.mark.parametrize("how", [{}, {"time": "when"}, {"group": "at"}, {"number": "zip", "category": "at"}])
@pytest.mark.parametrize("way", READ)
def test_the_raw_frame_gives_the_features_of_the_block(tmp_path, way, how):
    dirty().to_csv(tmp_path / "x.csv", index=False)
    table = datasets.read(tmp_path / "x.csv", "y", **how)
    raw = pd.read_csv(tmp_path / "x.csv", **READ[way]).drop(columns="y")
    for index in range(2):
        block = table.block(index)
        train, validation, test = (table.origin[rows] for rows in table.rows(block.seed))
        fitted = table.transformer().fit(raw.iloc[train])
        np.testing.assert_array_equal(fitted.transform(raw.iloc[train]), block.X_train)
        np.testing.assert_array_equal(fitted.transform(raw.iloc[validation]), block.X_validation)
        np.testing.assert_array_equal(fitted.transform(raw.iloc[test]), block.X_test)


def test_rows_that_are_left_out_are_counted_in_origin():
    frame = dirty()
    frame.loc[[3, 50, 51], "y"] = None
    table = datasets.from_frame(frame, "y")
    np.testing.assert_array_equal(table.origin, np.delete(np.arange(N), [3, 50, 51]))
    timed = datasets.from_frame(frame.iloc[::-1], "y", time="stamp")
    np.testing.assert_array_equal(timed.origin, N - 1 - np.delete(np.arange(N), [3, 50, 51]))


def test_it_is_a_transformer_like_any_other():
    frame = dirty()
    table, raw = datasets.from_frame(frame, "y"), frame.drop(columns="y")
    made = table.transformer()
    assert isinstance(made, datasets.Encoder)
    fitted = pickle.loads(pickle.dumps(clone(made).fit(raw)))
    np.testing.assert_array_equal(fitted.transform(raw), made.fit_transform(raw))
    np.testing.assert_array_equal(
        fitted.transform(raw[raw.columns[::-1]].assign(other=1)), fitted.transform(raw)
    )
    pipeline = make_pipeline(made, Ridge()).fit(raw, frame.y)
    assert pipeline.score(raw, frame.y) > 0.2
    with pytest.raises(ValueError, match=r"The frame lacks 'number', 'city'\.\nGive the columns"):
        fitted.transform(raw.drop(columns=["number", "city"]))


def test_new_values_are_read_as_well_as_can_be():
    frame = dirty()
    raw = frame.drop(columns="y")
    fitted = datasets.from_frame(frame, "y").transformer().fit(raw)
    odd = raw.iloc[:3].astype(object)
    odd.loc[0] = [None] * raw.shape[1]
    odd.loc[1] = ["what?"] * raw.shape[1]
    odd.loc[2, "number"] = 1e30
    found = fitted.transform(odd)
    assert np.isfinite(found).all()
    assert np.abs(found).max() == 20


def test_names_with_blanks_are_those_of_the_table():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({" a ": rng.normal(size=80), "b": rng.normal(size=80), "y": rng.normal(size=80)})
    table = datasets.from_frame(frame, "y")
    rows = table.rows(table.block(0).seed)
    made = table.transformer().fit(frame.iloc[table.origin[rows[0]]])
    np.testing.assert_array_equal(made.transform(frame.iloc[table.origin[rows[2]]]), table.block(0).X_test)


def test_points_of_thousands_that_were_read_as_decimals_are_refused():
    rng = np.random.default_rng(1)
    written = [f"{n:,}".replace(",", ".") for n in rng.integers(1_000_000, 9_000_000, 80)]
    table = datasets.from_frame(pd.DataFrame({"a": written, "y": rng.normal(size=80)}), "y")
    fitted = table.transformer().fit(pd.DataFrame({"a": written}))
    with pytest.raises(ValueError, match="part thousands"):
        fitted.transform(pd.DataFrame({"a": [1.234, 12.345]}))
