"""The texts that picks taken home are made of: each library's words, and a template of its training."""

from __future__ import annotations

LAST = (
    "The confirmed score is of the checkpoint with the lowest validation loss; "
    "this code ends with the weights of the last epoch."
)
ACTIVATIONS = {  # each library's, by dlopt's names
    "torch": {
        "relu": "nn.ReLU()",
        "tanh": "nn.Tanh()",
        "sigmoid": "nn.Sigmoid()",
        "gelu": 'nn.GELU(approximate="tanh")',
    },
    "optax": {name: name for name in ("relu", "tanh", "sigmoid", "gelu")},  # its gelu is the tanh form
    "sklearn": {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"},
}
INITS = {
    "torch": {
        "he": 'kaiming_normal_(layer.weight, nonlinearity="relu")',
        "glorot": "xavier_normal_(layer.weight)",
        "small": "normal_(layer.weight, std=0.01)",
        "zero": "zeros_(layer.weight)",
    },
    "optax": {"he": "(2 / a) ** 0.5", "glorot": "(2 / (a + b)) ** 0.5", "small": "0.01", "zero": "0.0"},
}
PENALTIES = {  # of weights, not biases, in the loss: the same for every optimizer
    "torch": """ + {half} * sum(
            (layer.weight**2).sum() for layer in model if isinstance(layer, nn.Linear)
        )""",
    "optax": """ + {half} * sum(
        jnp.sum(W**2) for W, _ in params
    )""",
}
DLOPT_TEXT = """\
{origin}import dlopt

{data}
# validation and test: likewise, by the training rows
block = dlopt.Split(
    X_train, y_train, X_validation, y_validation, X_test, y_test, n_classes={outputs}, seed=0
)
{optimizer}
network = dlopt.{network}
training = dlopt.train(network, block, optimizer, batch_size={batch_size}, epochs={epochs})
print(training.test_errors[0])
"""
TORCH_TEXT = """\
{imports}import torch
from torch import nn
{factor}
{data}
torch.manual_seed(0)
X = torch.tensor(X_train, dtype=torch.float32)
y = torch.tensor(y_train, dtype=torch.{targets})
model = nn.Sequential(
{layers})
for layer in model:
    if isinstance(layer, nn.Linear):
        nn.init.{init}
        nn.init.zeros_(layer.bias)
{differs}{optimizer}
{scheduler}
{last}for epoch in range({epochs}):
    for rows in torch.randperm(len(X)).split({batch_size}):  # the last batch may be smaller
        loss = nn.functional.{loss}{penalty}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
{step}"""
OPTAX_TEXT = """\
{imports}import jax
import jax.numpy as jnp
import numpy as np
import optax
{factor}
{data}
rng = np.random.default_rng(0)
X, y = np.asarray(X_train, np.float32), np.asarray(y_train)
sizes = [X.shape[1], {sizes}]
params = [
    (jnp.asarray(rng.normal(0, {init}, (a, b)), X.dtype), jnp.zeros(b, X.dtype))
    for a, b in zip(sizes, sizes[1:])
]
{rate}
{differs}{optimizer}
state = optimizer.init(params)


def loss(params, X, y):
    for W, b in params[:-1]:
        X = jax.nn.{activation}(X @ W + b)
    W, b = params[-1]
    return {loss}{penalty}


@jax.jit
def step(params, state, X, y):
    updates, state = optimizer.update(jax.grad(loss)(params, X, y), state, params)
    return optax.apply_updates(params, updates), state


{last}for epoch in range({epochs}):
    order = rng.permutation(len(X))
    for start in range(0, len(X), {batch_size}):  # the last batch may be smaller
        rows = order[start : start + {batch_size}]
        params, state = step(params, state, X[rows], y[rows])
"""
SKLEARN_TEXT = """\
from sklearn.neural_network import {model}

{data}
{notes}{last}model = {model}(
    hidden_layer_sizes={widths}, activation={activation!r}, alpha={alpha}, batch_size={batch_size},
{solver},
    max_iter={epochs}, tol=0.0, n_iter_no_change={epochs}, random_state=0,
)
model.fit(X_train, y_train)  # it warns that it has not converged: it stops after its epochs, as meant
"""
