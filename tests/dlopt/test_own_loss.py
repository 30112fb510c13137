"""The door for a loss and a gradient of one's own, and what a long training says."""

import doctest
import io
import math
import re

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import dlopt
import dlopt.problems
import dlopt.training
from dlopt import MLP, SGD, Adam, Constant, Exponential, Problem, Split, check_gradient, train

ROWS, FEATURES = 97, 5


def split(seed=3, classes=False, n_train=ROWS):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_train + 60, FEATURES))
    y = X @ rng.normal(size=FEATURES) + 0.5 * rng.normal(size=len(X)) + 0.3
    y = (y > 0).astype(int) if classes else y
    cut = n_train, n_train + 30
    parts = [part for pair in zip(np.split(X, cut), np.split(y, cut), strict=True) for part in pair]
    return Split(*parts, seed=seed)


def sums(params, X):
    return np.matmul(params[:, None, :-1], X.T)[:, 0] + params[:, -1:]


def linear(**change):
    """Least squares, written over (K, P) as anybody would, from `MLP()`'s start."""

    def start(rng):
        return [*rng.normal(0, math.sqrt(2 / FEATURES), FEATURES), 0]

    def loss(params, X, y):
        return np.mean((sums(params, X) - y) ** 2, axis=1) / 2

    def gradient(params, X, y):
        away = (sums(params, X) - y) / params.dtype.type(len(X))
        slopes = np.matmul(away[:, None], X)[:, 0]
        return np.concatenate([slopes, away.sum(axis=1, keepdims=True)], axis=1)

    def error(params, X, y):
        return np.sqrt(2 * loss(params, X, y))

    functions = {"loss": loss, "gradient": gradient, "start": start, "error": error, "predict": sums}
    return Problem(**(functions | change))


def logistic(penalty):
    """With a penalty on the weights, not on the last parameter."""
    weights = np.array([penalty] * FEATURES + [0])

    def loss(params, X, y):
        z = sums(params, X)
        return np.mean(np.logaddexp(0, z) - y * z, axis=1) + np.sum(weights * params**2, axis=1) / 2

    def gradient(params, X, y):
        away = (1 / (1 + np.exp(-sums(params, X))) - y) / len(X)
        slopes = np.matmul(away[:, None], X)[:, 0]
        return np.concatenate([slopes, away.sum(axis=1, keepdims=True)], axis=1) + weights * params

    return Problem(loss, gradient, np.zeros(FEATURES + 1), predict=lambda params, X: sums(params, X) > 0)


def bytes_of(training, row):
    curves = training.curves
    parts = [part[:, row] for part in (curves.validation_loss, curves.validation_error, curves.training_loss)]
    return [
        np.asarray(part).tobytes()
        for part in (
            *parts,
            training.best_params[row],
            training.test_losses[row],
            training.test_errors[row],
            training.best_step[row],
            training.diverged_step[row],
        )
    ]


def test_the_example_in_the_docstring_runs():
    done = doctest.testmod(dlopt.problems)
    assert done.attempted >= 12
    assert not done.failed


