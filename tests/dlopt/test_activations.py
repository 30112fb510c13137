"""MLP's activations, initial weights and weight decay."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf, expit
from sklearn.linear_model import Ridge

import dlopt
from dlopt import MLP, SGD, HeavyBall, Split, train
from dlopt.activations import ACTIVATIONS
from dlopt.losses import CrossEntropy, SquaredError

TRUTH = {
    "relu": lambda z: z if z > 0 else 0.0,
    "tanh": math.tanh,
    "sigmoid": lambda z: float(expit(z)),
    "gelu": lambda z: z / 2 * (1 + float(erf(z / math.sqrt(2)))),  # exact: ours is near
}
NEAR = {"relu": 0, "tanh": 1e-15, "sigmoid": 1e-15, "gelu": 5e-4}
Z = np.concatenate([np.linspace(-12, 12, 481), [-300.0, 300.0]])
NAMES = pytest.mark.parametrize("name", ACTIVATIONS)


def activation(name, z, dtype=np.float64):
    """Three trials of one layer with the sums z: values, and slopes at them."""
    values = np.ones((3, 2, len(z)), dtype)
    values[:, 0] = z
    made = ACTIVATIONS[name](values)
    made.forward()
    assert made.values is values
    assert (values[:, 1] == 1).all()  # the bias of the next layer
    slope = made.slope()
    assert slope.shape == values.shape
    return values[1, 0], slope[1, 0]


@NAMES
def test_values_are_those_of_the_mathematics(name):
    values, _ = activation(name, Z)
    assert np.abs(values - [TRUTH[name](z) for z in Z]).max() <= NEAR[name]


def test_gelu_has_the_values_of_pytorchs_tanh_form():
    # torch 2: functional.gelu(z, approximate="tanh")
    values, _ = activation("gelu", np.array([1.0, -1.0, 2.0, -2.0, 0.0]))
    assert values == pytest.approx([0.84119199, -0.15880801, 1.95459769, -0.04540231, 0.0], abs=6e-9)


@NAMES
def test_slopes_agree_with_differences_of_the_values(name):
    z = Z[np.abs(Z) > 1e-3]  # ReLU has a kink
    h = 1e-6
    differences = (activation(name, z + h)[0] - activation(name, z - h)[0]) / (2 * h)
    np.testing.assert_allclose(activation(name, z)[1].astype(float), differences, atol=1e-8)


@NAMES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_however_large_give_finite_values_and_slopes(name, dtype):
    with np.errstate(over="ignore"):
        values, slopes = activation(name, np.array([-1e30, -1e10, -100, 100, 1e10, 1e30]), dtype)
    assert values.dtype == dtype
    assert np.isfinite(values).all()
    assert slopes.astype(float)[[0, -1]] == pytest.approx([0, 1 if name in ("relu", "gelu") else 0])


def network(name, widths, n_classes, n=7, weight_decay=0.0):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 4)), rng.integers(0, n_classes, n) if n_classes else rng.normal(size=n)
    block = Split(X, y, X, y, X, y, n_classes)
    made = MLP(*widths, activation=name, weight_decay=weight_decay).stack([block], 2, np.dtype(np.float64))
    made.params += 0.3 * rng.normal(size=made.params.shape)  # the rows differ, no bias stays 0
    return made, made.feed(X[None], y[None]), X, y


DEPTHS = pytest.mark.parametrize("widths", [(), (5,), (6, 4)])
TASKS = pytest.mark.parametrize("n_classes", [0, 3])


@NAMES
@DEPTHS
@TASKS
def test_outputs_are_those_of_a_network_written_plainly(name, widths, n_classes):
    made, feed, X, _ = network(name, widths, n_classes)
    for i, layer in enumerate(made.layers):
        weights = made.params[0, layer.slice].reshape(layer.shape)
        X = X @ weights[:, :-1].T + weights[:, -1]
        if i < len(widths):
            X = np.vectorize(TRUTH[name])(X)
    np.testing.assert_allclose(made.outputs(feed.chunks()), X, atol=10 * NEAR[name] + 1e-14)


@NAMES
@DEPTHS
@TASKS
@pytest.mark.parametrize("batch_size", [7, 3])
def test_gradients_agree_with_differences_of_the_loss(name, widths, n_classes, batch_size):
    made, feed, X, y = network(name, widths, n_classes)
    h = 1e-6
    for start, batch in zip(
        range(0, 7, batch_size), feed.batches(np.arange(7)[None], batch_size), strict=True
    ):
        chunks = made.feed(X[None, start : start + batch_size], y[None, start : start + batch_size]).chunks()
        made.gradient(batch)
        gradient = made.grad.copy()
        for i in range(made.params.shape[1]):
            ends = []
            for sign in (1, -1):
                made.params[:, i] += sign * h
                ends.append(made.evaluate(chunks)[0])
                made.params[:, i] -= sign * h
            np.testing.assert_allclose(gradient[:, i], (ends[0] - ends[1]) / (2 * h), atol=2e-8)


def split(n_classes=3, n_train=70, seed=3, n=130):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    y = rng.integers(0, n_classes, n) if n_classes else X[:, 0] + 0.1 * rng.normal(size=n)
    cut = n_train + (n - n_train) // 2
    return Split(X[:n_train], y[:n_train], X[n_train:cut], y[n_train:cut], X[cut:], y[cut:], n_classes, seed)


def bytes_of(training, row):
    curves = training.curves
    parts = [part[:, row] for part in (curves.validation_loss, curves.validation_error, curves.training_loss)]
    return [np.asarray(p).tobytes() for p in (*parts, training.best_params[row], training.test_losses[row])]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(list(ACTIVATIONS)),
    rates=st.lists(st.sampled_from([1e-3, 0.1, 3.0, 1e5, 1e30]), min_size=1, max_size=9),
    blocks=st.integers(1, 3),
    n_classes=st.sampled_from([0, 2, 3]),
    widths=st.sampled_from([(7,), (32,), (16, 5)]),
    n_train=st.sampled_from([64, 65, 67, 81]),  # ragged batches of 1, 3, 1, and none
    weight_decay=st.sampled_from([0.0, 0.1]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_row_has_the_same_bytes_alone_and_in_any_stack(
    name, rates, blocks, n_classes, widths, n_train, weight_decay, dtype
):
    model = MLP(*widths, activation=name, weight_decay=weight_decay)
    splits = [split(n_classes, n_train, seed) for seed in range(blocks)]
    made = [(dlopt.Adam if i % 2 else HeavyBall)(lr=lr) for i, lr in enumerate(rates)]
    how = {"batch_size": 16, "epochs": 2, "dtype": dtype}
    together = train(model, splits, made, **how)
    for one, beside in zip(splits, together, strict=True):
        for i, optimizer in enumerate(made):
            assert bytes_of(train(model, one, optimizer, **how), 0) == bytes_of(beside, i)


@NAMES
def test_every_activation_learns_what_a_linear_model_cannot(name):
    rng = np.random.default_rng(1)
    X = rng.uniform(-2, 2, (600, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    block = Split(X[:400], y[:400], X[400:500], y[400:500], X[500:], y[500:], 2)
    run = train(MLP(16, activation=name), block, dlopt.Adam(lr=0.03), batch_size=40, epochs=60)
    linear = train(MLP(), block, dlopt.Adam(lr=0.03), batch_size=40, epochs=60)
    assert run.test_errors[0] < 0.1 < 0.3 < linear.test_errors[0]
    assert np.mean(run.predict(block.X_test) != block.y_test) == pytest.approx(run.test_errors[0])
    again = pickle.loads(pickle.dumps(run))  # workers hand it back
    assert again.predict(X).tobytes() == run.predict(X).tobytes()


@pytest.mark.parametrize(("init", "variance"), [("he", 2 / 200), ("glorot", 2 / 500), ("small", 1e-4)])
def test_initial_weights_have_the_variance_of_their_name(init, variance):
    model = MLP(300, init=init)
    layers = model.layers(200, 10)
    start = model.start(layers, np.random.default_rng(0))
    first = start[layers[0].slice].reshape(layers[0].shape)
    assert np.var(first[:, :-1]) == pytest.approx(variance, rel=0.02)
    assert np.abs(np.mean(first[:, :-1])) < 4 * math.sqrt(variance / first[:, :-1].size)
    assert not first[:, -1].any()


def test_zero_weights_are_zero_and_hidden_units_then_stay_alike():
    run = train(MLP(8, activation="tanh", init="zero"), split(), SGD(lr=0.5), batch_size=16, epochs=5)
    assert run.curves.validation_loss[0, 0] == pytest.approx(math.log(3))
    hidden = run.best_params[0, : 8 * 7].reshape(8, 7)
    assert (hidden == hidden[0]).all()


def test_weight_decay_finds_the_ridge_regression_of_scikit_learn():
    rng, n = np.random.default_rng(2), 80
    X = rng.normal(size=(n, 5))
    y = X @ rng.normal(size=5) + 3 + rng.normal(size=n)
    block, penalties = Split(X, y, X, y, X, y), (0.0, 0.1, 2.0)
    for penalty in penalties:
        ridge = Ridge(alpha=penalty * n).fit(X, y)
        made = MLP(weight_decay=penalty).stack([block], 1, np.dtype(np.float64))
        (batch,) = made.feed(X[None], y[None]).batches(np.arange(n)[None], n)
        made.params[:] = [*ridge.coef_, ridge.intercept_]
        made.gradient(batch)
        np.testing.assert_allclose(made.grad, 0, atol=1e-12)  # the minimum: the bias is not penalised
        made.params += 1
        made.gradient(batch)
        H = np.column_stack([X, np.ones(n)])
        curvature = H.T @ H / n + np.diag([penalty] * 5 + [0])
        np.testing.assert_allclose(made.grad[0], curvature.sum(axis=1), rtol=1e-10)


def test_recorded_losses_are_of_the_data_alone():
    plain, decayed = (
        train(MLP(8, weight_decay=decay), split(), SGD(lr=[1e-12]), batch_size=70, epochs=2)
        for decay in (0.0, 100.0)
    )
    for name in ("validation_loss", "training_loss"):
        ours, theirs = getattr(plain.curves, name), getattr(decayed.curves, name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert decayed.test_losses == pytest.approx(plain.test_losses)


def test_weight_decay_pulls_all_weights_of_all_layers_and_no_bias():
    plain, feed, _, _ = network("tanh", (6, 4), 3)
    decayed, _, _, _ = network("tanh", (6, 4), 3, weight_decay=0.25)
    (batch,) = feed.batches(np.arange(7)[None], 7)
    np.testing.assert_array_equal(plain.gradient(batch), decayed.gradient(batch))
    for layer in plain.layers:
        added, weights = (
            flat[:, layer.slice].reshape(2, *layer.shape)
            for flat in (decayed.grad - plain.grad, plain.params)
        )
        np.testing.assert_allclose(added[:, :, :-1], weights[:, :, :-1] / 4, rtol=1e-12)
        assert not added[:, :, -1].any()


def test_a_model_shows_and_compares_what_is_not_the_default():
    assert repr(MLP(64, 32)) == "MLP(64, 32)"
    assert repr(MLP()) == "MLP()"
    assert (
        repr(MLP(8, activation="tanh", weight_decay=1e-4)) == "MLP(8, activation='tanh', weight_decay=0.0001)"
    )
    assert repr(MLP(init="zero")) == "MLP(init='zero')"
    for model in (MLP(4), MLP(4, activation="gelu", init="glorot", weight_decay=1)):
        assert eval(repr(model)) == model
    assert MLP(4) == MLP(4, activation="relu", init="he", weight_decay=0)
    assert MLP(4) != MLP(4, activation="tanh")


def test_the_loss_follows_the_task():
    assert isinstance(network("relu", (), 0)[0].loss, SquaredError)
    assert isinstance(network("relu", (), 3)[0].loss, CrossEntropy)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation": "swish"}, r"no activation 'swish'.\nChoose one of relu, tanh, sigmoid, gelu"),
        ({"activation": None}, "no activation None"),
        ({"activation": ["relu"]}, "no activation"),
        ({"init": "He"}, r"no init 'He'.\nChoose one of he, glorot, small, zero"),
        ({"weight_decay": -0.1}, r"weight_decay must be a finite number >= 0, not -0.1.\nGive 0 for none"),
        ({"weight_decay": np.nan}, "not nan"),
        ({"weight_decay": np.inf}, "not inf"),
        ({"weight_decay": True}, "not True"),
        ({"weight_decay": "1e-4"}, "not '1e-4'"),
    ],
)
def test_an_option_that_is_none_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        MLP(8, **change)


def test_features_that_were_not_trained_on_are_refused():
    run = train(MLP(8), split(), SGD(), batch_size=16, epochs=1)
    for X in (np.ones((4, 5)), np.ones((4, 7)), np.ones(6)):
        with pytest.raises(ValueError, match=r"MLP\(8\) was trained on other features"):
            run.predict(X)
