"""How one row takes its steps by an optimizer of torch or optax, which are imported by nothing else.

A row's tensors are the weights (outputs, inputs) and the biases (outputs,) of each layer in turn.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np

from dlopt.average import Floats

Settings = tuple[tuple[str, Any], ...]  # arguments of the library's call, by name


class Row(Protocol):
    """What takes the steps of one row.

    rate: the name of the learning rate. needs: what is to be installed. what: an optimizer is there.
    """

    rate: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    what: ClassVar[str]

    def __init__(self, make: Any, settings: Settings, tensors: Sequence[Floats], lr: float) -> None:
        """make: the library's class or function, one that `offered` takes. tensors: where the row begins."""

    @staticmethod
    def offered(thing: Any) -> bool:
        """Is this an optimizer of the library's?"""

    def step(self, tensors: Sequence[Floats], gradients: Sequence[Floats], lr: float) -> Sequence[Floats]:
        """What is to be subtracted from each tensor, in its dtype."""

    def read(self, tensors: Sequence[Floats]) -> Sequence[Floats]:
        """What is to be evaluated instead of these tensors."""


class Torch(Row):
    """See `Row`: a `torch.optim.Optimizer` of its own for each row."""

    rate, needs, what = "lr", ("torch",), "class of torch.optim.Optimizer's"

    def __init__(self, make: Any, settings: Settings, tensors: Sequence[Floats], lr: float) -> None:
        import torch

        torch.set_num_threads(1)  # a row is small, and there is a worker for each core
        self.tensor = torch.tensor
        self.params = [torch.nn.Parameter(torch.tensor(one)) for one in tensors]
        self.optimizer = make(self.params, lr=lr, **dict(settings))
        self.averages = hasattr(self.optimizer, "train") and hasattr(self.optimizer, "eval")
        if self.averages:
            self.optimizer.train()

    @staticmethod
    def offered(thing: Any) -> bool:
        """See `Row`."""
        import torch

        base = torch.optim.Optimizer
        return isinstance(thing, type) and issubclass(thing, base) and thing is not base

    def step(self, tensors: Sequence[Floats], gradients: Sequence[Floats], lr: float) -> Sequence[Floats]:
        """See `Row`."""
        self._put(tensors)
        for param, gradient in zip(self.params, gradients, strict=True):
            param.grad = self.tensor(gradient)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        return [old - new for old, new in zip(tensors, self._got(), strict=True)]

    def read(self, tensors: Sequence[Floats]) -> Sequence[Floats]:
        """See `Row`; what is free of schedules has a mode for it."""
        if not self.averages:
            return tensors
        self._put(tensors)
        self.optimizer.eval()
        found = [one.copy() for one in self._got()]
        self.optimizer.train()
        return found

    def _put(self, tensors: Sequence[Floats]) -> None:
        for param, value in zip(self.params, tensors, strict=True):
            param.data.copy_(self.tensor(value))

    def _got(self) -> list[Any]:
        return [param.detach().numpy() for param in self.params]


class Optax(Row):
    """See `Row`: a state of its own for each row, and one compiled update for all of the same settings."""

    rate, needs, what = "learning_rate", ("optax", "jax"), "function of a learning_rate"

    def __init__(self, make: Any, settings: Settings, tensors: Sequence[Floats], lr: float) -> None:
        jax = _jax()
        self.dtype, self.update = tensors[0].dtype, _update(make, settings)
        with _precision(self.dtype):
            params = [jax.numpy.array(one) for one in tensors]  # a copy, which some of them keep
            self.state = make(learning_rate=lr, **dict(settings)).init(params)

    @staticmethod
    def offered(thing: Any) -> bool:
        """See `Row`."""
        try:
            return callable(thing) and Optax.rate in inspect.signature(thing).parameters
        except (TypeError, ValueError):  # some have no signature
            return False

    def step(self, tensors: Sequence[Floats], gradients: Sequence[Floats], lr: float) -> Sequence[Floats]:
        """See `Row`."""
        with _precision(self.dtype):
            steps, self.state = self.update(self.dtype.type(lr), list(gradients), self.state, list(tensors))
        return [np.asarray(one) for one in steps]

    def read(self, tensors: Sequence[Floats]) -> Sequence[Floats]:
        """See `Row`; what is free of schedules has a function for it."""
        from optax import contrib

        if not isinstance(self.state, contrib.ScheduleFreeState):
            return tensors
        with _precision(self.dtype):
            found = contrib.schedule_free_eval_params(self.state, list(tensors))
        return [np.asarray(one) for one in found]


@functools.lru_cache(maxsize=64)
def _update(make: Any, settings: Settings) -> Callable[..., Any]:
    """The compiled update of these settings; in it they are numbers of Python's own, as people write them."""
    jax = _jax()

    def step(lr: Any, gradients: Any, state: Any, params: Any) -> Any:
        updates, state = make(learning_rate=lr, **dict(settings)).update(gradients, state, params)
        return jax.tree.map(lambda one, update: -update.astype(one.dtype), params, updates), state

    compiled: Callable[..., Any] = jax.jit(step)
    return compiled


def _jax() -> Any:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # where all else is computed; heard at the first import
    import jax

    return jax


def _precision(dtype: np.dtype[Any]) -> contextlib.AbstractContextManager[Any]:
    """Inside, JAX has float64 where the parameters have."""
    made: Any = _jax().enable_x64(True) if dtype == np.float64 else contextlib.nullcontext()
    return made  # type: ignore[no-any-return]


LIBRARIES: dict[str, type[Row]] = {"torch": Torch, "optax": Optax}
