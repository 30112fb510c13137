"""What a user would write into an Optuna objective with PyTorch: one trial's training."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch.nn import functional

torch.set_num_threads(1)

OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda w, h: torch.optim.SGD(w, lr=h["lr"]),
    "momentum": lambda w, h: torch.optim.SGD(w, lr=h["lr"] * (1 - h["beta"]), momentum=h["beta"]),
    "heavyball": lambda w, h: torch.optim.SGD(w, lr=h["lr"], momentum=h["beta"]),
    "nesterov": lambda w, h: torch.optim.SGD(w, lr=h["lr"], momentum=h["beta"], nesterov=True),
    "adagrad": lambda w, h: torch.optim.Adagrad(w, lr=h["lr"], eps=h["eps"]),
    "rmsprop": lambda w, h: torch.optim.RMSprop(w, lr=h["lr"], alpha=h["rho"], eps=h["eps"]),
    "adam": lambda w, h: torch.optim.Adam(w, lr=h["lr"], betas=(h["beta1"], h["beta2"]), eps=h["eps"]),
    "adamw": lambda w, h: torch.optim.AdamW(
        w, lr=h["lr"], betas=(h["beta1"], h["beta2"]), eps=h["eps"], weight_decay=h["weight_decay"]
    ),
}


def knows(optimizer: str, dataset: str) -> bool:
    """Can it train this?"""
    return optimizer in OPTIMIZERS


def network(start: list[np.ndarray]) -> torch.nn.Sequential:
    """The network, with our initial weights."""
    modules: list[torch.nn.Module] = []
    for W in map(torch.from_numpy, start):
        linear = torch.nn.Linear(W.shape[1] - 1, W.shape[0])
        with torch.no_grad():
            linear.weight.copy_(W[:, :-1])
            linear.bias.copy_(W[:, -1])
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def train(task: Any, name: str, hyper: dict[str, float], size: int) -> tuple[float, float]:
    """Best validation loss (inf where it diverged), and the test error of the parameters that had it."""
    data = {part: torch.from_numpy(array) for part, array in task.data.items()}
    model = network(task.start)
    optimizer = OPTIMIZERS[name](model.parameters(), hyper)
    gamma = hyper.get("gamma")
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma) if gamma else None
    X, y, wanted = data["X_train"], data["y_train"], set(task.records[size])
    rng, step, finite = np.random.default_rng([task.seed, 1]), 0, True

    def loss_of(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if task.classes:
            return functional.cross_entropy(outputs, targets)
        return 0.5 * functional.mse_loss(outputs[:, 0], targets)

    def read(part: str) -> tuple[float, float]:
        with torch.no_grad():
            outputs, targets = model(data[f"X_{part}"]), data[f"y_{part}"]
            loss = loss_of(outputs, targets).item()
            if task.classes:
                return loss, (outputs.argmax(1) != targets).float().mean().item()
        return loss, (2 * loss) ** 0.5

    best, kept = read("validation")[0], copy.deepcopy(model.state_dict())
    for _ in range(task.epochs):
        for chosen in torch.from_numpy(rng.permutation(len(X))).split(size):
            optimizer.zero_grad()
            loss = loss_of(model(X[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
            step += 1
            if step in wanted:
                finite = finite and bool(loss.isfinite())
                validation = read("validation")[0]
                if validation < best:
                    best, kept = validation, copy.deepcopy(model.state_dict())
        if scheduler:
            scheduler.step()
    finite = finite and all(bool(w.isfinite().all()) for w in model.parameters())
    model.load_state_dict(kept)
    return (best, read("test")[1]) if finite else (np.inf, 1.0)
