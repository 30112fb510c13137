"""Record what torch and optax do, as the truth for `tests/dlopt/test_paths.py`, into `paths.json`.

Run it only to add cases; the tests just read the file. The project's environment has no torch, so:

    python3 -m venv /tmp/peers
    /tmp/peers/bin/pip install torch==2.13.0 jax optax numpy
    /tmp/peers/bin/python tests/record/record_paths.py

Everything is float64. Not recorded: optax.adagrad, whose ε stands inside the root.
"""

import json
import re
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

jax.config.update("jax_enable_x64", True)

STEPS = 130
EPOCH = 10  # steps per epoch, for the cases with a schedule
RECORDED = [*range(1, 41), *range(50, STEPS + 1, 10)]
START = [0.5, -1.25, 2.0, -0.03125]

# The string is what is run: {name} is a hyperparameter of the dlopt class.
CALLS = {
    "SGD": ["torch.optim.SGD([w], lr={lr})", "optax.sgd({lr})"],
    "Momentum": [
        "torch.optim.SGD([w], lr={lr} * (1 - {beta}), momentum={beta}, dampening=0)",
        "optax.chain(optax.ema({beta}, debias=False), optax.scale(-{lr}))",
    ],
    "HeavyBall": [
        "torch.optim.SGD([w], lr={lr}, momentum={beta}, dampening=0)",
        "optax.sgd({lr}, momentum={beta})",
    ],
    "Nesterov": [
        "torch.optim.SGD([w], lr={lr}, momentum={beta}, nesterov=True)",
        "optax.sgd({lr}, momentum={beta}, nesterov=True)",
    ],
    "Adagrad": ["torch.optim.Adagrad([w], lr={lr}, eps={eps}, initial_accumulator_value=0)"],
    "RMSprop": [
        "torch.optim.RMSprop([w], lr={lr}, alpha={rho}, eps={eps})",
        "optax.rmsprop({lr}, decay={rho}, eps={eps}, eps_in_sqrt=False)",
    ],
    "Adam": [
        "torch.optim.Adam([w], lr={lr}, betas=({beta1}, {beta2}), eps={eps})",
        "optax.adam({lr}, b1={beta1}, b2={beta2}, eps={eps}, eps_root=0)",
    ],
    "AdamW": [
        "torch.optim.AdamW([w], lr={lr}, betas=({beta1}, {beta2}), eps={eps}, weight_decay={weight_decay})",
        "optax.adamw({lr}, b1={beta1}, b2={beta2}, eps={eps}, eps_root=0, weight_decay={weight_decay})",
    ],
}
# Of a Python float optax takes the power in float32, even with jax_enable_x64: its int32 count makes it so.
SCHEDULED = {
    "torch": "torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma={gamma})",
    "optax": "optax.exponential_decay({lr}, 10, decay_rate=jnp.float64({gamma}), staircase=True)",
}