@pytest.mark.parametrize("penalty", [0.01, 0.3])
def test_logistic_regression_ends_where_scikit_learn_ends(penalty):
    data = split(classes=True)
    X, y = data.X_train, data.y_train
    run = train(
        logistic(penalty),
        Split(X, y, X, y, data.X_test, data.y_test),
        dlopt.HeavyBall(lr=0.5, beta=0.9),
        batch_size=ROWS,
        epochs=600,
        dtype=np.float64,
    )
    theirs = LogisticRegression(C=1 / (penalty * ROWS), tol=1e-12, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(run.best_params[0], [*theirs.coef_[0], *theirs.intercept_], atol=1e-7)
    np.testing.assert_array_equal(run.predict(data.X_test), theirs.predict(data.X_test))
    shares = theirs.predict_proba(data.X_test)[np.arange(30), data.y_test]
    penalised = -np.mean(np.log(shares)) + penalty * np.sum(theirs.coef_**2) / 2
    assert run.test_losses[0] == pytest.approx(penalised, rel=1e-7)
    assert run.test_errors[0] == run.test_losses[0]  # no error was given


@pytest.mark.parametrize("batch_size", [16, 32, ROWS])
def test_a_problem_trains_as_the_model_that_it_writes_out(batch_size):
    blocks = [split(1), split(2), split(5)]
    made = [SGD(lr=[0.1, 1e200]), Adam(lr=0.05, schedule=Exponential(gamma=0.9)), dlopt.HeavyBall(lr=0.6)]
    how = {"batch_size": batch_size, "epochs": 6, "dtype": np.float64}
    for ours, theirs, block in zip(
        train(linear(), blocks, made, **how), train(MLP(), blocks, made, **how), blocks, strict=True
    ):
        assert ours.status == theirs.status == ["ok", "diverged", "ok", "ok"]
        for name in ("diverged_step", "best_step"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        for name in ("steps", "examples"):
            np.testing.assert_array_equal(getattr(ours.curves, name), getattr(theirs.curves, name))
        fine = [0, 2, 3]
        for name in ("validation_loss", "validation_error", "training_loss"):
            a, b = getattr(ours.curves, name)[:, fine], getattr(theirs.curves, name)[:, fine]
            np.testing.assert_allclose(a, b, rtol=1e-10)
        for name in ("best_validation_losses", "best_validation_errors", "test_losses", "test_errors"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-10)
        np.testing.assert_allclose(ours.best_params, theirs.best_params, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ours.predict(block.X_test, 2), theirs.predict(block.X_test, 2), rtol=1e-9)
        by_hand = block.X_test @ theirs.best_params[2, :-1] + theirs.best_params[2, -1]
        np.testing.assert_allclose(theirs.predict(block.X_test, 2), by_hand, rtol=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([SGD, Adam]),
            st.sampled_from([1e-3, 0.1, 1e30]),
            st.sampled_from([Constant(), Exponential(gamma=0.8)]),
        ),
        min_size=1,
        max_size=9,
    ),
    blocks=st.integers(1, 4),
    batch_size=st.sampled_from([6, 16, ROWS]),  # with a last batch of one row, and without
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_row_has_the_same_bytes_alone_and_in_any_stack(rows, blocks, batch_size, dtype):
    splits = [split(seed) for seed in range(blocks)]
    made = [kind(lr=lr, schedule=schedule) for kind, lr, schedule in rows]
    how = {"batch_size": batch_size, "epochs": 2, "dtype": dtype}
    for one, beside in zip(splits, train(linear(), splits, made, **how), strict=True):
        for i, optimizer in enumerate(made):
            assert bytes_of(train(linear(), one, optimizer, **how), 0) == bytes_of(beside, i)


def test_functions_get_whole_arrays_in_the_dtype_asked_for_and_cannot_change_them():
    seen, plain = [], linear()

    def loss(params, X, y):
        seen.append((params.shape, params.dtype, X.shape, X.dtype, y.dtype))
        for given_array in (params, X, y):
            with pytest.raises(ValueError, match="read-only"):
                given_array[0] = 0
        return plain.loss(params, X, y)

    train(linear(loss=loss), split(), SGD(lr=[0.1, 0.2]), batch_size=60, epochs=1)
    single = np.dtype(np.float32)
    assert {(params, x) for _, params, _, x, _ in seen} == {(single, single)}
    assert {y for *_, y in seen} == {single}
    assert {(shape, X) for shape, _, X, *_ in seen} >= {
        ((2, 6), (60, 5)),
        ((2, 6), (37, 5)),
        ((2, 6), (30, 5)),
    }
    seen.clear()
    block = split(classes=True)
    with pytest.raises(ValueError, match=r"gradient returned float64 for float32 params.\nKeep their dtype"):
        train(linear(loss=loss), block, SGD(), batch_size=60, epochs=1)
    assert {y.kind for *_, y in seen} == {"i"}


def test_targets_may_have_several_columns():
    rng = np.random.default_rng(0)
    X, true = rng.normal(size=(90, 3)), rng.normal(size=(3, 2))
    y = X @ true

    def away(params, X, y):
        return np.matmul(X, params.reshape(-1, 3, 2)) - y

    problem = Problem(
        loss=lambda p, X, y: np.mean(away(p, X, y) ** 2, axis=(1, 2)),
        gradient=lambda p, X, y: (np.matmul(X.T, away(p, X, y)) / len(X)).reshape(p.shape),
        start=[0] * 6,
        predict=lambda p, X: np.matmul(X, p.reshape(-1, 3, 2)),
    )
    check_gradient(problem, X, y)
    run = train(problem, Split(X, y, X, y, X, y), SGD(lr=[0.1, 0.5]), batch_size=30, epochs=60)
    np.testing.assert_allclose(run.predict(X, row=1), y, atol=1e-4)


def test_a_loss_that_breaks_later_is_divergence():
    run = train(linear(), split(), SGD(lr=[0.1, 1e30]), batch_size=32, epochs=3)
    assert run.status == ["ok", "diverged"]
    assert run.best_validation_losses[1] == run.test_losses[1] == run.test_errors[1] == np.inf


LINEAR = linear()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loss": None}, r"Problem.loss must be a function of arrays, not None.\nWrite Problem\("),
        ({"gradient": np.zeros(3)}, "Problem.gradient must be a function"),
        ({"error": 0.5}, "Problem.error must be a function of arrays, not 0.5"),
        ({"start": np.zeros((2, 6))}, r"start must be numbers \(P,\), not float64 of shape \(2, 6\)"),
        ({"start": []}, r"of shape \(0,\)"),
        ({"start": ["a"] * 6}, "start must be numbers"),
        ({"start": [0, np.nan, 0, 0, 0, 0]}, r"start must be finite, and it holds nan.\nGive finite"),
        ({"start": lambda rng: np.full(6, np.inf)}, "it holds inf"),
        ({"loss": lambda p, X, y: np.mean(sums(p, X))}, r"loss returned the shape \(\) for params \(1, 6\)"),
        (
            {"loss": lambda p, X, y: (sums(p, X) - y) ** 2},
            r"loss returned the shape \(1, 97\) .* 97 rows of X.\nIt must return \(K,\), here \(1,\)",
        ),
        (
            {"loss": lambda p, X, y: np.full(len(p), np.nan)},
            "loss must be finite at the start, and it is nan",
        ),
        ({"loss": lambda p, X, y: np.log(0 * p[:, 0])}, r"it is -inf.\nChoose another start"),
        ({"loss": lambda p, X, y: p[:, 0] + 1j}, "loss returned complex64 for float32"),
        (
            {"gradient": lambda p, X, y: p[0]},
            r"gradient returned the shape \(6,\).*\nIt must return \(K, P\)",
        ),
        ({"gradient": lambda p, X, y: p.T}, r"the shape \(6, 1\)"),
        ({"gradient": lambda p, X, y: p * np.nan}, "gradient must be finite at the start"),
        ({"gradient": lambda p, X, y: p.astype(np.float64)}, "gradient returned float64 for float32 params"),
        ({"gradient": lambda p, X, y: np.ones(p.shape, int)}, "gradient returned int64 for float32 params"),
        ({"error": lambda p, X, y: y}, "error returned the shape"),
        ({"error": lambda p, X, y: p[:, 0] / 0}, "error must be finite at the start"),
        ({"loss": lambda p, X, y: np.zeros(1)}, r"loss returned the shape \(1,\) for params \(3, 6\)"),
    ],
)
def test_bad_input_is_a_sentence_with_its_value_and_a_remedy(change, words):
    with pytest.raises(ValueError, match=words) as caught:
        train(linear(**change), split(), SGD(lr=[0.1, 0.2, 0.3]), batch_size=32, epochs=1)
    sentence, remedy = str(caught.value).split("\n")
    assert sentence.endswith(".")
    assert remedy.endswith(".")


