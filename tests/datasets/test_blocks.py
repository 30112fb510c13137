import numpy as np
import pytest

import datasets
from datasets import scikit
from datasets.split import make_block, sizes

SHIPPED = [*scikit.CLASSIFICATION, *scikit.REGRESSION]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_block_is_a_split_of_all_rows_in_60_20_20(name):
    data = datasets.load(name)
    block = data.block(0)
    held = int(np.ceil(len(data.X) / 5))
    assert len(block.X_test) == len(block.X_validation) == held
    assert len(block.X_train) == len(data.X) - 2 * held == data.n_train
    parts = np.concatenate([block.y_train, block.y_validation, block.y_test])
    if data.n_classes:
        np.testing.assert_array_equal(np.sort(parts), np.sort(data.y))
    assert block.X_train.shape[1] == data.X.shape[1]


@pytest.mark.parametrize("name", [n for n in SHIPPED if datasets.load(n).n_classes])
def test_classes_keep_their_shares_in_every_part(name):
    data = datasets.load(name)
    block = data.block(1)
    share = np.bincount(data.y) / len(data.y)
    for y in (block.y_train, block.y_validation, block.y_test):
        assert np.abs(np.bincount(y, minlength=data.n_classes) - share * len(y)).max() < 1.5


@pytest.mark.parametrize("name", SHIPPED)
def test_scaling_looks_at_training_rows_only(name):
    data = datasets.load(name)
    block = data.block(0)
    spread = block.X_train.std(axis=0)
    assert np.abs(block.X_train.mean(axis=0)).max() < 1e-9
    assert all(abs(s - 1) < 1e-9 or s < 1e-9 for s in spread)
    assert np.abs(block.X_test.mean(axis=0)).max() > 1e-3  # other rows, so not exactly 0
    if not data.n_classes:
        assert block.y_train.std() == pytest.approx(1)
        assert abs(block.y_test.mean()) > 1e-6


def test_a_held_out_row_never_touches_the_training_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    before, untouched = make_block(X, y, 0, 7), 0
    for row in range(50):
        changed = X.copy()
        changed[row] += 1e6
        after = make_block(changed, y, 0, 7)
        untouched += after.X_train.tobytes() == before.X_train.tobytes()
    assert untouched == 20  # exactly the rows held out


def test_a_constant_column_is_divided_by_one():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=40), np.full(40, 5.0)])
    block = make_block(X, rng.normal(size=40), 0, 0)
    assert not block.X_train[:, 1].any()
    assert np.isfinite(block.X_test).all()


def test_blocks_differ_and_come_again():
    data = datasets.load("wine")
    first, again, other = data.block(0), data.block(0), data.block(1)
    assert first.X_train.tobytes() == again.X_train.tobytes()
    assert first.seed == again.seed != other.seed
    assert first.X_train.tobytes() != other.X_train.tobytes()
    assert data.block(0, seed=1).seed != first.seed


@pytest.mark.parametrize(("n", "expected"), [(10, (6, 2, 2)), (11, (5, 3, 3)), (1797, (1077, 360, 360))])
def test_sizes_round_the_held_out_fifths_up(n, expected):
    assert sizes(n) == expected


def test_a_class_too_rare_to_split_is_refused():
    y = np.array([0] * 30 + [1] * 3)
    with pytest.raises(ValueError, match=r"Class 1 has 3 rows.*Merge"):
        make_block(np.zeros((33, 2)), y, 2, 0)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean digits"):
        datasets.load("digit")
    with pytest.raises(ValueError, match="There are: digits, "):
        datasets.load("xyz")


def test_the_digest_follows_the_data():
    assert datasets.load("wine").digest != datasets.load("digits").digest
    assert len(datasets.load("wine").digest) == 64


@pytest.mark.parametrize(
    ("name", "shape", "n_classes"),
    [
        ("iris", (150, 4), 3),
        ("moons", (1_000, 2), 2),
        ("circles", (1_000, 2), 2),
        ("easy", (12_000, 20), 4),
        ("hard", (12_000, 20), 4),
        ("words", (2_000, 200), 3),
        ("friedman1", (2_000, 10), 0),
    ],
)
def test_generated_tables_have_their_shape_and_come_again(name, shape, n_classes):
    data = datasets.load(name)
    assert (data.X.shape, data.n_classes) == (shape, n_classes)
    datasets._load.cache_clear()
    assert datasets.load(name).digest == data.digest


def test_words_are_sparse_and_some_are_rare():
    X = datasets.load("words").X
    assert np.mean(X == 0) > 0.8
    shares = np.mean(X > 0, axis=0)
    assert shares.max() > 0.7
    assert np.mean(shares < 0.05) > 0.3


@pytest.mark.parametrize("name", scikit.CACHED)
def test_a_table_that_is_not_in_the_cache_says_how_to_fetch_it(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    datasets._load.cache_clear()
    with pytest.raises(ValueError, match=rf"not in scikit-learn's cache .*\nFetch it with: .*fetch_{name}"):
        datasets.load(name)


def test_a_table_in_the_cache_is_loaded(monkeypatch):
    def fetch(*, return_X_y, download_if_missing):  # as scikit-learn's, with the file in place
        assert return_X_y
        assert not download_if_missing
        return np.arange(40.0).reshape(20, 2), np.arange(20) % 7 + 1

    monkeypatch.setitem(scikit.CACHED, "covtype", (True, fetch))
    datasets._load.cache_clear()
    data = datasets.load("covtype")
    assert (data.n_classes, data.y.min(), data.y.max()) == (7, 0, 6)
    datasets._load.cache_clear()