# Hyperparameters by dlopt's names; gamma is its Exponential schedule's.
CASES = {
    "SGD": [{"lr": 0.01}, {"lr": 0.3}, {"lr": 0.3, "gamma": 0.9}],
    "Momentum": [
        {"lr": 0.1, "beta": 0.9},
        {"lr": 0.3, "beta": 0.5},
        {"lr": 0.01, "beta": 0.99},
        {"lr": 0.1, "beta": 0.0},
    ],
    "HeavyBall": [{"lr": 0.01, "beta": 0.9}, {"lr": 0.3, "beta": 0.5}],
    "Nesterov": [{"lr": 0.01, "beta": 0.9}, {"lr": 0.3, "beta": 0.5}],
    "Adagrad": [{"lr": 0.01, "eps": 1e-10}, {"lr": 0.5, "eps": 1e-3}],
    "RMSprop": [
        {"lr": lr, "rho": rho, "eps": eps}
        for lr, rho in [(0.01, 0.9), (0.002, 0.99), (0.1, 0.5)]
        for eps in (1e-8, 1e-3)
    ],
    "Adam": [
        *(
            {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
            for lr, beta1, beta2 in [
                (0.05, 0.9, 0.999),
                (0.3, 0.5, 0.9),
                (0.01, 0.99, 0.9999),
                (0.002, 0.0, 0.99),
            ]
            for eps in (1e-8, 1e-3)
        ),
        {"lr": 0.05, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "gamma": 0.9},
    ],
    "AdamW": [
        {"lr": 0.05, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
        {"lr": 0.01, "beta1": 0.5, "beta2": 0.99, "eps": 1e-3, "weight_decay": 0.1},
    ],
}


def gradients(seed: int, order: str) -> np.ndarray:
    """A sequence (STEPS, 4) of stretches in the given order.

    o: 15 ordinary gradients; z: 12 exact zeros; u: 19 that grow from 1e-12 to 1e6; m: 19 whose size is
    drawn from that range, each parameter for itself.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for stretch in order:
        if stretch == "z":
            parts.append(np.zeros((12, 4)))
        elif stretch == "o":
            parts.append(rng.standard_normal((15, 4)))
        else:
            size = np.arange(-12, 7)[:, None] if stretch == "u" else rng.uniform(-12, 6, (19, 4))
            parts.append(rng.choice([-1, 1], (19, 4)) * rng.uniform(0.3, 1, (19, 4)) * 10.0**size)
    sequence = np.concatenate(parts)
    return np.concatenate([sequence, rng.standard_normal((STEPS - len(sequence), 4))])


def torch_path(call: str, schedule: str | None, sequence: np.ndarray) -> list[list[float]]:
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = eval(call, {"torch": torch, "w": w})
    scheduler = eval(schedule, {"torch": torch, "optimizer": optimizer}) if schedule else None
    path = []
    for t, grad in enumerate(sequence, start=1):
        w.grad = torch.from_numpy(grad.copy())
        optimizer.step()
        if scheduler and t % EPOCH == 0:
            scheduler.step()
        path.append(w.detach().numpy().tolist())
    return path


def optax_path(call: str, sequence: np.ndarray) -> list[list[float]]:
    w = jnp.array(START)
    optimizer = eval(call, {"optax": optax, "jnp": jnp})
    state = optimizer.init(w)
    path = []
    for grad in sequence:
        updates, state = optimizer.update(jnp.array(grad), state, w)
        w = optax.apply_updates(w, updates)
        assert w.dtype == jnp.float64
        path.append(np.asarray(w).tolist())
    return path


def main() -> None:
    # One sequence each: a setting that both libraries walk sees both orders of the stretches.
    sequences = {"torch": gradients(1, "ozumo"), "optax": gradients(2, "zuomzo")}
    cases = []
    for name, settings in CASES.items():
        for values, template in ((v, c) for v in settings for c in CALLS[name]):
            library = template.split(".")[0]
            hyper = {k: v for k, v in values.items() if k != "gamma"}
            schedule = SCHEDULED[library].format(**values) if "gamma" in values else None
            if library == "torch":
                call = template.format(**values)
                path = torch_path(call, schedule, sequences[library])
            else:
                call = template.format(**(values | {"lr": schedule} if schedule else values))
                path = optax_path(call, sequences[library])
            cases.append(
                {
                    "optimizer": name,
                    "hyperparameters": hyper,
                    "gamma": values.get("gamma"),
                    "library": library,
                    "call": f"{call}; {schedule}" if schedule and library == "torch" else call,
                    "path": [path[t - 1] for t in RECORDED],
                }
            )
    record = {
        "versions": {name: version(name) for name in ("torch", "optax", "jax", "numpy")},
        "start": START,
        "steps_per_epoch": EPOCH,
        "recorded_steps": RECORDED,
        "gradients": {library: sequence.tolist() for library, sequence in sequences.items()},
        "cases": cases,
    }
    text = json.dumps(record, indent=1, allow_nan=False)
    # One vector per line keeps the file small and its diffs readable.
    vector = r"\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]"
    text = re.sub(vector, lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)
    Path(__file__).with_name("paths.json").write_text(text + "\n")
    print(f"{len(cases)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()