def test_a_start_whose_length_changes_is_refused():
    lengths = iter([6, 7])
    changing = linear(start=lambda rng: np.zeros(next(lengths)))
    with pytest.raises(ValueError, match="returned 6 parameters for one block and another number"):
        train(changing, [split(1), split(2)], SGD(), batch_size=32, epochs=1)


def test_prediction_needs_predict_and_one_answer_a_row():
    how = {"batch_size": 32, "epochs": 1}
    with pytest.raises(ValueError, match=r"given no predict, .*\nWrite Problem\(..., predict="):
        train(linear(predict=None), split(), SGD(), **how).predict(np.ones((4, 5)))
    with pytest.raises(ValueError, match=r"predict returned the shape \(4,\) .*\n.* here \(1, 4\)"):
        train(linear(predict=lambda p, X: sums(p, X)[0]), split(), SGD(), **how).predict(np.ones((4, 5)))


DATA = split()


@pytest.mark.parametrize("problem", [linear(), linear(error=None, start=np.arange(6))])
def test_a_right_gradient_passes(problem):
    check_gradient(problem, DATA.X_train, DATA.y_train)


def change_one(params, X, y):
    gradient = LINEAR.gradient(params, X, y).copy()
    gradient[:, 4] *= -1
    return gradient


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"gradient": lambda p, X, y: len(X) * LINEAR.gradient(p, X, y)},
            r"in 18 of 18 components: .*, and 15 more.\nAll of these are 97 times what they should be",
        ),
        ({"gradient": change_one}, r"in 3 of 18 components: .* at parameter 4 of row 0; .*\nAll .* -1 times"),
        (
            {"gradient": lambda p, X, y: LINEAR.gradient(p, X, y) + p.dtype.type(1e-4) * p},
            r"in \d+ of 18 .*\nDerive these components again",
        ),
        (
            {"loss": lambda p, X, y: LINEAR.loss(p, X, y) + np.sum(p**2)},
            r"loss of a row changes with the rows beside it.\nReduce over the last axis",
        ),
        (
            {"gradient": lambda p, X, y: LINEAR.gradient(p, X, y) - p.mean(axis=0)},
            "gradient of a row changes",
        ),
        ({"gradient": lambda p, X, y: LINEAR.gradient(p, X, y).astype(float)}, "float64 for float32"),
        ({"loss": lambda p, X, y: np.log(-np.abs(p[:, 0]))}, "loss must be finite near the start"),
    ],
)
def test_a_wrong_gradient_is_described(change, words):
    with pytest.raises(ValueError, match=re.compile(words, re.DOTALL)):
        check_gradient(linear(**change), DATA.X_train, DATA.y_train)


