"""A training as it stood at a share of its epochs: what it would have been, had it been stopped then."""

import numpy as np
import pytest

import datasets
import dlopt

SHARES = (0.25, 0.5)
FIELDS = ("best_step", "best_params", "best_validation_losses", "test_losses", "test_errors", "diverged_step")


def trained(optimizers, epochs=40, early=SHARES, name="wine", block=0):
    data = datasets.load(name).block(block)
    how = {"batch_size": 64, "epochs": epochs, "early": early, "progress": False}
    return data, dlopt.train(dlopt.MLP(8), data, optimizers, **how)


MANY = [dlopt.SGD(lr=0.01), dlopt.Adam(lr=0.003), dlopt.Adam(lr=0.3), dlopt.SGD(lr=40.0)]


def test_looking_early_changes_nothing():
    (_, with_it), (_, without) = trained(MANY), trained(MANY, early=())
    assert without.early == ()
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(with_it, name), getattr(without, name))
    np.testing.assert_array_equal(with_it.curves.validation_loss, without.curves.validation_loss)


@pytest.mark.parametrize("name", ["wine", "diabetes"])
def test_the_best_checkpoint_is_the_first_lowest_by_then(name):
    _, training = trained(MANY, name=name)
    total = training.curves.examples[-1]
    for share, one in zip(SHARES, training.early, strict=True):
        there = np.searchsorted(training.curves.examples, share * total) + 1
        assert training.curves.examples[there - 1] == share * total  # the grid has a quarter and half
        losses = training.curves.validation_loss[:there]
        np.testing.assert_array_equal(one.curves.validation_loss, losses)
        for row, status in enumerate(one.status):
            if status == "ok":
                assert one.best_step[row] == training.curves.steps[np.argmin(losses[:, row])]
                assert one.best_validation_losses[row] == losses[:, row].min()


def test_it_is_the_training_that_would_have_been_stopped_then():
    slow = [dlopt.SGD(lr=0.003), dlopt.Adam(lr=0.001)]  # better at every checkpoint
    _, whole = trained(slow)
    for share, one in zip(SHARES, whole.early, strict=True):
        _, stopped = trained(slow, epochs=int(40 * share), early=())
        assert (one.best_step == stopped.best_step).all()
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(one, name), getattr(stopped, name))


def test_what_diverges_later_had_a_score_before():
    _, training = trained([dlopt.SGD(lr=40.0), dlopt.SGD(lr=0.01)], epochs=200)
    step, steps = int(training.diverged_step[0]), int(training.curves.steps[-1])
    assert 3 < step < steps / 2
    early = ((step - 2) / steps, 0.9)
    _, training = trained([dlopt.SGD(lr=40.0), dlopt.SGD(lr=0.01)], epochs=200, early=early)
    first, last = training.early
    if first.curves.steps[-1] < step:  # its record lies before the divergence
        assert first.status == ["ok", "ok"]
        assert first.test_errors[0] < 1.0
    assert last.status == training.status == ["diverged", "ok"]
    assert last.test_errors[0] == 1.0


def test_predictions_are_those_of_the_parameters_by_then():
    data, training = trained(MANY[:2])
    for one in training.early:
        for row in range(2):
            wrong = one.predict(data.X_test, row) != data.y_test
            assert one.test_errors[row] == pytest.approx(wrong.mean())


def test_several_blocks_at_once_give_what_each_gives_alone():
    blocks = [datasets.load("wine").block(i) for i in range(3)]
    how = {"batch_size": 64, "epochs": 10, "early": SHARES, "progress": False}
    together = dlopt.train(dlopt.MLP(8), blocks, MANY[:2], **how)
    for block, one in zip(blocks, together, strict=True):
        alone = dlopt.train(dlopt.MLP(8), block, MANY[:2], **how)
        for a, b in zip(one.early, alone.early, strict=True):
            np.testing.assert_array_equal(a.test_errors, b.test_errors)
            np.testing.assert_array_equal(a.best_params, b.best_params)


@pytest.mark.parametrize(
    "early", [(0.0,), (1.0,), (0.5, 2.0), (True,), ("half",), 0.5j, "0.5", (float("nan"),)]
)
def test_what_is_no_share_is_refused(early):
    with pytest.raises(ValueError, match=r"early must have shares in \(0, 1\)"):
        trained(MANY[:1], early=early)


def test_a_share_alone_needs_no_list():
    assert len(trained(MANY[:1], early=0.5)[1].early) == 1
