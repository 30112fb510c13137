"""Equal times never stand on both sides of a border, and all blocks have the same sizes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datasets


def table(times, **how):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=len(times)), "t": times, "y": rng.normal(size=len(times))})
    return datasets.from_frame(frame, "y", time="t", **how)


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.lists(st.integers(1, 25), min_size=4, max_size=80), st.integers(0, 2**31))
def test_equal_times_are_in_one_part_whatever_their_numbers(sizes, seed):
    times = np.repeat(np.arange(len(sizes)), sizes)
    if len(times) < 50:
        return
    try:
        mine = table(np.random.default_rng(1).permutation(times))
    except ValueError as error:
        assert "too many rows of one time" in str(error)  # noqa: PT017
        assert max(sizes) > 0.05 * len(times)  # finer times can always be split
        return
    parts = mine.rows(seed)
    assert [len(rows) for rows in parts] == [mine.n_train, mine.n_test, mine.n_test]
    train, validation, test = (np.sort(times)[rows] for rows in parts)
    assert train.max() < validation.min()
    assert validation.max() < test.min()
    assert mine.n_train >= 0.2 * len(times)


@pytest.mark.parametrize(
    "write",
    [
        lambda d: d.strftime("%d/%m/%Y"),
        lambda d: d.strftime("%m/%d/%y"),
        lambda d: d.strftime("%Y%m%d").astype(int),
        lambda d: d.strftime("%B %d, %Y"),
        lambda d: d.as_unit("s").astype(np.int64),
        lambda d: d.strftime("%m/%d/%Y 07:00:00 PM"),
        lambda d: d.tz_localize("Europe/Berlin"),
        lambda d: d.date,
    ],
)
def test_days_with_many_rows_are_in_order_however_they_are_written(write):
    days = pd.date_range("2019-11-20", periods=60).repeat(3)
    mixed = np.random.default_rng(2).permutation(len(days))
    mine = table(pd.Series(write(days[mixed])))
    np.testing.assert_array_equal(mine.moments, np.repeat(np.arange(60), 3))
    assert (days[mixed][mine.origin] == days).all()
    for seed in range(20):
        train, validation, test = (mine.moments[rows] for rows in mine.rows(seed))
        assert train.max() < validation.min()
        assert validation.max() < test.min()


def test_no_gap_is_left_where_all_times_differ():
    mine = table(np.arange(200))
    assert (mine.n_train, mine.n_test) == (96, 32)
    rows = np.concatenate(mine.rows(0))
    assert rows.max() - rows.min() == 159


def test_too_few_times_are_refused_with_a_remedy():
    with pytest.raises(
        ValueError, match=r"too many rows of one time .*\(2 times in 100 rows\)\.\nName a finer"
    ):
        table(np.arange(100) // 50)
