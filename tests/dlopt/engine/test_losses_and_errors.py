"""Losses, errors and divergence of compiled trainings are those of NumPy's, also at the edges."""

import numpy as np
import pytest

from dlopt import MLP, SGD, Adam, Momentum, Split, train
from tests.support.blocks import assert_close, block


def both(model, given, optimizers, **more):
    how = {"batch_size": 16, "epochs": 2, "progress": False} | more
    found, expected = (train(model, given, optimizers, engine=engine, **how) for engine in ("auto", "numpy"))
    assert (found.engine, expected.engine) == ("compiled", "numpy")
    return found, expected


def assert_same_errors(found, expected):
    """Of rows of data that no rounding can move to another class."""
    np.testing.assert_array_equal(found.curves.validation_error, expected.curves.validation_error)
    np.testing.assert_array_equal(found.test_errors, expected.test_errors)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu"])
@pytest.mark.parametrize("n_classes", [0, 2, 3, 10])
def test_a_short_training_is_numpys_to_rounding(n_classes, activation):
    for widths, n, weight_decay in (((), 64, 0.0), ((7,), 75, 0.1), ((33, 5), 65, 0.0)):
        given = block(n, n_classes, n_validation=300, n_test=257)  # chunks of 256, and what is left
        model = MLP(*widths, activation=activation, weight_decay=weight_decay)
        found, expected = both(model, given, [SGD(lr=[0.01, 0.1]), Adam(), Momentum(lr=0.1)])
        assert_close(found, expected)
        # Adam's first step makes biases that are equal but for rounding, which decides ties
        sure = [0, 1, 3]
        within = {"rtol": 2e-5} if n_classes == 0 else {"atol": 1.01 / 257}  # one row of data
        for one, other in (
            (found.curves.validation_error.T, expected.curves.validation_error.T),
            (found.test_errors, expected.test_errors),
        ):
            np.testing.assert_allclose(one[sure], other[sure], **within)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_of_a_network_that_says_the_same_of_all_classes_the_answer_is_the_first(n_classes):
    rng = np.random.default_rng(1)
    y = np.arange(70) % n_classes
    X = rng.normal(size=(70, 4))
    given = Split(X[:32], y[:32], X[:41], y[:41], X, y, n_classes=n_classes)
    found, expected = both(MLP(init="zero"), given, SGD(lr=1e-30))
    assert_same_errors(found, expected)
    assert found.test_errors[0] == np.mean(y != 0)
    np.testing.assert_allclose(found.test_losses, np.log(n_classes), rtol=1e-6)
    np.testing.assert_allclose(found.curves.training_loss[1:], np.log(n_classes), rtol=1e-6)


def test_ties_of_some_classes_go_to_the_first_of_them():
    """Weights of 0 and biases that one step makes equal for the classes that are equally frequent."""
    y = np.array([0, 1, 1, 2, 2, 3] * 8)
    X = np.zeros((48, 2))
    given = Split(X, y, X, y, X, y, n_classes=4)
    found, expected = both(MLP(), given, SGD(lr=0.5), batch_size=48)
    assert_same_errors(found, expected)
    assert found.best_step[0] > 0
    assert found.best_params[0, 5] == found.best_params[0, 8] > found.best_params[0, 2]  # 1 and 2, and 0
    assert found.test_errors[0] == np.mean(y != 1)


@pytest.mark.parametrize("n_classes", [0, 3])
@pytest.mark.parametrize("far", [1e37, -1e37, 3e38])
def test_validation_data_far_out_count_as_in_numpy(far, n_classes):
    given = block(64, n_classes, n_validation=40, n_test=40)
    X = np.array(given.X_validation)
    X[3] = far
    given = Split(
        given.X_train, given.y_train, X, given.y_validation, X[::-1], given.y_test, n_classes=n_classes
    )
    found, expected = both(MLP(8), given, SGD(lr=0.01))
    np.testing.assert_allclose(
        found.curves.validation_loss, expected.curves.validation_loss, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(found.test_losses, expected.test_losses, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.test_errors, expected.test_errors, atol=1.01 / 40, rtol=1e-4)


@pytest.mark.parametrize("n_classes", [0, 3])
@pytest.mark.parametrize("where", ["first", "last"])
def test_training_data_that_overflow_diverge_at_the_same_step(where, n_classes):
    given = block(70, n_classes)
    X = np.array(given.X_train)
    order = np.random.default_rng([0, 1]).permutation(70)
    X[order[37 if where == "first" else 69]] = 3e38  # in the third batch, or the last row of all
    given = Split(
        X, given.y_train, given.X_validation, given.y_validation, given.X_test, given.y_test, n_classes
    )
    found, expected = both(MLP(8), given, [SGD(lr=0.01), Adam()])
    np.testing.assert_array_equal(found.diverged_step, expected.diverged_step)
    assert (found.diverged_step == (3 if where == "first" else 5)).all()
    np.testing.assert_array_equal(found.test_losses, np.inf)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu"])
@pytest.mark.parametrize("n_classes", [0, 3])
@pytest.mark.parametrize("lr", [1e7, 1e12, 1e30])
def test_rates_that_diverge_do_so_at_the_same_step(lr, n_classes, activation):
    """But where the summed loss of a batch overflows and its mean does not: NumPy divides after summing."""
    found, expected = both(
        MLP(9, activation=activation), block(64, n_classes), [SGD(lr=lr), SGD(lr=0.01)], epochs=3
    )
    np.testing.assert_array_equal(found.diverged_step, expected.diverged_step)
    np.testing.assert_array_equal(
        np.isinf(found.curves.validation_loss), np.isinf(expected.curves.validation_loss)
    )
    assert found.diverged_step[1] == 0
    if n_classes == 0:
        assert found.diverged_step[0] > 0


@pytest.mark.parametrize("n_classes", [0, 3])
def test_parts_without_rows_have_no_numbers_as_in_numpy(n_classes):
    given = block(40, n_classes, n_validation=0, n_test=0)
    with np.errstate(all="ignore"):
        found, expected = both(MLP(5), given, SGD(lr=[0.01, 0.1]))
    for one in (found, expected):
        assert np.isnan(one.curves.validation_loss).all()
        assert np.isnan(one.test_losses).all()
    assert_close(found, expected)


@pytest.mark.parametrize("size", [1, 31, 32, 33, 255, 256, 257])
def test_each_row_of_data_counts_once_in_every_part(size):
    """A network of 0 says 0, so a loss is what the targets alone make."""
    rng = np.random.default_rng(size)
    X, y = rng.normal(size=(size, 3)), rng.normal(size=size)
    run = train(MLP(init="zero"), Split(X, y, X, y, X, y), SGD(lr=1e-30), batch_size=size, epochs=1)
    for loss in (run.curves.validation_loss[0], run.test_losses, run.curves.training_loss[1]):
        np.testing.assert_allclose(loss, np.mean(y.astype(np.float32) ** 2) / 2, rtol=1e-6)
    np.testing.assert_allclose(run.test_errors, np.sqrt(np.mean(y**2)), rtol=1e-6)
