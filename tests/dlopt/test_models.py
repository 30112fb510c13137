import numpy as np
import pytest

from dlopt.losses import CrossEntropy, SquaredError
from dlopt.models import MLP, Feed, Network

CASES = [((), 3), ((5,), 3), ((6, 4), 3), ((4, 3, 5), 2), ((), 0), ((5,), 0), ((6, 4), 0)]
SHAPES = pytest.mark.parametrize(("widths", "n_classes"), CASES)


def network(widths, n_classes, rows=2, n=7, n_features=4):
    rng = np.random.default_rng(0)
    loss = CrossEntropy(n_classes) if n_classes else SquaredError()
    y = rng.integers(0, n_classes, n) if n_classes else rng.normal(size=n)
    X = rng.normal(size=(n, n_features))
    model = MLP(*widths)
    layers = model.layers(n_features, n_classes or 1)
    made = Network(layers, model.start(layers, rng)[None], rows, loss)
    made.params += 0.1 * rng.normal(size=made.params.shape)  # the rows differ, no bias stays 0
    return made, Feed(X[None], y[None], loss, np.dtype(np.float64)), X, y


def plain_loss(made, row, X, y, n_classes):
    """The same model, written as anybody would."""
    for i, layer in enumerate(made.layers):
        weights = made.params[row, layer.slice].reshape(layer.shape)
        X = X @ weights[:, :-1].T + weights[:, -1]
        if i < len(made.layers) - 1:
            X = np.where(X > 0, X, 0)
    if not n_classes:
        return 0.5 * np.mean((X[:, 0] - y) ** 2)
    shares = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    return -np.mean(np.log(shares[np.arange(len(y)), y]))


@SHAPES
def test_losses_are_those_of_a_model_written_plainly(widths, n_classes):
    made, feed, X, y = network(widths, n_classes)
    (batch,) = feed.batches(np.arange(7)[None], 7)
    expected = [plain_loss(made, row, X, y, n_classes) for row in range(2)]
    np.testing.assert_allclose(made.gradient(batch), expected, rtol=1e-12)
    np.testing.assert_allclose(made.evaluate(feed.chunks())[0], expected, rtol=1e-12)


@SHAPES
@pytest.mark.parametrize("batch_size", [7, 4, 3, 1])
def test_gradients_agree_with_finite_differences_on_every_batch(widths, n_classes, batch_size):
    made, feed, X, y = network(widths, n_classes)
    order = np.random.default_rng(1).permutation(7)
    for start, batch in zip(range(0, 7, batch_size), feed.batches(order[None], batch_size), strict=True):
        rows = order[start : start + batch_size]
        made.gradient(batch)
        gradient, h = made.grad.copy(), 1e-6
        for row in range(2):
            for i in range(made.params.shape[1]):
                kept = made.params[row, i]
                ends = []
                for shifted in (kept + h, kept - h):
                    made.params[row, i] = shifted
                    ends.append(plain_loss(made, row, X[rows], y[rows], n_classes))
                made.params[row, i] = kept
                assert gradient[row, i] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=2e-8)


def test_the_last_partial_batch_is_divided_by_its_true_size():
    made, feed, X, y = network((), 0, rows=1)
    *_, last = feed.batches(np.arange(7)[None], 4)
    made.gradient(last)
    residual = X[4:] @ made.params[0, :4] + made.params[0, 4] - y[4:]
    np.testing.assert_allclose(made.grad[0, :4], X[4:].T @ residual / 3, rtol=1e-12)


def test_every_row_of_data_is_in_one_batch_of_an_epoch():
    _, feed, X, _ = network((), 3)
    order = np.random.default_rng(2).permutation(7)[None]
    seen = np.concatenate([b.rows[0, :, :-1] for b in feed.batches(order, 3)])
    np.testing.assert_array_equal(np.sort(seen, axis=0), np.sort(X, axis=0))


def test_errors_are_shares_misclassified_and_rmse():
    made, feed, _, y = network((5,), 3, rows=1)
    outputs = made.outputs(feed.chunks())
    assert made.evaluate(feed.chunks())[1][0] == np.mean(outputs.argmax(axis=1) != y)
    made, feed, _, y = network((5,), 0, rows=1)
    outputs = made.outputs(feed.chunks())
    assert made.evaluate(feed.chunks())[1][0] == pytest.approx(np.sqrt(np.mean((outputs[:, 0] - y) ** 2)))


@pytest.mark.parametrize("width", [1, 2, 33])
@pytest.mark.parametrize("classes", [2, 5])
def test_the_answer_is_the_first_of_the_largest_outputs_whatever_they_are(width, classes):
    rng, loss = np.random.default_rng(width), CrossEntropy(classes)
    values = np.array([-np.inf, -1, 0, 0, 1, 1, np.inf, np.nan], np.float32)
    numbers = rng.integers(0, classes, (3, width))  # of three blocks
    outputs = rng.choice(values, (classes, 12, width))
    expected = [
        sum(int(np.argmax(outputs[:, row, i]) != numbers[row % 3, i]) for i in range(width))
        for row in range(12)
    ]
    targets = loss.targets(numbers, np.float32)
    with np.errstate(all="ignore"):
        assert loss.measure(outputs.copy(), targets)[1].tolist() == expected


def test_a_dead_network_does_not_score_by_ties():
    made, feed, _, y = network((5,), 3, rows=1)
    made.params[:] = 0  # all outputs equal: the answer is the first class, not the right one
    assert made.evaluate(feed.chunks())[1][0] == np.mean(y != 0)


@pytest.mark.parametrize("scale", [1e4, 1e30])
def test_a_huge_logit_gives_a_finite_loss(scale):
    made, feed, _, _ = network((), 3, rows=1)
    made.params *= scale
    (batch,) = feed.batches(np.arange(7)[None], 7)
    assert np.isfinite(made.gradient(batch)).all()
    assert np.isfinite(made.evaluate(feed.chunks())[0]).all()


def test_evaluation_in_chunks_is_the_mean_over_all_rows():
    made, feed, X, y = network((5,), 3, n=700)
    assert len(feed.chunks()) == 3
    expected = [plain_loss(made, row, X, y, 3) for row in range(2)]
    np.testing.assert_allclose(made.evaluate(feed.chunks())[0], expected, rtol=1e-12)


def test_he_weights_have_the_variance_two_over_inputs():
    layers = MLP(300).layers(200, 10)
    start = MLP(300).start(layers, np.random.default_rng(0))
    first = start[layers[0].slice].reshape(layers[0].shape)
    assert np.var(first[:, :-1]) == pytest.approx(2 / 200, rel=0.02)
    assert not first[:, -1].any()


@pytest.mark.parametrize("width", [0, -1, 2.5, True, "64"])
def test_a_width_that_is_no_whole_number_is_refused(width):
    with pytest.raises(ValueError, match="whole number >= 1, not") as caught:
        MLP(width)
    assert repr(width) in str(caught.value)
