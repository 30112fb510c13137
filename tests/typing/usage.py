"""What people write, for a type checker: nothing here runs. See tests/test_typing.py."""

from typing import assert_type

import numpy as np
import optuna

import dlopt
from dlopt import Adam, Exponential, Floats, Numbers, Optimizer, State, decay, ewa, rate, suggest
from studies import Arm, Run, Study, run

one = Adam(lr=0.1)
several = Adam(lr=[1e-3, 1e-2], beta2=np.array([0.9, 0.99]), schedule=[Exponential(gamma=0.9), Exponential()])
moved, state = several.step(np.zeros((2, 3)), np.zeros((2, 3)))
assert_type(state, State)
drawn: Optimizer = suggest(optuna.create_study().ask(), Adam, beta1=0.9)


class Signum(Optimizer):
    """Sign of the averaged gradient."""

    lr: Numbers = rate(default=1e-3, search=(1e-6, 1e-1))
    beta: Numbers = decay(default=0.9, search=(5e-3, 1))
    state = ("mean",)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the sign."""
        step: Floats = lr * np.sign(ewa(state.mean, grad, self.beta))
        return step


mine = Signum(lr=0.1, beta=[0.5, 0.9])
block = dlopt.Split(np.ones((9, 2)), np.ones(9), np.ones((9, 2)), np.ones(9), np.ones((9, 2)), np.ones(9), 0)
training = dlopt.train(dlopt.MLP(4), block, [mine, one], batch_size=3, epochs=2)
study = Study("mine", ("sgd", Arm("adam", fixed=(("beta1", 0.9),))), ("wine",), blocks=8, draws=4)
done: Run = run(study, out="runs/mine", jobs=1)
