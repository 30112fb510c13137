"""JAX: vmap over trials, jit, scan over steps, optax; and the mixed stack in three forms.

Each form is the strongest that was found of it: batches gathered once an epoch, the batch last (so that no
product needs a transposition), bias inside the product or beside it, steps unrolled in pairs. The textbook's
layout, "rows", is there to compare: it is up to half as fast.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.bench.work import Outcome, Work, adam, mixed

CHUNK = 256  # rows of data evaluated at once, as ours
Tree = Any


def adagrad(lr: Any, eps: Any) -> optax.GradientTransformation:
    """Duchi's form with ε outside the root, as dlopt and torch; optax has it inside."""

    def update(grad: Tree, total: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        total = jax.tree.map(lambda s, g: s + g * g, total, grad)
        return jax.tree.map(lambda g, s: -lr * g / (jnp.sqrt(s) + eps), grad, total), total

    return optax.GradientTransformation(lambda params: jax.tree.map(jnp.zeros_like, params), update)


OPTAX: dict[str, Callable[..., optax.GradientTransformation]] = {
    "sgd": lambda lr: optax.sgd(lr),
    "momentum": lambda lr, beta: optax.chain(optax.ema(beta, debias=False), optax.scale(-lr)),
    "heavyball": lambda lr, beta: optax.sgd(lr, momentum=beta),
    "nesterov": lambda lr, beta: optax.sgd(lr, momentum=beta, nesterov=True),
    "adagrad": adagrad,
    "rmsprop": lambda lr, rho, eps: optax.rmsprop(lr, decay=rho, eps=eps, eps_in_sqrt=False),
    "adam": lambda lr, beta1, beta2, eps: optax.adam(lr, b1=beta1, b2=beta2, eps=eps),
    "adamw": lambda lr, beta1, beta2, eps, weight_decay: optax.adamw(
        lr, b1=beta1, b2=beta2, eps=eps, weight_decay=weight_decay
    ),
}


class Model:
    """One trial's network in one of three layouts; vmap makes it K.

    "rows" is the textbook's: the batch first. "columns": the batch last. "ones": the bias in the product too.
    """

    def __init__(self, work: Work, layout: str) -> None:
        self.classes, self.outputs, self.layout = work.shape.classes, work.shape.sizes[-1], layout
        self.start: Tree = {
            "ones": [jnp.array(W) for W in work.start],
            "columns": [(jnp.array(W[:, :-1]), jnp.array(W[:, -1:])) for W in work.start],
            "rows": [(jnp.array(W[:, :-1].T), jnp.array(W[:, -1])) for W in work.start],
        }[layout]

    def inputs(self, X: Any) -> Any:
        """(..., B, F) -> (..., F, B), with a row of ones for the bias in "ones"; "rows" leaves it."""
        if self.layout == "rows":
            return X
        X = jnp.swapaxes(X, -1, -2)
        return jnp.concatenate([X, jnp.ones_like(X[..., :1, :])], axis=-2) if self.layout == "ones" else X

    def forward(self, params: Tree, a: Any) -> Any:
        """Outputs (C, B)."""
        for i, layer in enumerate(params):
            if i:
                a = jax.nn.relu(a)
            if self.layout == "rows":
                a = a @ layer[0] + layer[1]
            elif self.layout == "columns":
                a = layer[0] @ a + layer[1]
            else:
                a = layer @ (jnp.concatenate([a, jnp.ones((1, a.shape[1]), a.dtype)]) if i else a)
        return a.T if self.layout == "rows" else a

    def losses(self, outputs: Any, y: Any) -> Any:
        """(B,) the loss of each row of data."""
        if not self.classes:
            return 0.5 * (outputs[0] - y) ** 2
        onehot = jax.nn.one_hot(y, self.outputs, axis=0, dtype=outputs.dtype)
        return jax.scipy.special.logsumexp(outputs, axis=0) - jnp.sum(outputs * onehot, axis=0)

    def loss(self, params: Tree, X: Any, y: Any) -> Any:
        """The mean loss of a batch."""
        outputs = self.forward(params, X)
        return cross_entropy(outputs, y) if self.classes else jnp.mean(self.losses(outputs, y))

    def evaluate(self, params: Tree, chunks: list[tuple[Any, Any]]) -> tuple[Any, Any]:
        """Mean loss and error on some data."""
        loss, wrong, count = 0.0, 0.0, sum(len(y) for _, y in chunks)
        for X, y in chunks:
            outputs = self.forward(params, X)
            losses = self.losses(outputs, y)
            loss += jnp.sum(losses)
            wrong += jnp.sum(jnp.argmax(outputs, axis=0) != y) if self.classes else 2 * jnp.sum(losses)
        return loss / count, wrong / count if self.classes else jnp.sqrt(wrong / count)


@jax.custom_vjp
def cross_entropy(outputs: Any, y: Any) -> Any:
    """Mean cross-entropy of outputs (C, B), its gradient written out: up to a tenth faster."""
    return _cross_entropy(outputs, y)[0]


def _cross_entropy(outputs: Any, y: Any) -> tuple[Any, Any]:
    outputs = outputs - jnp.max(outputs, axis=0)
    powers = jnp.exp(outputs)
    total = jnp.sum(powers, axis=0)
    onehot = jax.nn.one_hot(y, len(outputs), axis=0, dtype=outputs.dtype)
    loss = jnp.mean(jnp.log(total) - jnp.sum(outputs * onehot, axis=0))
    return loss, (powers / total - onehot) / outputs.shape[1]


cross_entropy.defvjp(_cross_entropy, lambda grad, g: (grad * g, None))


Step = Callable[
    [Tree, Tree, Any, Any], tuple[Any, Tree, Tree]
]  # params, state, X, y -> losses, params, state


def vmap_each(model: Model, stack: dict[str, Any]) -> tuple[Tree, Tree, Step]:
    """Each optimizer's trials by themselves: vmap of gradient and update together."""
    names, params, states = list(stack), [], []

    def one(name: str) -> Callable[..., Any]:
        def step(hyper: Any, params: Tree, state: Tree, X: Any, y: Any) -> Any:
            loss, grad = jax.value_and_grad(model.loss)(params, X, y)
            move, state = OPTAX[name](**hyper).update(grad, state, params)
            return loss, optax.apply_updates(params, move), state

        return jax.vmap(step, (0, 0, 0, None, None))

    for name, hyper in stack.items():
        rows = len(hyper["lr"])
        params.append(jax.tree.map(lambda a, rows=rows: jnp.repeat(a[None], rows, 0), model.start))
        states.append(jax.vmap(lambda h, p, name=name: OPTAX[name](**h).init(p))(hyper, params[-1]))

    def step(params: Tree, states: Tree, X: Any, y: Any) -> Any:
        parts = zip(names, params, states, strict=True)
        losses, params, states = zip(*(one(n)(stack[n], p, s, X, y) for n, p, s in parts), strict=True)
        return jnp.concatenate(losses), params, states

    return tuple(params), tuple(states), step


def one_gradient(model: Model, stack: dict[str, Any]) -> tuple[Tree, Tree, Step]:
    """One vmapped gradient of all trials, and each optimizer's update on its slice."""
    ends = np.cumsum([0, *(len(h["lr"]) for h in stack.values())])
    parts = {name: slice(a, b) for name, a, b in zip(stack, ends[:-1], ends[1:], strict=True)}
    params = jax.tree.map(lambda a: jnp.repeat(a[None], ends[-1], 0), model.start)

    def of(tree: Tree, name: str) -> Tree:
        return jax.tree.map(lambda a: a[parts[name]], tree)

    states = {
        n: jax.vmap(lambda h, p, n=n: OPTAX[n](**h).init(p))(h, of(params, n)) for n, h in stack.items()
    }
    gradient = jax.vmap(jax.value_and_grad(model.loss), (0, None, None))

    def step(params: Tree, states: Tree, X: Any, y: Any) -> Any:
        losses, grad = gradient(params, X, y)
        moves, new = [], {}
        for name, hyper in stack.items():
            update = jax.vmap(lambda h, g, s, p, n=name: OPTAX[n](**h).update(g, s, p))
            move, new[name] = update(hyper, of(grad, name), states[name], of(params, name))
            moves.append(move)
        moved = jax.tree.map(lambda *parts: jnp.concatenate(parts), *moves)
        return losses, optax.apply_updates(params, moved), new

    return params, states, step


def one_formula(model: Model, stack: dict[str, Any]) -> tuple[Tree, Tree, Step]:
    """One formula with coefficients and `where` for all eight: everything fuses, optax cannot serve."""
    names = [name for name, hyper in stack.items() for _ in hyper["lr"]]
    params = jax.tree.map(lambda a: jnp.repeat(a[None], len(names), 0), model.start)

    def column(field: str, otherwise: float) -> np.ndarray:
        return np.concatenate(
            [np.asarray(h.get(field, np.full(len(h["lr"]), otherwise)), np.float64) for h in stack.values()]
        )

    def among(*wanted: str) -> np.ndarray:
        return np.isin(names, wanted)

    beta = np.where(among("adam", "adamw"), column("beta1", 0), column("beta", 0))
    rho = np.where(among("rmsprop"), column("rho", 0), column("beta2", 0))
    rho = np.where(among("adagrad"), 1.0, rho)
    c = {
        "lr": column("lr", 0),
        "beta": beta,
        "new": np.where(among("momentum", "adam", "adamw"), 1 - beta, 1.0),
        "ahead": np.where(among("nesterov"), beta, 1.0),
        "own": np.where(among("nesterov"), 1.0, 0.0),
        "rho": rho,
        "square": np.where(among("adagrad"), 1.0, 1 - rho),
        "eps": column("eps", 0),
        "weight_decay": column("weight_decay", 0),
    }
    flags = {"adaptive": among("adagrad", "rmsprop", "adam", "adamw"), "debias": among("adam", "adamw")}
    c = {k: jnp.array(v, jnp.float32) for k, v in c.items()} | {k: jnp.array(v) for k, v in flags.items()}
    state = (jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params), jnp.zeros(()))

    def update(c: Any, p: Any, g: Any, m: Any, s: Any, t: Any) -> Any:
        first = jnp.where(c["debias"], 1 - c["beta"] ** t, 1.0)
        second = jnp.where(c["debias"], 1 - c["rho"] ** t, 1.0)

        def leaf(p: Any, g: Any, m: Any, s: Any) -> Any:
            m = c["beta"] * m + c["new"] * g
            s = c["rho"] * s + c["square"] * g * g
            move = (c["ahead"] * m + c["own"] * g) / first
            move = jnp.where(c["adaptive"], move / (jnp.sqrt(s / second) + c["eps"]), move)
            return p - c["lr"] * (move + c["weight_decay"] * p), m, s

        moved = [leaf(*leaves) for leaves in zip(*map(jax.tree.leaves, (p, g, m, s)), strict=True)]
        return tuple(jax.tree.unflatten(jax.tree.structure(p), part) for part in zip(*moved, strict=True))

    gradient = jax.vmap(jax.value_and_grad(model.loss), (0, None, None))

    def step(params: Tree, state: Tree, X: Any, y: Any) -> Any:
        losses, grad = gradient(params, X, y)
        m, s, t = state
        params, m, s = jax.vmap(update, (0, 0, 0, 0, 0, None))(c, params, grad, m, s, t + 1)
        return losses, params, (m, s, t + 1)

    return params, state, step