def test_the_numbers_named_are_those_of_the_gradient_and_of_the_truth():
    with pytest.raises(ValueError, match="instead of") as caught:
        check_gradient(
            Problem(lambda p, X, y: np.sum(p**3, axis=1), lambda p, X, y: 2 * p**2, [1.0, 2.0]), [[0]], [0]
        )
    wrong, right = map(
        float, re.findall(r"([\d.]+) instead of ([\d.]+) at parameter 0", str(caught.value))[0]
    )
    assert wrong / right == pytest.approx(2 / 3, rel=1e-5)
    assert 2 < right < 4.5  # 3 at the start itself
    assert "0.666667 times" in str(caught.value)


def test_progress_is_told_after_each_epoch():
    told = []
    how = {"batch_size": 32, "epochs": 3}
    with_it = train(MLP(4), split(), SGD(), progress=lambda *done: told.append(done), **how)
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert bytes_of(with_it, 0) == bytes_of(train(MLP(4), split(), SGD(), progress=False, **how), 0)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Each look at it is 2 s after the last one."""
    looks = iter(range(100, 10_000, 2))
    monkeypatch.setattr("dlopt.progress.time.monotonic", lambda: float(next(looks)))


@pytest.mark.usefixtures("clock")
def test_a_long_training_writes_one_line_to_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    train(MLP(4), split(), SGD(), batch_size=32, epochs=6)
    lines = [line.strip() for line in terminal.getvalue().split("\r")]
    assert lines == [
        "",
        "train: epoch 3 of 6, about 6 s left",
        "train: epoch 4 of 6, about 4 s left",
        "train: epoch 5 of 6, about 2 s left",
        "train: 6 epochs in 12 s",
    ]
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().endswith("\n")


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("stream", "epochs", "how"),
    [
        (io.StringIO, 6, {}),  # a file, a notebook
        (Terminal, 2, {}),  # soon over
        (Terminal, 6, {"progress": False}),
    ],
)
def test_else_nothing_is_written(monkeypatch, stream, epochs, how):
    monkeypatch.setattr("sys.stderr", written := stream())
    train(MLP(4), split(), SGD(), batch_size=32, epochs=epochs, **how)
    assert not written.getvalue()


def in_worker():
    import sys

    sys.stderr, dlopt.progress.PATIENCE = Terminal(), 0.0
    train(MLP(4), split(), SGD(), batch_size=32, epochs=3)
    return sys.stderr.getvalue()


def test_a_worker_writes_nothing():
    assert joblib.Parallel(2)(joblib.delayed(in_worker)() for _ in range(2)) == ["", ""]
