"""scikit-learn's MLPs with our weights and our batches: every loss is the same, in float64."""

import itertools
import warnings

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

import dlopt

EPOCHS, BATCH, SEED = 6, 24, 3
# scikit-learn's Adam has ε outside the uncorrected root, so the two are one only as ε → 0
CASES = {
    "adam": (
        dlopt.Adam(lr=0.01, beta1=0.8, beta2=0.97, eps=1e-14),
        {"solver": "adam", "learning_rate_init": 0.01, "beta_1": 0.8, "beta_2": 0.97, "epsilon": 1e-14},
    ),
    "sgd": (dlopt.SGD(lr=0.2), {"solver": "sgd", "learning_rate_init": 0.2, "momentum": 0.0}),
    "heavy ball": (
        dlopt.HeavyBall(lr=0.03, beta=0.8),
        {"solver": "sgd", "learning_rate_init": 0.03, "momentum": 0.8, "nesterovs_momentum": False},
    ),
    "nesterov": (
        dlopt.Nesterov(lr=0.03, beta=0.8),
        {"solver": "sgd", "learning_rate_init": 0.03, "momentum": 0.8, "nesterovs_momentum": True},
    ),
}


def split(classes):
    """97 training rows, so that the last batch is short."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((160, 5))
    scores = X @ rng.standard_normal((5, max(classes, 1))) + 0.3 * rng.standard_normal((160, max(classes, 1)))
    y = scores.argmax(axis=1) if classes else scores[:, 0]
    return dlopt.Split(X[:97], y[:97], X[97:130], y[97:130], X[130:], y[130:], n_classes=classes, seed=SEED)


def estimator(data, widths, how):
    """An MLP that starts at our weights; scikit-learn's own penalty is off."""
    mlp = dlopt.MLP(*widths)
    layers = mlp.layers(5, data.n_classes or 1)
    params = mlp.start(layers, np.random.default_rng([SEED, 0]))
    weights = iter([params[layer.slice].reshape(layer.shape) for layer in layers])
    kind = MLPClassifier if data.n_classes else MLPRegressor

    class Started(kind):
        def _init_coef(self, fan_in, fan_out, dtype):
            W = next(weights)
            return W[:, :-1].T.copy(), W[:, -1].copy()

    return Started(hidden_layer_sizes=widths, alpha=0.0, shuffle=False, batch_size=BATCH, **how)


def loss(model, X, y, classes):
    """Cross-entropy, or half the mean squared error."""
    if not classes:
        return np.mean((model.predict(X) - y) ** 2) / 2
    return -np.mean(np.log(model.predict_proba(X)[np.arange(len(y)), y]))


@pytest.mark.parametrize("classes", [4, 0], ids=["classes", "regression"])
@pytest.mark.parametrize("widths", [(9,), (8, 6)], ids=["one layer", "two layers"])
@pytest.mark.parametrize("case", CASES)
def test_every_loss_is_the_one_of_scikit_learn(case, widths, classes):
    optimizer, how = CASES[case]
    data = split(classes)
    ours = dlopt.train(dlopt.MLP(*widths), data, optimizer, batch_size=BATCH, epochs=EPOCHS, dtype=np.float64)
    model, rng = estimator(data, widths, how), np.random.default_rng([SEED, 1])
    training, validation = [], [np.nan]
    for _ in range(EPOCHS):
        order = rng.permutation(97)
        for first in range(0, 97, BATCH):
            rows = order[first : first + BATCH]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger than sample size")
                if classes:
                    model.partial_fit(data.X_train[rows], data.y_train[rows], classes=np.arange(classes))
                else:
                    model.partial_fit(data.X_train[rows], data.y_train[rows])
            training.append(model.loss_)
            validation.append(loss(model, data.X_validation, data.y_validation, classes))
    steps = ours.curves.steps
    assert steps[-1] == len(training) == 30
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(ours.curves.validation_loss[1:, 0], np.array(validation)[steps[1:]], **close)
    means = [np.mean(training[a:b]) for a, b in itertools.pairwise(steps)]
    np.testing.assert_allclose(ours.curves.training_loss[1:, 0], means, **close)
    assert training[-1] < 0.8 * training[0]