FORMS = {"vmap each": vmap_each, "one gradient": one_gradient, "one formula": one_formula}


class Scan:
    """One jitted program that is the whole training: scan over epochs, in it scan over steps."""

    library = "JAX"

    def __init__(
        self,
        work: Work,
        stack: dict[str, dict[str, np.ndarray]],
        form: str = "one gradient",
        layout: str = "ones",
        unroll: int = 2,
    ) -> None:
        self.work, self.stack = work, stack
        self.rows = sum(len(hyper["lr"]) for hyper in stack.values())
        self.mixed = len(stack) > 1
        self.name = named((form, layout)) if self.mixed else "JAX Adam"
        hypers = {n: {k: jnp.array(v, jnp.float32) for k, v in h.items()} for n, h in stack.items()}
        model = self.model = Model(work, layout)
        self.params, self.state, self.step = FORMS[form](model, hypers)
        data = {k: jnp.array(v) for k, v in work.data.items()}
        self.validation, self.test = (
            [
                (model.inputs(data[f"X_{p}"][i : i + CHUNK]), data[f"y_{p}"][i : i + CHUNK])
                for i in range(0, len(data[f"y_{p}"]), CHUNK)
            ]
            for p in ("validation", "test")
        )
        self.X, self.y, self.unroll = data["X_train"], data["y_train"], unroll
        flags = np.zeros(work.steps, bool)
        flags[work.records[1:] - 1] = True
        self.orders = jnp.array(work.orders, jnp.int32)
        self.flags = jnp.array(flags.reshape(work.epochs, -1))
        self.program = jax.jit(self.train)

    def rows_of(self, params: Tree) -> Tree:
        """All trials' parameters as one tree, rows first."""
        if isinstance(params, tuple):  # one for each optimizer
            return jax.tree.map(lambda *parts: jnp.concatenate(parts), *params)
        return params

    def read(self, params: Tree, chunks: Any) -> tuple[Any, Any]:
        """Loss and error of all trials."""
        return jax.vmap(lambda p: self.model.evaluate(p, chunks))(self.rows_of(params))

    def keep(self, params: Tree, best: Tree) -> tuple[Any, Tree]:
        """Read validation, and keep the parameters of the trials that improved."""
        loss, error = self.read(params, self.validation)
        better = loss < best[0]

        def choose(new: Any, old: Any) -> Any:
            return jnp.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)

        kept = jax.tree.map(choose, self.rows_of(params), best[1])
        return (loss, error), (jnp.where(better, loss, best[0]), kept)

    def train(self, params: Tree, state: Tree, orders: Any, flags: Any) -> Any:
        """The whole training."""
        batch, n = self.work.batch, self.work.n_train
        full = n // batch * batch
        nothing = (jnp.zeros(self.rows), jnp.zeros(self.rows))

        def step(carry: Tree, xs: Any) -> Any:
            params, state, best = carry
            X, y, flag = xs
            losses, params, state = self.step(params, state, X, y)
            read = nothing
            if self.work.checkpoints:
                read, best = jax.lax.cond(flag, self.keep, lambda p, b: (nothing, b), params, best)
            return (params, state, best), (losses, *read)

        def epoch(carry: Tree, xs: Any) -> Any:
            order, flags = xs
            X, y = self.X[order[:full]], self.y[order[:full]]
            batches = (
                self.model.inputs(X.reshape(-1, batch, X.shape[-1])),
                y.reshape(-1, batch),
                flags[: full // batch],
            )
            carry, out = jax.lax.scan(step, carry, batches, unroll=self.unroll)
            if full < n:
                last = order[full:]
                carry, ragged = step(carry, (self.model.inputs(self.X[last]), self.y[last], flags[-1]))
                out = jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), out, ragged)
            return carry, out

        best = (jnp.full(self.rows, jnp.inf), self.rows_of(params))
        first, best = self.keep(params, best)
        (params, state, best), out = jax.lax.scan(epoch, (params, state, best), (orders, flags))
        last = (nothing, best)
        if not self.work.checkpoints:
            last = self.keep(params, best)
        return first, out, last, self.read(last[1][1], self.test)[0]

    def run(self) -> Outcome:
        """Train."""
        first, out, last, test = jax.block_until_ready(
            self.program(self.params, self.state, self.orders, self.flags)
        )
        steps, records = self.work.steps, self.work.records
        losses, loss, error = (np.asarray(part).reshape(steps, -1) for part in out)
        if not self.work.checkpoints:
            loss = error = None
        seen = [[np.asarray(first[i])] for i in (0, 1)]
        if self.work.checkpoints:
            seen[0] += list(loss[records[1:] - 1])
            seen[1] += list(error[records[1:] - 1])
        else:
            seen[0].append(np.asarray(last[0][0]))
            seen[1].append(np.asarray(last[0][1]))
        means = [losses[a:b].mean(axis=0) for a, b in itertools.pairwise(records)]
        training = np.stack([np.full(self.rows, np.nan), *means])
        return Outcome(np.stack(seen[0]), np.stack(seen[1]), training, np.asarray(test))


VARIANTS = (
    ("one formula", "ones"),
    ("one gradient", "ones"),
    ("vmap each", "ones"),
    ("one formula", "columns"),
    ("one gradient", "rows"),
)
STRONG = 3  # of these were the fastest somewhere


def named(variant: tuple[str, str]) -> str:
    """For people."""
    return f"JAX {', '.join(variant)}"


def contenders(work: Work, variants: tuple[tuple[str, str], ...], stacks: tuple[int, ...]) -> list[Scan]:
    """The mixed stack in these forms, and Adam alone in stacks of these sizes."""
    return [*(Scan(work, mixed(), *v) for v in variants), *(Scan(work, adam(rows)) for rows in stacks)]
