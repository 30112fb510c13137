"""Small blocks of random data, and what of a training is compared."""

import numpy as np

from dlopt import Split

PER_ROW = (
    "diverged_step", "best_step", "best_params", "best_validation_losses", "best_validation_errors",
    "test_losses", "test_errors",
)  # fmt: skip
CURVES = ("validation_loss", "validation_error", "training_loss")


def block(n=80, n_classes=3, n_features=5, seed=0, n_validation=23, n_test=19):
    """A split whose targets hang on the features, so that there is something to learn."""
    rng = np.random.default_rng([seed, 7])
    total = n + n_validation + n_test
    X = rng.normal(size=(total, n_features))
    told = X @ rng.normal(size=(n_features, max(n_classes, 1))) + 0.3 * rng.normal(
        size=(total, max(n_classes, 1))
    )
    y = np.argmax(told, axis=1) if n_classes else told[:, 0]
    ends = n, n + n_validation
    return Split(
        X[: ends[0]], y[: ends[0]], X[slice(*ends)], y[slice(*ends)], X[ends[1] :], y[ends[1] :],
        n_classes=n_classes, seed=seed,
    )  # fmt: skip


def row_bytes(training, row):
    """All bytes of one trial."""
    parts = [np.asarray(getattr(training, name)[row]) for name in PER_ROW]
    parts += [getattr(training.curves, name)[:, row] for name in CURVES]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


def assert_close(found, expected, rtol=2e-5, atol=2e-6):
    """Losses and parameters of two trainings are the same to rounding, and they diverge at the same steps."""
    pairs = [(name, found.curves, expected.curves) for name in ("validation_loss", "training_loss")]
    pairs += [(name, found, expected) for name in ("best_params", "best_validation_losses", "test_losses")]
    for name, one, other in pairs:
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=rtol, atol=atol, err_msg=name
        )
    np.testing.assert_array_equal(found.diverged_step, expected.diverged_step)
