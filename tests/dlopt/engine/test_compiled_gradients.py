"""The compiled gradient is that of a float64 network written here, whatever the shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlopt import MLP, SGD, Split, train

ACTIVATIONS = ["relu", "tanh", "sigmoid", "gelu"]
WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 70]


def activated(name, z):
    """Activation and slope, by their definitions."""
    if name == "relu":
        return np.where(z > 0, z, 0), np.where(z > 0, 1.0, 0.0)
    if name == "tanh":
        return np.tanh(z), 1 / np.cosh(z) ** 2
    if name == "sigmoid":
        return 1 / (1 + np.exp(-z)), np.exp(-z) / (1 + np.exp(-z)) ** 2
    c = np.sqrt(2 / np.pi)
    inner = c * (z + 0.044715 * z**3)
    cdf = (1 + np.tanh(inner)) / 2
    return z * cdf, cdf + z / 2 / np.cosh(inner) ** 2 * c * (1 + 3 * 0.044715 * z**2)


def truth(model, params, X, y, n_classes, weight_decay):
    """The gradient (P,) of one batch in float64, its loss, and by how much float32 may miss it.

    That is in relation to the largest sum of all terms without their signs. The last one is the size of the
    smallest hidden sum.
    """
    layers = model.layers(X.shape[1], n_classes or 1)
    weights = [params[one.slice].reshape(one.shape) for one in layers]
    kept, slopes, a, nearest = [], [], X, np.inf
    for i, w in enumerate(weights):
        kept.append(np.hstack([a, np.ones((len(a), 1))]))
        z = kept[-1] @ w.T
        if i < len(weights) - 1:
            nearest = min(nearest, np.abs(z).min())
            a, slope = activated(model.activation, z)
            slopes.append(slope)
    if n_classes:
        shares = np.exp(z - z.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        loss = -np.mean(np.log(shares[np.arange(len(y)), y]))
        parts = shares, np.eye(n_classes)[y]
    else:
        loss = np.mean((z[:, 0] - y) ** 2) / 2
        parts = z, y[:, None]
    terms = abs(kept[-1]) @ abs(weights[-1]).T  # an output is a sum too, and may be small for its terms
    size = (abs(parts[0]) * (1 + terms) + abs(parts[1]) if n_classes else terms + abs(parts[1])) / len(y)
    delta = (parts[0] - parts[1]) / len(y)
    found, largest = np.zeros_like(params), 0.0
    for i in range(len(weights) - 1, -1, -1):
        gradient = delta.T @ kept[i]
        gradient[:, :-1] += weight_decay * weights[i][:, :-1]
        found[layers[i].slice] = gradient.ravel()
        largest = max(largest, (size.T @ abs(kept[i])).max(), weight_decay * abs(weights[i]).max())
        if i:
            delta = (delta @ weights[i][:, :-1]) * slopes[i - 1]
            size = (size @ abs(weights[i][:, :-1])) * abs(slopes[i - 1])
    return found, loss, 5e-7 * largest, nearest


def data(n, features, n_classes, seed, dtype=np.float32):
    rng = np.random.default_rng([seed, n, features])
    X = rng.normal(size=(n, features)).astype(dtype).astype(float)
    y = rng.integers(0, n_classes, n) if n_classes else rng.normal(size=n).astype(dtype).astype(float)
    return Split(X, y, X, y, X[:1], y[:1], n_classes=n_classes, seed=seed)


class Kept(SGD):
    """A step of 0 that shows the gradient: it runs in NumPy, and so sees what was compiled."""

    seen = []

    def update(self, grad, state, lr):
        if not isinstance(grad, np.ndarray):
            raise TypeError("Only NumPy runs this.")
        self.seen.append((grad.copy(), state.params.copy()))
        return np.zeros_like(grad)


def check(model, blocks, batch_size):
    """All batches of one epoch, in all blocks; K = 2, so that the blocks lie between trials."""
    Kept.seen.clear()
    runs = train(model, blocks, Kept(lr=[0.1, 0.2]), batch_size=batch_size, epochs=1, progress=False)
    assert runs[0].engine == "compiled"
    assert "Kept" in runs[0].in_numpy
    n, n_classes = len(blocks[0].y_train), blocks[0].n_classes
    steps = -(-n // batch_size)
    assert len(Kept.seen) == steps
    for s, one in enumerate(blocks):
        order = np.random.default_rng([one.seed, 1]).permutation(n)
        losses = []
        for t, (grad, params) in enumerate(Kept.seen):
            mine = order[t * batch_size : (t + 1) * batch_size]
            found = params[s].astype(float), one.X_train[mine], one.y_train[mine]
            expected, loss, bound, nearest = truth(model, *found, n_classes, model.weight_decay)
            losses.append(loss)
            if model.activation == "relu" and nearest < 1e-5:
                continue  # which side of the bend a sum is on is rounding
            for k in range(2):
                off = np.abs(grad[k * len(blocks) + s] - expected).max()
                assert off <= bound, (t, s, off)
        since = runs[s].curves.training_loss
        counts = np.diff(runs[s].curves.steps)
        ends = np.cumsum(counts)
        means = [np.mean(losses[end - count : end]) for end, count in zip(ends, counts, strict=True)]
        np.testing.assert_allclose(since[1:, 0], means, rtol=3e-6, atol=1e-7)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    widths=st.lists(st.sampled_from(WIDTHS) | st.integers(1, 70), max_size=3),
    features=st.sampled_from([1, 2, 3, 5, 8, 9, 31, 32, 33, 34, 64]) | st.integers(1, 70),
    n_classes=st.sampled_from([0, 2, 3, 10]),
    batch_size=st.sampled_from([1, 2, 7, 31, 32, 33, 64, 65]) | st.integers(1, 80),
    more=st.integers(0, 40),
    activation=st.sampled_from(ACTIVATIONS),
    weight_decay=st.sampled_from([0.0, 0.5]),
    blocks=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_the_gradient_is_the_true_one_to_rounding(
    widths, features, n_classes, batch_size, more, activation, weight_decay, blocks, seed
):
    model = MLP(*widths, activation=activation, weight_decay=weight_decay, init="glorot")
    made = [data(batch_size + more, features, n_classes, seed + s) for s in range(blocks)]
    check(model, made, batch_size)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("features", [33, 64, 70])
def test_so_it_is_with_many_features_and_ragged_batches(features, activation):
    for widths in ((1,), (70,), (64, 33), (5, 31, 9)):
        for n_classes in (0, 10):
            check(MLP(*widths, activation=activation), [data(75, features, n_classes, 4)], 32)


def test_a_step_of_sgd_subtracts_that_gradient():
    one = data(40, 6, 3, 1)
    model = MLP(9, activation="tanh")
    run = train(model, one, SGD(lr=0.125), batch_size=40, epochs=1, progress=False)
    layers = model.layers(6, 3)
    start = model.start(layers, np.random.default_rng([1, 0])).astype(np.float32)
    expected, *_ = truth(model, start.astype(float), one.X_train, one.y_train, 3, 0.0)
    moved = 8 * (start - run.best_params[0])
    assert run.best_step[0] == 1
    np.testing.assert_allclose(moved, expected, atol=1e-6)
