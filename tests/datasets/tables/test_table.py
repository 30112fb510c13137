import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datasets
import dlopt
from datasets.tables import making as table
from datasets.tables import table as whole
from tests.support.numbered import classes, numbered

PARTS = ("train", "validation", "test")


def mixed(n=300, seed=0):
    """Every kind of column, with holes, and a target that they tell something about."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "number": rng.normal(3, 2, n),
            "holed": np.where(rng.random(n) < 0.2, np.nan, rng.exponential(size=n)),
            "flag": pd.Series(rng.choice([True, False, None], n), dtype=object),
            "city": rng.choice(["a", "b", "c", "d", "e", "f"], n, p=[0.4, 0.3, 0.2, 0.06, 0.03, 0.01]),
            "day": pd.date_range("2021-01-01", periods=n, freq="31h"),
            "who": rng.integers(0, 40, n),
        }
    )
    return frame.assign(y=np.where(frame.number + rng.normal(size=n) > 3, "high", "low"))


def made(frame, sentence, **how):
    """The table, or None where it is refused with this sentence."""
    try:
        return table.from_frame(frame, "y", **how)
    except ValueError as error:
        if sentence not in str(error):
            raise
        return None


def alike(a, b):
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))


@pytest.mark.parametrize("name", ["wine", "moons", "diabetes"])
def test_a_table_of_numbers_has_the_blocks_of_the_dataset(name):
    data = datasets.load(name)
    mine = table.from_arrays(data.X, data.y, name=name)
    assert (mine.task, mine.n_classes, mine.n_train, mine.n_test) == (
        data.task,
        data.n_classes,
        data.n_train,
        data.n_test,
    )
    assert (mine.n_rows, mine.n_features) == data.X.shape
    for index, seed in ((0, 0), (7, 1)):
        ours, theirs = mine.block(index, seed=seed), data.block(index, seed=seed)
        assert ours.seed == theirs.seed
        for part in PARTS:
            np.testing.assert_allclose(getattr(ours, f"X_{part}"), getattr(theirs, f"X_{part}"), atol=1e-12)
            np.testing.assert_array_equal(getattr(ours, f"y_{part}"), getattr(theirs, f"y_{part}"))


@pytest.mark.parametrize("how", [{}, {"group": "who"}, {"time": "day"}])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_all_blocks_have_one_shape_and_are_finite(how, task):
    frame = mixed() if task == "classification" else mixed().assign(y=lambda f: f.number**2)
    mine = table.from_frame(frame, "y", **how)
    assert mine.task == task
    for block in map(mine.block, range(30)):
        assert block.X_train.shape == (mine.n_train, mine.n_features)
        assert block.X_test.shape == block.X_validation.shape == (mine.n_test, mine.n_features)
        for part in PARTS:
            X, y = getattr(block, f"X_{part}"), getattr(block, f"y_{part}")
            assert X.dtype == np.float64
            assert np.isfinite(X).all()
            assert len(y) == len(X)
        if task == "regression":
            assert block.y_train.mean() == pytest.approx(0, abs=1e-9)
            assert block.y_train.std() == pytest.approx(1)
        else:
            assert set(block.y_train) == {0, 1}


def test_features_are_what_pandas_says_of_the_training_rows():
    frame = mixed()
    mine = table.from_frame(frame.drop(columns=["who", "day"]), "y")
    train, validation, test = mine.rows(mine.block(4).seed)
    own = frame.iloc[train]
    block = mine.block(4)
    for rows, X in ((train, block.X_train), (validation, block.X_validation), (test, block.X_test)):
        part = frame.iloc[rows]
        filled = part.holed.fillna(own.holed.median())
        spread = own.holed.fillna(own.holed.median())
        np.testing.assert_allclose(X[:, 0], (part.number - own.number.mean()) / own.number.std(ddof=0))
        np.testing.assert_allclose(X[:, 1], (filled - spread.mean()) / spread.std(ddof=0))
        usual = own.flag.value_counts().idxmax()
        np.testing.assert_array_equal(X[:, 2], [usual if f is None or pd.isna(f) else f for f in part.flag])
        np.testing.assert_array_equal(X[:, 3:5], part[["holed", "flag"]].isna())
        np.testing.assert_array_equal(X[:, 5:].sum(axis=1), 1)
        common = own.city.value_counts().index[:4]
        for city in common:
            (feature,) = [j for j in range(5, X.shape[1]) if np.array_equal(X[:, j], part.city == city)]
            assert feature
    np.testing.assert_array_equal(block.y_train, own.y == "low")


def test_a_held_out_row_never_touches_the_training_rows():
    frame = mixed(50)
    before = table.from_frame(frame, "y")
    seed = before.block(0).seed
    held = set(np.concatenate(before.rows(seed)[1:]))
    untouched = set()
    for row in range(len(frame)):
        changed = frame.copy()
        changed.loc[row, "number"] = 1e6
        changed.loc[row, "holed"] = 1e6
        changed.loc[row, "city"] = {"a": "b", "b": "a"}.get(frame.city[row], frame.city[row])
        after = table.from_frame(changed, "y")
        if after.block(0).X_train.tobytes() == before.block(0).X_train.tobytes():
            untouched.add(row)
    assert untouched == held


def test_classes_keep_their_shares_in_every_part():
    frame = mixed(400).assign(y=lambda f: pd.cut(f.number, [-99, 0, 3, 5, 99]).astype(str))
    mine = table.from_frame(frame, "y")
    share = np.bincount(mine.y) / mine.n_rows
    for part in PARTS:
        y = getattr(mine.block(2), f"y_{part}")
        assert np.abs(np.bincount(y) - share * len(y)).max() < 1.5
    assert mine.classes == tuple(sorted(set(frame.y)))
    assert [mine.classes[i] for i in mine.y] == list(frame.y)


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.lists(st.integers(1, 60), min_size=3, max_size=60), st.integers(0, 2**31))
def test_groups_stay_together_whatever_their_sizes(sizes, seed):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    if len(groups) < 50:
        return
    frame = numbered(len(groups), who=np.random.default_rng(0).permutation(groups))
    mine = made(frame, "Choose a finer group", group="who")
    if mine is None:
        assert max(sizes) > 0.1 * len(groups)  # finer groups always do
        return
    rows = mine.rows(seed)
    assert [len(part) for part in rows] == [mine.n_train, mine.n_test, mine.n_test]
    assert mine.n_train >= 0.4 * len(frame)
    assert len(set(np.concatenate(rows))) == sum(map(len, rows))
    owners = [set(frame.who[part]) for part in rows]
    assert sum(map(len, owners)) == len(set.union(*owners))


def test_every_class_trains_in_every_split_by_group_and_by_time():
    frame = classes(92, 8).assign(g=lambda f: f.index // 4, t=np.random.default_rng(3).random(100))
    frame.loc[frame.y == "k1", "t"] = 0.1  # windows with a late start have none of them
    for how in ({"group": "g"}, {"time": "t"}):
        mine = table.from_frame(frame, "y", **how)
        draws = [mine.fits(mine.draw(np.random.RandomState(seed))) for seed in range(100)]
        assert set(draws) == {True, False}
        assert all(set(mine.y[mine.rows(seed)[0]]) == {0, 1} for seed in range(100))


def test_a_column_that_only_held_out_rows_know_is_constant_in_training():
    frame = mixed(100).assign(seldom=np.nan)
    seed = table.from_frame(frame, "y").block(0).seed
    test = table.from_frame(frame, "y").rows(seed)[2]
    frame.loc[test, "seldom"] = np.random.default_rng(0).normal(size=len(test))
    mine = table.from_frame(frame, "y")
    numbers = [column.label for column in mine.columns if column.kind == "number"]
    block, j = mine.block(0), numbers.index("seldom")
    assert block.X_train.shape[1] == mine.n_features
    assert not block.X_train[:, j].any()
    assert not block.X_test[:, j].any()  # no weight was trained for it


def test_equal_groups_lose_no_row():
    mine = table.from_frame(numbered(100, who=np.arange(100) % 10), "y", group="who")
    assert (mine.n_train, mine.n_test) == (60, 20)
    assert mine.n_features == 1


def test_a_group_too_large_to_hold_out_always_trains():
    frame = numbered(200, who=[0] * 80 + [1 + i % 30 for i in range(120)])
    mine = table.from_frame(frame, "y", group="who")
    assert "The 1 largest groups always train." in mine.notes
    for seed in range(20):
        assert not any(frame.who[np.concatenate(mine.rows(seed)[1:])] == 0)


def test_no_row_trains_that_is_later_than_one_held_out():
    frame = numbered(500, day=np.random.default_rng(5).permutation(500) // 3)
    mine = table.from_frame(frame, "y", time="day")
    days = np.sort(frame.day)
    starts = set()
    for seed in range(40):
        train, validation, test = (days[rows] for rows in mine.rows(seed))
        assert train.max() < validation.min()
        assert validation.max() < test.min()
        assert test.max() - train.min() < 400 / 3
        starts.add(train.min())
    assert len(starts) > 10
    assert 237 <= mine.n_train <= 240
    assert 76 <= mine.n_test <= 80


@pytest.mark.parametrize(
    "write", [str, lambda t: t.strftime("%d/%m/%Y"), lambda t: t, lambda t: t.toordinal() / 7]
)
def test_time_is_read_from_dates_and_numbers(write):
    days = pd.date_range("2019-12-25", periods=90)
    frame = numbered(90).assign(y=np.arange(90.0), when=list(days)).sample(frac=1, random_state=0)
    mine = table.from_frame(frame.assign(when=[write(day) for day in frame.when]), "y", time="when")
    np.testing.assert_array_equal(mine.y, np.arange(90))
    assert not any("year" in column.label for column in mine.columns)


def test_a_block_of_a_large_table_is_its_own_sample():
    n = 60_000
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=n), "y": rng.choice(3, n, p=[0.9, 0.09, 0.01])})
    mine = table.from_frame(frame, "y")
    assert "Each block takes its own random sample of 50,000 of 60,000 rows." in mine.notes
    first, second = (np.concatenate(mine.rows(seed)) for seed in (0, 1))
    assert len(set(first)) == len(set(second)) == 50_000
    assert 0.8 * 50_000 < len(set(first) & set(second)) < 0.87 * 50_000  # 5/6, as chance has it
    assert np.abs(np.bincount(mine.y[first]) / 50_000 - np.bincount(mine.y) / n).max() < 1e-4
    for how in ({"time": "when"}, {"group": "when"}):
        split = table.from_frame(frame.assign(when=rng.integers(0, 1_000, n)), "y", **how)
        total = 48_000 if "time" in how else 50_000
        assert 0.99 * total / 5 <= split.n_test <= total // 5
        assert list(map(len, split.rows(0))) == [split.n_train, split.n_test, split.n_test]


def test_a_block_of_many_features_takes_fewer_rows(monkeypatch):
    monkeypatch.setattr(whole, "MOST_CELLS", 1_000)
    mine = table.from_arrays(np.random.default_rng(0).normal(size=(200, 10)), np.arange(200.0))
    assert mine.n_block == 100
    assert "Each block takes its own random sample of 100 of 200 rows." in mine.notes
    assert sum(map(len, mine.rows(3))) == 100


def test_blocks_differ_and_come_again_in_another_process():
    mine = table.from_frame(mixed(), "y")
    assert alike(mine.block(0), pickle.loads(pickle.dumps(mine)).block(0))
    assert not alike(mine.block(0), mine.block(1))
    assert not alike(mine.block(0), mine.block(0, seed=1))
    assert not alike(mine.block(0), table.from_frame(mixed(), "y", name="other").block(0))


def test_the_digest_follows_the_content_alone():
    frame = mixed()

    def digest(frame=frame, **how):
        return table.from_frame(frame, "y", **how).digest

    assert (
        digest() == digest(name="other") == digest(frame.set_index(frame.index + 7)) == digest(frame.copy())
    )
    other = frame.copy()
    other.loc[3, "number"] += 1e-9
    swapped = frame.assign(y=frame.y.replace({"high": "low", "low": "high"}))
    reordered = frame.iloc[::-1]
    renamed = frame.rename(columns={"number": "other"})
    found = [digest(one) for one in (frame, other, swapped, reordered, renamed, frame.drop(columns="who"))]
    found += [digest(group="who"), digest(time="day")]
    ratings = frame.assign(y=np.arange(len(frame)) % 3)
    found += [digest(ratings), digest(ratings, task="regression")]
    assert len(set(found)) == len(found)


def test_too_many_features_after_encoding_are_refused(monkeypatch):
    monkeypatch.setattr(table, "MOST_FEATURES", 5)
    with pytest.raises(ValueError, match=r"features after encoding, and at most 5 .*\nLeave columns out"):
        table.from_frame(mixed(), "y")


def test_arrays_that_do_not_belong_together_are_refused():
    for x_shape, y_shape in ((60, 60), ((60, 2), 59), ((60, 2), (60, 1)), ((60, 2, 2), 60)):
        with pytest.raises(ValueError, match=r"do not belong together\.\nGive X as"):
            table.from_arrays(np.zeros(x_shape), np.zeros(y_shape))
    with pytest.raises(ValueError, match="column 'target' beside y"):
        table.from_arrays(pd.DataFrame({"target": np.arange(60.0)}), np.arange(60) % 2)
    frame = mixed()
    found = table.from_arrays(frame.drop(columns="y"), frame.y, name="a b/c", task="classification")
    assert (found.name, found.digest) == ("a-b-c", table.from_frame(frame, "y").digest)


@pytest.mark.parametrize(
    ("given", "name"), [("数据", "table"), ("x" * 99, "x" * 60), ("my data (1)", "my-data-1")]
)
def test_names_are_cleaned(given, name):
    assert table.from_frame(mixed(), "y", name=given).name == name


def test_a_frame_is_not_changed():
    frame = mixed()
    before = frame.copy(deep=True)
    table.from_frame(frame, "y", time="day").block(0)
    pd.testing.assert_frame_equal(frame, before)


def test_blocks_of_a_table_train_together_and_learn():
    mine = table.from_frame(mixed(500), "y")
    blocks = [mine.block(0), mine.block(1)]
    runs = dlopt.train(dlopt.MLP(8), blocks, dlopt.Adam(lr=0.01), batch_size=64, epochs=30)
    for block, run in zip(blocks, runs, strict=True):
        wrong = np.mean(run.predict(block.X_test, row=0) != block.y_test)
        assert wrong < 0.8 * min(np.mean(block.y_test), np.mean(1 - block.y_test))


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.dates().map(str),
    st.datetimes(),
    st.sampled_from(
        ["1,5", "1,234", "?", "03/04/2020", "true", "inf", "1e400", "0x1", "\x00", "nan", "a" * 99]
    ),
)


@settings(max_examples=50, deadline=None, database=None, derandomize=True)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=12), min_size=1, max_size=4), st.integers(0, 99))
def test_any_columns_give_finite_blocks_or_a_sentence(pools, seed):
    rng, n = np.random.default_rng(seed), 60
    frame = pd.DataFrame(
        {f"c{i}": pd.Series([pool[j] for j in rng.integers(0, len(pool), n)]) for i, pool in enumerate(pools)}
    )
    mine = made(frame.assign(y=np.arange(n) % 2), "has no column to learn from")
    if mine is None:
        return
    for block in (mine.block(0), mine.block(1)):
        for part in PARTS:
            X = getattr(block, f"X_{part}")
            assert X.shape[1] == mine.n_features
            assert np.isfinite(X).all()
