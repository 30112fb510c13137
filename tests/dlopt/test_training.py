import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlopt
from dlopt import MLP, SGD, Adam, Constant, Exponential, Split, checkpoints, train
from dlopt.training import record_steps


def split(n=160, n_classes=3, n_train=100, n_features=6, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features))
    y = rng.integers(0, n_classes, n) if n_classes else X[:, 0] + 0.1 * rng.normal(size=n)
    cut = n_train + (n - n_train) // 2
    return Split(X[:n_train], y[:n_train], X[n_train:cut], y[n_train:cut], X[cut:], y[cut:], n_classes, seed)


def bytes_of(training, row):
    curves = training.curves
    parts = [curves.validation_loss, curves.validation_error, curves.training_loss]
    flat = [part[:, row] for part in parts] + [
        training.best_params[row],
        training.test_losses[row],
        training.test_errors[row],
        training.best_validation_losses[row],
        training.diverged_step[row],
    ]
    return [np.asarray(part).tobytes() for part in flat]


ONE_GRADIENT = [name for name, kind in dlopt.OPTIMIZERS.items() if kind.gradients == 1]
ROWS = st.tuples(
    st.sampled_from(ONE_GRADIENT),
    st.sampled_from([1e-3, 0.1, 3.0, 1e5, 1e30]),  # the last ones bring inf and NaN next door
    st.sampled_from([Constant(), Exponential(gamma=0.8)]),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rows=st.lists(ROWS, min_size=1, max_size=13),
    n_classes=st.sampled_from([0, 2, 3, 10]),
    widths=st.sampled_from([(), (7,), (32,), (16, 5), (4, 6, 3)]),
    n_train=st.sampled_from([64, 65, 66, 67, 81, 128]),  # ragged batches of 1, 2, 3, 17, and none
    batch_size=st.sampled_from([5, 16, 64]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_row_has_the_same_bytes_alone_and_in_any_stack(rows, n_classes, widths, n_train, batch_size, dtype):
    block = split(n_classes=n_classes, n_train=n_train)
    made = [dlopt.OPTIMIZERS[name](lr=lr, schedule=schedule) for name, lr, schedule in rows]
    how = {"batch_size": batch_size, "epochs": 3, "dtype": dtype}
    together = train(MLP(*widths), block, made, **how)
    for i, one in enumerate(made):
        assert bytes_of(train(MLP(*widths), block, one, **how), 0) == bytes_of(together, i)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rows=st.lists(ROWS, min_size=1, max_size=6),
    blocks=st.integers(1, 5),
    n_classes=st.sampled_from([0, 2, 3, 10]),
    widths=st.sampled_from([(), (7,), (32,), (16, 5), (4, 6, 3)]),
    n_train=st.sampled_from([64, 65, 66, 81]),
    batch_size=st.sampled_from([5, 16, 64]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_block_has_the_same_bytes_alone_and_beside_others(
    rows, blocks, n_classes, widths, n_train, batch_size, dtype
):
    splits = [split(n_classes=n_classes, n_train=n_train, seed=seed) for seed in range(blocks)]
    made = [
        [dlopt.OPTIMIZERS[name](lr=lr / (1 + i), schedule=schedule) for name, lr, schedule in rows]
        for i in range(blocks)
    ]  # each block its own rates
    how = {"batch_size": batch_size, "epochs": 3, "dtype": dtype}
    together = train(MLP(*widths), splits, made, **how)
    for one, mine, beside in zip(splits, made, together, strict=True):
        alone = train(MLP(*widths), one, mine, **how)
        for row in range(len(mine)):
            assert bytes_of(alone, row) == bytes_of(beside, row)
        np.testing.assert_array_equal(alone.best_step, beside.best_step)
        assert alone.predict(one.X_test, 0).tobytes() == beside.predict(one.X_test, 0).tobytes()


def test_one_list_of_optimizers_serves_all_blocks():
    splits, made = [split(seed=1), split(seed=2)], [SGD(lr=[0.1, 1.0]), Adam()]
    both = train(MLP(5), splits, made, batch_size=16, epochs=2)
    assert [bytes_of(one, 1) for one in both] == [
        bytes_of(train(MLP(5), one, made, batch_size=16, epochs=2), 1) for one in splits
    ]
    assert bytes_of(both[0], 1) != bytes_of(both[1], 1)


@pytest.mark.parametrize(
    ("blocks", "optimizers", "words"),
    [
        ([], [SGD()], "no blocks"),
        ([split(), split(n_train=90)], [SGD()], "differ in shape"),
        ([split(), split()], [[SGD()]], "one list for each block"),
        ([split(), split()], [[SGD()], [Adam()]], "agree in their classes and trials"),
        ([split(), split()], [[SGD()], [SGD(), SGD()]], "agree in their classes and trials"),
    ],
)
def test_blocks_that_do_not_fit_together_are_refused(blocks, optimizers, words):
    with pytest.raises(ValueError, match=words):
        train(MLP(5), blocks, optimizers, batch_size=16, epochs=1)


def test_a_stack_of_the_size_of_a_study_has_the_bytes_of_single_rows():
    block = split(n=700, n_classes=10, n_train=420, n_features=64)
    made = [
        kind(lr=lr) for kind in map(dlopt.OPTIMIZERS.get, dlopt.DEFAULT) for lr in np.geomspace(1e-3, 30, 16)
    ]
    together = train(MLP(64), block, made, batch_size=64, epochs=2)
    for i in range(0, len(made), 7):
        assert bytes_of(train(MLP(64), block, made[i], batch_size=64, epochs=2), 0) == bytes_of(together, i)


def test_the_grid_of_examples_is_that_of_the_design():
    grid = checkpoints(1077, 38)
    total = 1077 * 38
    assert grid[0] == 0
    assert grid[-1] == total
    assert {round(total * j / 20) for j in range(1, 21)} <= set(grid.tolist())
    assert {round(64 * (total / 64) ** (j / 20)) for j in range(20)} <= set(grid.tolist())
    assert len(grid) <= 41
    assert (np.diff(grid) > 0).all()


@pytest.mark.parametrize("batch_size", [1, 7, 64, 100])
def test_each_grid_point_is_taken_at_the_first_step_that_reaches_it(batch_size):
    steps, examples = record_steps(100, batch_size, 3)
    seen, expected = 0, {0: 0}
    step = 0
    grid = checkpoints(100, 3).tolist()
    for _ in range(3):
        for start in range(0, 100, batch_size):
            size = min(batch_size, 100 - start)
            step += 1
            if any(seen < point <= seen + size for point in grid):
                expected[step] = seen + size
            seen += size
    assert dict(zip(steps.tolist(), examples.tolist(), strict=True)) == expected


def test_training_lowers_the_loss_and_predicts():
    block = split(n_classes=0)
    run = train(MLP(16), block, Adam(lr=0.01), batch_size=32, epochs=60)
    assert run.best_validation_loss < 0.1 * run.curves.validation_loss[0, 0]
    predicted = run.predict(block.X_test)
    rmse = np.sqrt(np.mean((predicted - block.y_test) ** 2))
    assert rmse == pytest.approx(run.test_errors[0], rel=1e-5)


def test_the_best_checkpoint_is_the_first_with_the_lowest_validation_loss():
    run = train(MLP(32), split(), [SGD(lr=[0.1, 2.0])], batch_size=16, epochs=40)
    losses = run.curves.validation_loss
    for row in range(2):
        assert run.best_validation_losses[row] == losses[:, row].min()
        assert run.best_step[row] == run.curves.steps[np.argmin(losses[:, row])]
    assert (run.best_step < run.curves.steps[-1]).any()  # or nothing was shown


def test_the_test_score_is_that_of_the_kept_parameters_and_not_of_the_last():
    block = split()
    run = train(MLP(32), block, SGD(lr=2.0), batch_size=16, epochs=40)
    wrong = np.mean(run.predict(block.X_test) != block.y_test)
    assert run.test_errors[0] == pytest.approx(wrong)


def test_a_diverged_row_ranks_last_and_scores_the_worst_error():
    run = train(MLP(8), split(), SGD(lr=[0.1, 1e30]), batch_size=32, epochs=3)
    assert run.status == ["ok", "diverged"]
    assert run.best_validation_losses[1] == np.inf
    assert run.test_errors[1] == 1.0
    assert 0 < run.diverged_step[1] <= 4
    late = run.curves.steps >= run.diverged_step[1]
    assert np.isinf(run.curves.validation_loss[late, 1]).all()
    regression = train(MLP(8), split(n_classes=0), SGD(lr=1e30), batch_size=32, epochs=3)
    assert regression.test_errors[0] == np.inf


@pytest.mark.parametrize("lr", [1e17, 1e18, 3e18])
def test_a_loss_that_overflows_is_divergence_at_its_own_step_while_all_weights_are_finite(lr):
    block, epochs, batch = split(n_classes=0), 2, 16
    run = train(MLP(), block, SGD(lr=lr), batch_size=batch, epochs=epochs)
    X = np.concatenate([block.X_train, np.ones((len(block.X_train), 1))], axis=1)
    layers = MLP().layers(X.shape[1] - 1, 1)
    w, rng = (
        MLP().start(layers, np.random.default_rng([block.seed, 0])),
        np.random.default_rng([block.seed, 1]),
    )
    order, overflow = np.concatenate([rng.permutation(len(X)) for _ in range(epochs)]), None
    for step in range(1, 5):  # in float64, whose range is never left
        rows = order[(step - 1) * batch : step * batch]
        away = X[rows] @ w - block.y_train[rows]
        if np.sum(away**2) > np.finfo(np.float32).max:
            overflow = step
            break
        w -= lr * X[rows].T @ away / batch
    assert overflow
    assert np.abs(w).max() < np.finfo(np.float32).max
    assert run.diverged_step[0] == overflow
    assert run.status == ["diverged"]


@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_score_that_overflows_is_infinite_and_never_no_number(part, classes):
    """Rows so far out that outputs are inf - inf, while all training losses are finite."""
    block = split(n_classes=classes)
    X = getattr(block, f"X_{part}").copy()
    X[0] = 3e38 * (-1.0) ** np.arange(X.shape[1])
    run = train(MLP(8), dataclasses.replace(block, **{f"X_{part}": X}), SGD(lr=0.1), batch_size=32, epochs=2)
    curves = run.curves
    assert run.status == ["ok"]
    losses = {"validation": curves.validation_loss, "test": run.test_losses}
    assert np.isinf(losses[part]).all()
    read = [run.best_validation_losses, run.best_validation_errors, run.test_losses, run.test_errors]
    assert not np.isnan(np.concatenate([*read, curves.validation_loss.ravel()])).any()
    assert not np.isnan(curves.validation_error).any()


def test_a_large_finite_loss_is_no_divergence():
    run = train(MLP(), split(n_classes=3), SGD(lr=1e6), batch_size=32, epochs=3)
    assert run.status == ["ok"]
    assert run.curves.validation_loss.max() > 1e3


def test_all_trials_share_initial_weights_and_order():
    run = train(MLP(8), split(), [SGD(lr=[0.1, 0.1]), SGD(lr=0.1)], batch_size=32, epochs=2)
    assert bytes_of(run, 0) == bytes_of(run, 1) == bytes_of(run, 2)
    assert len(set(run.curves.validation_loss[0])) == 1


def test_the_order_is_reshuffled_each_epoch():
    # with a learning rate near 0 a step's loss says which half of the data its batch held
    run = train(MLP(), split(n_train=64), SGD(lr=1e-12), batch_size=32, epochs=4)
    assert run.curves.steps.tolist() == list(range(9))
    assert len(set(run.curves.training_loss[1::2, 0])) == 4


def test_results_come_in_the_order_of_the_optimizers():
    lrs = [1e-4, 1e-2, 1e-1]
    run = train(MLP(8), split(), [SGD(lr=lrs[0]), Adam(lr=lrs[1]), SGD(lr=lrs[2])], batch_size=32, epochs=2)
    for row, kind in enumerate((SGD, Adam, SGD)):
        alone = train(MLP(8), split(), kind(lr=lrs[row]), batch_size=32, epochs=2)
        assert bytes_of(alone, 0) == bytes_of(run, row)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number from 1 to 100"),
        ({"batch_size": 101}, "batch_size"),
        ({"batch_size": 3.5}, "3.5"),
        ({"epochs": 0}, "epochs must be a whole number >= 1"),
        ({"epochs": True}, "True"),
        ({"optimizers": []}, "empty list of optimizers"),
        ({"dtype": np.float16}, "float16"),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_value(change, words):
    how = {"optimizers": [SGD()], "batch_size": 32, "epochs": 2} | change
    with pytest.raises(ValueError, match=words):
        train(MLP(8), split(), how.pop("optimizers"), **how)
