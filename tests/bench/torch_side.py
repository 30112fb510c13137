"""PyTorch: eager and fused Adam on one trial, torch.func.vmap and products by hand on K."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tests.bench.work import Outcome, Work, trials

torch.set_num_threads(1)
with contextlib.suppress(RuntimeError):  # a second call in one process
    torch.set_num_interop_threads(1)


class Training:
    """The loop that all forms share: batches in order, records, the best parameters kept."""

    library, name, mixed = "PyTorch", "", False

    def __init__(self, work: Work, rows: int) -> None:
        self.work, self.rows = work, rows
        data = {name: torch.from_numpy(array) for name, array in work.data.items()}
        self.X, self.y = data["X_train"], data["y_train"]
        self.held = {p: (data[f"X_{p}"], data[f"y_{p}"]) for p in ("validation", "test")}
        self.orders = torch.from_numpy(work.orders)
        self.wanted = set(work.records.tolist())
        self.columns = {  # (K,) each, float64 until they are cast
            field: torch.from_numpy(np.array(values)) for field, values in trials("adam", rows).items()
        }

    def run(self) -> Outcome:
        """Train."""
        self.prepare()
        self.best = torch.full((self.rows,), torch.inf)
        validation, error, training = [], [], [torch.full((self.rows,), torch.nan)]
        since: list[Any] = []
        step = 0

        def record() -> None:
            loss, wrong = self.read("validation")
            validation.append(loss)
            error.append(wrong)
            if since:
                training.append(torch.stack(since).reshape(len(since), -1).mean(0))
                since.clear()
            better = loss < self.best
            if better.any():
                self.keep(better)
                self.best = torch.where(better, loss, self.best)

        record()
        for order in self.orders:
            X, y = self.X[order], self.y[order]
            for batch_X, batch_y in zip(X.split(self.work.batch), y.split(self.work.batch), strict=True):
                since.append(self.step(batch_X, batch_y))
                step += 1
                if step in self.wanted:
                    record()
        self.restore()
        curves = [torch.stack(part).reshape(-1, self.rows).numpy() for part in (validation, error, training)]
        return Outcome(*curves, self.read("test")[0].reshape(-1).numpy())

    def score(self, outputs: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss and error of outputs (..., n, C) against y (n,)."""
        if not self.work.shape.classes:
            squares = ((outputs[..., 0] - y) ** 2).mean(-1)
            return squares / 2, squares.sqrt()
        true = outputs.gather(-1, y.expand(outputs.shape[:-1])[..., None])[..., 0]
        wrong = (outputs.argmax(-1) != y).to(outputs.dtype).mean(-1)
        return (outputs.logsumexp(-1) - true).mean(-1), wrong


class Eager(Training):
    """What a user writes: nn.Sequential, autograd, torch.optim.Adam; one trial."""

    def __init__(self, work: Work, *, fused: bool = False) -> None:
        super().__init__(work, 1)
        self.fused, self.name = fused, "PyTorch fused" if fused else "PyTorch eager"
        layers: list[torch.nn.Module] = []
        for W in work.start:
            layers += [torch.nn.Linear(W.shape[1] - 1, W.shape[0]), torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        self.linear = layers[::2]

    def prepare(self) -> None:
        """Start anew."""
        with torch.no_grad():
            for layer, W in zip(self.linear, self.work.start, strict=True):
                layer.weight.copy_(torch.from_numpy(W[:, :-1]))
                layer.bias.copy_(torch.from_numpy(W[:, -1]))
        at = {field: float(column[0]) for field, column in self.columns.items()}
        how = {"lr": at["lr"], "betas": (at["beta1"], at["beta2"]), "eps": at["eps"]}
        self.optimizer = torch.optim.Adam(self.model.parameters(), **how, fused=self.fused or None)

    def step(self, X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """One step."""
        self.optimizer.zero_grad()
        loss = mean_loss(self.model(X), y, self.work.shape.classes)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def read(self, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss and error."""
        X, y = self.held[part]
        loss, wrong = self.score(self.model(X), y)
        return loss.reshape(1), wrong.reshape(1)

    def keep(self, better: torch.Tensor) -> None:
        """Keep the parameters."""
        self.kept = copy.deepcopy(self.model.state_dict())

    def restore(self) -> None:
        """Go back to those kept."""
        self.model.load_state_dict(self.kept)


class Stacked(Training):
    """K trials of Adam in tensors (K, ...), hyperparameters in columns, corrections from tables."""

    def __init__(self, work: Work, rows: int) -> None:
        super().__init__(work, rows)
        t = torch.arange(1, work.steps + 1, dtype=torch.float64)[:, None]
        c = self.columns
        size = (c["lr"] / (1 - c["beta1"] ** t)).float()  # (steps, K)
        root = (1 - c["beta2"] ** t).rsqrt().float()
        self.tables = {n: list(zip(shaped(size, n), shaped(root, n), strict=True)) for n in (2, 3)}
        self.casts = {
            n: {f: shaped(value.float(), n) for f, value in (c | complements(c)).items()} for n in (2, 3)
        }

    def prepare(self) -> None:
        """Start anew."""
        start = [torch.from_numpy(W).expand(self.rows, *W.shape) for W in self.work.start]
        self.params = self.layout(start)
        self.mean = [torch.zeros_like(p) for p in self.params]
        self.square = [torch.zeros_like(p) for p in self.params]
        self.best_params = [p.clone() for p in self.params]
        self.t = 0

    def move(self, grads: list[torch.Tensor]) -> None:
        """Adam."""
        for p, g, m, v in zip(self.params, grads, self.mean, self.square, strict=True):
            c, (size, root) = self.casts[p.ndim], self.tables[p.ndim][self.t]
            m.mul_(c["beta1"]).addcmul_(g, c["1-beta1"])
            v.mul_(c["beta2"]).addcmul_(g, g.mul(c["1-beta2"]))
            p.sub_(m.mul(size).div_(v.sqrt().mul_(root).add_(c["eps"])))
        self.t += 1

    def keep(self, better: torch.Tensor) -> None:
        """Keep the parameters of the trials that improved."""
        for kept, p in zip(self.best_params, self.params, strict=True):
            kept[better] = p[better]

    def restore(self) -> None:
        """Go back to those kept."""
        self.params = self.best_params


def shaped(value: torch.Tensor, dimensions: int) -> torch.Tensor:
    """(..., K) -> (..., K, 1, ...), to broadcast against a parameter of so many dimensions."""
    return value.reshape(*value.shape, *[1] * (dimensions - 1))


def complements(columns: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """1-β in float64, before it is cast."""
    return {f"1-{field}": 1 - columns[field] for field in ("beta1", "beta2")}


class Vmap(Stacked):
    """torch.func.vmap over grad_and_value of one trial's loss."""

    def __init__(self, work: Work, rows: int) -> None:
        super().__init__(work, rows)
        self.name = "PyTorch vmap"
        classes = work.shape.classes

        def loss(params: list[torch.Tensor], X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return mean_loss(forward(params, X), y, classes)

        self.gradient = torch.func.vmap(torch.func.grad_and_value(loss), (0, None, None))
        self.outputs = torch.func.vmap(forward, (0, None))

    def layout(self, start: list[torch.Tensor]) -> list[torch.Tensor]:
        """W and b of each layer apart."""
        return [part.clone() for W in start for part in (W[:, :, :-1].contiguous(), W[:, :, -1].contiguous())]

    def step(self, X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """One step."""
        grads, losses = self.gradient(self.params, X, y)
        self.move(grads)
        return losses

    def read(self, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss and error."""
        X, y = self.held[part]
        return self.score(self.outputs(self.params, X), y)


def mean_loss(outputs: torch.Tensor, y: torch.Tensor, classes: int) -> torch.Tensor:
    """Of a batch, outputs (n, C)."""
    return functional.cross_entropy(outputs, y) if classes else 0.5 * functional.mse_loss(outputs[:, 0], y)


def forward(params: list[torch.Tensor], X: torch.Tensor) -> torch.Tensor:
    """Outputs (n, C) of one trial."""
    for i in range(0, len(params), 2):
        X = functional.linear(X, params[i], params[i + 1])
        X = functional.relu(X) if i < len(params) - 2 else X
    return X


class ByHand(Stacked):
    """Batched products and a gradient written out: the batch last, the bias inside, no autograd."""

    def __init__(self, work: Work, rows: int) -> None:
        super().__init__(work, rows)
        self.name = "PyTorch by hand"

    def layout(self, start: list[torch.Tensor]) -> list[torch.Tensor]:
        """[W | b] of each layer."""
        return [W.clone() for W in start]

    def outputs(self, X: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Outputs (K, C, B), and the activations with their row of ones, for X (F + 1, B)."""
        first, active = self.params[0], []
        a = (first.reshape(-1, first.shape[2]) @ X).reshape(self.rows, -1, X.shape[1])  # X is shared
        for W in self.params[1:]:
            ones = a.new_ones(self.rows, 1, a.shape[2])
            active.append(torch.cat([a.relu_(), ones], 1))
            a = torch.bmm(W, active[-1])
        return a, active

    @torch.no_grad()
    def step(self, X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """One step."""
        X = torch.cat([X, X.new_ones(len(X), 1)], 1)
        outputs, active = self.outputs(X.T.contiguous())
        if self.work.shape.classes:
            outputs -= outputs.amax(1, keepdim=True)
            true = outputs.gather(1, y.expand(self.rows, 1, -1))
            outputs.exp_()
            total = outputs.sum(1, keepdim=True)
            losses = (total.log() - true).mean((1, 2))
            outputs /= total
            outputs.scatter_add_(1, y.expand(self.rows, 1, -1), outputs.new_full((1,), -1.0).expand_as(true))
        else:
            outputs -= y
            losses = 0.5 * (outputs**2).mean((1, 2))
        delta, grads = outputs.div_(len(y)), []
        for W, a in zip(self.params[:0:-1], reversed(active), strict=True):
            grads.append(torch.bmm(delta, a.transpose(1, 2)))
            delta = torch.bmm(W[:, :, :-1].transpose(1, 2), delta).mul_(a[:, :-1] > 0)
        first = delta.reshape(-1, delta.shape[2]) @ X
        grads.append(first.reshape(self.rows, -1, X.shape[1]))
        self.move(grads[::-1])
        return losses

    @torch.no_grad()
    def read(self, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss and error."""
        X, y = self.held[part]
        outputs, _ = self.outputs(torch.cat([X, X.new_ones(len(X), 1)], 1).T.contiguous())
        return self.score(outputs.transpose(1, 2), y)


def contenders(work: Work, stacks: tuple[int, ...], *, by_hand_only: bool) -> list[Training]:
    """All forms; the stacked ones with these many trials, of them only the faster where time is short."""
    kinds = (ByHand,) if by_hand_only else (Vmap, ByHand)
    stacked = [kind(work, rows) for rows in stacks for kind in kinds]
    return [Eager(work), Eager(work, fused=True), *stacked]
