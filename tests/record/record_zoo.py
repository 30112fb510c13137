"""Record what independent libraries do for the optimizers beyond the first eight, into `zoo.json`.

Run it only to add cases; the tests just read the file. It takes half a minute:

    python3 -m venv /tmp/peers
    /tmp/peers/bin/pip install torch==2.13.0 jax==0.10.2 optax==0.2.8 numpy schedulefree==1.4.1 \
        prodigyopt==1.1.2 lion-pytorch==0.2.5 dadaptation==3.2 tabulate colorama
    /tmp/peers/bin/pip install --no-deps pytorch_optimizer==4.1.0 torch_optimizer==0.3.0 pytorch_ranger \
        timm==1.0.31 adabelief-pytorch==0.2.1
    /tmp/peers/bin/python tests/record/record_zoo.py

Everything is float64. A library that computes something in less is patched for it, see PATCHES; torch's
default dtype is float64, for it keeps scalars of NAdam, ASGD and averaged models in the default dtype.

An optimizer that works on each parameter alone moves the 4 numbers of `start` along the sequences "a" and
"b" (which begins with zeros). One that looks at tensors, or at norms over all of them, moves the 23 numbers
of `layered_start`, two layers as dlopt keeps them, along "layered_a" and "layered_b". The library sees
W1 (3, 4), b1 (3,), W2 (2, 3), b2 (2,). b2 starts at zero, as biases do. A case with a `layout` of its own
has its layers cut so instead. A case with a `quadratic` has no sequence: its gradient is
curvature * (point - center), from the start of its size.

`path` is where the next gradient is taken, `evaluated` (if any) what is to be evaluated, after each
recorded step. `variants` are other readings of the same names, each right in its library; no test holds
dlopt to them.
"""

import importlib
import importlib.util
import inspect
import json
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytorch_optimizer
import pytorch_optimizer.optimizer.sam
import torch
import torch.optim._muon
from record_paths import EPOCH, START, STEPS, gradients


def import_timm(*names: str) -> Any:
    """timm with these of its optimizers alone: the models beside them would need torchvision."""
    where = Path(importlib.util.find_spec("timm").origin).parent
    for name, folder in (("timm", where), ("timm.optim", where / "optim")):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(folder)]
    sys.modules["timm"].optim = sys.modules["timm.optim"]
    for name in names:
        importlib.import_module(f"timm.optim.{name}")
    return sys.modules["timm"]


OTHERS = ("lion_pytorch", "adabelief_pytorch", "schedulefree", "prodigyopt", "dadaptation", "torch_optimizer")
LIBRARIES = {
    "torch": torch,
    "optax": optax,
    "pytorch_optimizer": pytorch_optimizer,
    "timm": import_timm("adamw", "adan", "lamb", "laprop", "nadamw", "nvnovograd", "sgdw"),
    **{name: importlib.import_module(name) for name in OTHERS},
}

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)

RECORDED = [*range(1, 13), *range(20, STEPS + 1, 10)]
Layout = list[tuple[str, int, int, int, int]]  # of each layer: name, start, stop, outputs, inputs + 1
LAYOUT: Layout = [("layer1", 0, 15, 3, 5), ("layer2", 15, 23, 2, 4)]
TALL: Layout = [("layer1", 0, 15, 5, 3), ("layer2", 15, 23, 2, 4)]
SEES_SHAPES = ("Muon", "Adafactor", "Shampoo", "SM3")  # their last setting has the tall matrix, (5, 2)

# What a library computes in less than float64: owner, function, what its source says, what is run instead.
PATCHES = [
    (torch.optim._muon, "_zeropower_via_newtonschulz", "grad.bfloat16()", "grad.clone()"),
    (pytorch_optimizer.SOAP, "get_orthogonal_matrix_qr", "torch.float32", "torch.float64"),
    (pytorch_optimizer.optimizer.sam, "get_global_gradient_norm", "]).float()", "])"),
    (pytorch_optimizer.QHAdam, "init_group", "torch.float32", "torch.float64"),
]


def patch(owner: Any, name: str, old: str, new: str) -> None:
    function = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(function))
    assert old in source, (name, old)
    space = dict(inspect.unwrap(function).__globals__)
    exec(source.replace(old, new), space)
    setattr(owner, name, space[name])


class Call(NamedTuple):
    """Python that is run. make: the optimizer; before and after: around each of its steps."""

    make: str
    setup: str = ""  # after make
    before: str = ""
    after: str = ""
    evaluated: str = ""  # the evaluated point, as params
    note: str = ""

    def formatted(self, values: dict[str, Any]) -> "Call":
        return Call(*(part.format(**values) for part in self))

    @property
    def said(self) -> str:
        each = [part for part in (self.before, "optimizer.step()", self.after) if part]
        parts = [self.make, self.setup, f"each step: {', '.join(each)}" if len(each) > 1 else ""]
        return "; ".join(part for part in parts if part)


ADAM = "lr={lr}, betas=({beta1}, {beta2}), eps={eps}"
OPTAX_ADAM = "{lr}, b1={beta1}, b2={beta2}, eps={eps}"
DECAYED = ADAM + ", weight_decay={weight_decay}"
OPTAX_DECAYED = OPTAX_ADAM + ", weight_decay={weight_decay}"
AXES = "lr beta1 beta2 eps"
AXES_DECAYED = "lr beta1 beta2 eps weight_decay"

# Several libraries can walk one optimizer. In a call, {name} is a hyperparameter of the dlopt class, params
# are the tensors, weights and biases those of layers; below it the settings, in the order of the names.
SLOW = "[optimizer.state[p]['slow_params'] for p in params]"
AVERAGED = "list(averaged.module.parameters())"
SGD = "torch.optim.SGD(params, lr={lr})"
TORCH_ADAM = f"torch.optim.Adam(params, {ADAM})"
CLIP = "torch.nn.utils.clip_grad_norm_(params, {norm})"
IN_EVAL_MODE = "in_eval_mode(optimizer, params)"
SCHEDULE_FREE_X = "optax.contrib.schedule_free_eval_params(state, params)"
PRODIGY = f"prodigyopt.Prodigy(params, {DECAYED}, d0={{d0}}, d_coef={{d_coef}})"
DADAPT = (
    "optax.contrib.dadapt_adamw({lr}, betas=({beta1}, {beta2}), eps={eps}, estim_lr0={d0}, "
    "weight_decay={weight_decay})"
)
DOG = "optax.contrib.dog({lr}, init_step=('distance', {d0}), eps={eps})"
MASK = "[p.ndim == 2 for p in params]"

START23 = np.random.default_rng(7).standard_normal(23).round(3)
START23[[18, 22]] = 0  # the biases of layer2
STARTS = {4: np.array(START), 23: START23}
_rng = np.random.default_rng(8)
QUADRATICS = {
    4: {"curvature": [0.5, 1.0, 3.0, 10.0], "center": [1.0, -0.5, 0.25, 2.0]},
    23: {
        "curvature": (10 ** _rng.uniform(-1, 0.7, 23)).round(3).tolist(),
        "center": _rng.standard_normal(23).round(3).tolist(),
    },
}

Settings = list[tuple[float, ...]]
ELEMENTWISE: dict[str, tuple[str, dict[str | Call, Settings]]] = {
    "SignSGD": (
        "lr",
        {
            "optax.sign_sgd({lr})": [(0.01,)],
            "pytorch_optimizer.SignSGD(params, lr={lr}, momentum=0, weight_decay=0)": [(0.3,)],
        },
    ),
    "Signum": (
        "lr beta",
        {
            "optax.signum({lr}, beta={beta})": [(0.01, 0.9), (0.1, 0.5)],
            "pytorch_optimizer.SignSGD(params, lr={lr}, momentum={beta}, weight_decay=0)": [(0.003, 0.99)],
        },
    ),
    "QHM": (
        "lr beta nu",
        {
            "pytorch_optimizer.QHM(params, lr={lr}, momentum={beta}, nu={nu})": [
                (0.1, 0.999, 0.7),
                (0.3, 0.9, 0.5),
            ],
            "torch_optimizer.QHM(params, lr={lr}, momentum={beta}, nu={nu})": [(0.03, 0.99, 0.9)],
        },
    ),
    "AggMo": (
        "lr beta1 beta2",
        {
            "pytorch_optimizer.AggMo(params, lr={lr}, betas=(0.0, {beta1}, {beta2}))": [
                (0.1, 0.9, 0.99),
                (0.01, 0.5, 0.9),
            ],
            "torch_optimizer.AggMo(params, lr={lr}, betas=(0.0, {beta1}, {beta2}))": [(0.03, 0.8, 0.999)],
        },
    ),
    "SGDW": (
        "lr beta weight_decay",
        {
            "pytorch_optimizer.SGDW(params, lr={lr}, momentum={beta}, weight_decay={weight_decay})": [
                (0.01, 0.9, 0.1),
                (0.1, 0.5, 0.01),
            ],
            "timm.optim.sgdw.SGDW(params, lr={lr}, momentum={beta}, weight_decay={weight_decay})": [
                (0.003, 0.99, 1.0)
            ],
        },
    ),
    "CenteredRMSprop": (
        "lr rho beta eps",
        {
            "torch.optim.RMSprop(params, lr={lr}, alpha={rho}, momentum={beta}, eps={eps}, centered=True)": [
                (0.01, 0.9, 0.9, 1e-8),
                (0.03, 0.99, 0.5, 1e-3),
                (0.1, 0.95, 0.0, 1e-6),
            ],
            "optax.rmsprop({lr}, decay={rho}, momentum={beta}, eps={eps}, eps_in_sqrt=False, "
            "centered=True)": [(0.003, 0.95, 0.8, 1e-4)],
        },
    ),
    "Adadelta": (
        "lr rho eps",
        {
            "torch.optim.Adadelta(params, lr={lr}, rho={rho}, eps={eps})": [
                (1.0, 0.9, 1e-6),
                (5.0, 0.99, 1e-3),
            ],
            "optax.adadelta({lr}, rho={rho}, eps={eps})": [(10.0, 0.5, 1e-8)],
        },
    ),
    "Rprop": (
        "lr shrink grow smallest largest",
        {
            "torch.optim.Rprop(params, lr={lr}, etas=({shrink}, {grow}), "
            "step_sizes=({smallest}, {largest}))": [
                (0.01, 0.5, 1.2, 1e-6, 50.0),
                (0.1, 0.7, 1.5, 0.03, 0.2),
                (0.003, 0.3, 1.1, 1e-3, 0.01),
            ]
        },
    ),
    "ASGD": (
        "lr weight_decay power start",
        {
            Call(
                "torch.optim.ASGD(params, lr={lr}, lambd={weight_decay}, alpha={power}, t0={start})",
                evaluated="[optimizer.state[p]['ax'] for p in params]",
                note="weight_decay is torch's lambd (its own weight_decay, added to the gradient, is 0)",
            ): [(0.01, 1e-4, 0.75, 1e6), (0.1, 0.1, 0.5, 20.0), (0.03, 0.01, 0.75, 7.0)]
        },
    ),
    "Lion": (
        "lr beta1 beta2 weight_decay",
        {
            "optax.lion({lr}, b1={beta1}, b2={beta2}, weight_decay={weight_decay})": [
                (0.01, 0.9, 0.99, 0.0),
                (0.03, 0.5, 0.9, 0.1),
            ],
            "lion_pytorch.Lion(params, lr={lr}, betas=({beta1}, {beta2}), weight_decay={weight_decay})": [
                (0.003, 0.95, 0.98, 1.0)
            ],
        },
    ),
    "AMSGrad": (
        AXES,
        {
            f"torch.optim.Adam(params, {ADAM}, amsgrad=True)": [
                (0.05, 0.9, 0.999, 1e-8),
                (0.3, 0.5, 0.9, 1e-3),
                (0.01, 0.95, 0.99, 1e-6),
            ]
        },
    ),
    "NAdam": (
        "lr beta1 beta2 eps momentum_decay",
        {
            f"torch.optim.NAdam(params, {ADAM}, momentum_decay={{momentum_decay}})": [
                (0.05, 0.9, 0.999, 1e-8, 4e-3),
                (0.1, 0.5, 0.9, 1e-3, 1.0),
                (0.01, 0.95, 0.99, 1e-6, 0.05),
            ]
        },
    ),
    "NAdamW": (
        AXES_DECAYED,
        {
            f"timm.optim.nadamw.NAdamW(params, {DECAYED})": [
                (0.05, 0.9, 0.999, 1e-8, 0.01),
                (0.01, 0.5, 0.9, 1e-3, 0.3),
                (0.1, 0.95, 0.99, 1e-6, 0.0),
            ]
        },
    ),
    "RAdam": (
        AXES,
        {
            f"torch.optim.RAdam(params, {ADAM})": [
                (0.05, 0.9, 0.999, 1e-8),
                (0.01, 0.5, 0.9, 1e-3),
                (0.1, 0.95, 0.99, 1e-5),
            ]
        },
    ),
    "Adamax": (
        AXES,
        {
            f"torch.optim.Adamax(params, {ADAM})": [(0.05, 0.9, 0.999, 1e-8), (0.1, 0.5, 0.9, 1e-3)],
            f"optax.adamax({OPTAX_ADAM})": [(0.02, 0.95, 0.99, 1e-6)],
        },
    ),
    "AdaBelief": (
        AXES,
        {
            f"optax.adabelief({OPTAX_ADAM}, eps_root={{eps}})": [
                (0.01, 0.9, 0.999, 1e-16),
                (0.05, 0.5, 0.9, 1e-4),
            ],
            f"adabelief_pytorch.AdaBelief(params, {ADAM}, weight_decouple=False, rectify=False, "
            "print_change_log=False)": [(0.03, 0.95, 0.99, 1e-8)],
        },
    ),
    "Yogi": (
        AXES,
        {
            f"optax.yogi({OPTAX_ADAM})": [(0.01, 0.9, 0.999, 1e-3), (0.1, 0.5, 0.9, 1e-6)],
            f"torch_optimizer.Yogi(params, {ADAM})": [(0.03, 0.95, 0.99, 1e-4)],
        },
    ),
    "LaProp": (
        AXES,
        {
            f"timm.optim.laprop.LaProp(params, {ADAM}, weight_decay=0)": [
                (0.05, 0.9, 0.999, 1e-15),
                (0.01, 0.5, 0.9, 1e-3),
                (0.1, 0.95, 0.99, 1e-8),
            ]
        },
    ),
    "ADOPT": (
        AXES,
        {
            f"optax.contrib.adopt({OPTAX_ADAM})": [
                (0.01, 0.9, 0.9999, 1e-6),
                (0.1, 0.5, 0.9, 1e-3),
                (0.03, 0.95, 0.99, 1e-8),
            ]
        },
    ),
    "Grams": (
        AXES,
        {
            f"pytorch_optimizer.Grams(params, {ADAM}, weight_decay=0)": [
                (0.05, 0.9, 0.999, 1e-6),
                (0.01, 0.5, 0.9, 1e-3),
                (0.1, 0.95, 0.99, 1e-8),
            ]
        },
    ),
    "AdEMAMix": (
        "lr beta1 beta2 eps beta3 alpha",
        {
            f"optax.contrib.ademamix({OPTAX_ADAM}, b3={{beta3}}, alpha={{alpha}})": [
                (0.01, 0.9, 0.999, 1e-8, 0.9999, 5.0),
                (0.03, 0.5, 0.9, 1e-3, 0.99, 2.0),
            ],
            "pytorch_optimizer.AdEMAMix(params, lr={lr}, betas=({beta1}, {beta2}, {beta3}), alpha={alpha}, "
            "t_alpha_beta3=None, eps={eps}, weight_decay=0)": [(0.003, 0.95, 0.99, 1e-6, 0.999, 8.0)],
        },
    ),
    "QHAdam": (
        "lr beta1 beta2 eps nu1 nu2",
        {
            f"torch_optimizer.QHAdam(params, {ADAM}, nus=({{nu1}}, {{nu2}}))": [
                (0.01, 0.995, 0.999, 1e-8, 0.7, 1.0),
                (0.03, 0.9, 0.99, 1e-3, 0.5, 0.9),
            ],
            f"pytorch_optimizer.QHAdam(params, {ADAM}, nus=({{nu1}}, {{nu2}}))": [
                (0.1, 0.5, 0.9, 1e-6, 0.8, 0.7)
            ],
        },
    ),
    "AdaBound": (
        "lr beta1 beta2 eps final gamma",
        {
            f"torch_optimizer.AdaBound(params, {ADAM}, final_lr={{final}}, gamma={{gamma}})": [
                (0.001, 0.9, 0.999, 1e-8, 0.1, 1e-3),
                (0.01, 0.5, 0.9, 1e-3, 0.03, 0.05),
                (0.03, 0.95, 0.99, 1e-6, 0.01, 0.01),
            ]
        },
    ),
    "Adan": (
        "lr beta1 beta2 beta3 eps weight_decay",
        {
            "timm.optim.adan.Adan(params, lr={lr}, betas=({beta1}, {beta2}, {beta3}), eps={eps}, "
            "weight_decay={weight_decay})": [
                (0.01, 0.98, 0.92, 0.99, 1e-8, 0.0),
                (0.03, 0.9, 0.7, 0.95, 1e-3, 0.1),
            ],
            "pytorch_optimizer.Adan(params, lr={lr}, betas=({beta1}, {beta2}, {beta3}), eps={eps}, "
            "weight_decay={weight_decay}, weight_decouple=False)": [(0.003, 0.95, 0.8, 0.999, 1e-6, 1.0)],
        },
    ),
    "MADGRAD": (
        "lr beta eps",
        {
            "pytorch_optimizer.MADGRAD(params, lr={lr}, momentum={beta}, eps={eps})": [
                (0.01, 0.9, 1e-6),
                (0.1, 0.5, 1e-3),
            ],
            "torch_optimizer.MADGRAD(params, lr={lr}, momentum={beta}, eps={eps})": [(0.03, 0.99, 1e-4)],
        },
    ),
    "ScheduleFreeSGD": (
        "lr beta weight_decay",
        {
            Call(
                "schedulefree.SGDScheduleFree(params, lr={lr}, momentum={beta}, weight_decay={weight_decay})",
                setup="optimizer.train()",
                evaluated=IN_EVAL_MODE,
            ): [(1.0, 0.9, 0.0), (0.1, 0.5, 0.1)],
            Call(
                "optax.contrib.schedule_free_sgd({lr}, b1={beta}, weight_decay={weight_decay})",
                evaluated=SCHEDULE_FREE_X,
            ): [(0.3, 0.95, 0.01)],
        },
    ),
    "ScheduleFreeAdamW": (
        AXES_DECAYED,
        {
            Call(
                f"schedulefree.AdamWScheduleFree(params, {DECAYED})",
                setup="optimizer.train()",
                evaluated=IN_EVAL_MODE,
            ): [(0.0025, 0.9, 0.999, 1e-8, 0.0), (0.1, 0.5, 0.9, 1e-3, 0.1)],
            Call(
                "optax.contrib.schedule_free_adamw({lr}, b1={beta1}, b2={beta2}, eps={eps}, "
                "weight_decay={weight_decay})",
                evaluated=SCHEDULE_FREE_X,
            ): [(0.03, 0.95, 0.99, 1e-6, 0.01)],
        },
    ),
    "LookaheadSGD": (
        "lr every alpha",
        {
            Call(f"pytorch_optimizer.Lookahead({SGD}, k={{every}}, alpha={{alpha}})", evaluated=SLOW): [
                (0.1, 5, 0.5),
                (0.01, 3, 0.8),
            ],
        },
    ),
    "LookaheadAdam": (
        "lr beta1 beta2 eps every alpha",
        {
            Call(
                f"pytorch_optimizer.Lookahead({TORCH_ADAM}, k={{every}}, alpha={{alpha}})", evaluated=SLOW
            ): [
                (0.05, 0.9, 0.999, 1e-8, 5, 0.5),
                (0.1, 0.5, 0.9, 1e-3, 4, 0.3),
            ],
        },
    ),
    "EMASGD": (
        "lr beta",
        {
            Call(
                SGD,
                setup="averaged = torch.optim.swa_utils.AveragedModel(model, "
                "multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn({beta}))",
                after="averaged.update_parameters(model)",
                evaluated=AVERAGED,
            ): [(0.1, 0.99), (0.01, 0.5)]
        },
    ),
    "EMAAdam": (
        "lr beta1 beta2 eps beta",
        {
            Call(
                TORCH_ADAM,
                setup="averaged = torch.optim.swa_utils.AveragedModel(model, "
                "multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn({beta}))",
                after="averaged.update_parameters(model)",
                evaluated=AVERAGED,
            ): [(0.1, 0.9, 0.999, 1e-8, 0.99), (0.01, 0.5, 0.99, 1e-3, 0.9)]
        },
    ),
    "AverageSGD": (
        "lr",
        {
            Call(
                SGD,
                setup="averaged = torch.optim.swa_utils.AveragedModel(model)",
                after="averaged.update_parameters(model)",
                evaluated=AVERAGED,
                note="the mean of the points after each step; the start does not count",
            ): [(0.1,), (0.01,)]
        },
    ),
}

LAYERED: dict[str, tuple[str, dict[str | Call, Settings]]] = {
    "Muon": (
        "lr momentum beta1 beta2 eps weight_decay",
        {
            Call(
                "[torch.optim.Muon(weights, lr={lr}, momentum={momentum}, weight_decay={weight_decay}), "
                f"torch.optim.AdamW(biases, {DECAYED})]",
                note="Newton-Schulz in float64 instead of bfloat16; torch's defaults nesterov=True, "
                "ns_steps=5, eps=1e-7, ns_coefficients=(3.4445, -4.775, 2.0315), "
                "adjust_lr_fn=None ('original')",
            ): [
                (0.001, 0.95, 0.9, 0.999, 1e-8, 0.1),
                (0.03, 0.9, 0.5, 0.9, 1e-3, 0.01),
                (0.01, 0.5, 0.95, 0.99, 1e-6, 0.0),
            ],
        },
    ),
    "Adafactor": (
        "lr beta2_decay clip weight_decay",
        {
            "torch.optim.Adafactor(params, lr={lr}, beta2_decay={beta2_decay}, d={clip}, "
            "weight_decay={weight_decay})": [
                (0.01, -0.8, 1.0, 0.0),
                (0.3, -0.5, 1.5, 0.1),
                (0.1, -0.9, 3.0, 0.01),
            ]
        },
    ),
    "Prodigy": (
        "lr beta1 beta2 eps d0 d_coef weight_decay",
        {
            PRODIGY: [
                (1.0, 0.9, 0.999, 1e-8, 1e-6, 1.0, 0.0),
                (0.3, 0.5, 0.9, 1e-3, 1e-4, 2.0, 0.1),
            ],
            f"pytorch_optimizer.Prodigy(params, {DECAYED}, d0={{d0}}, d_coef={{d_coef}})": [
                (0.1, 0.95, 0.99, 1e-6, 1e-3, 0.5, 0.01)
            ],
        },
    ),
    "LAMB": (
        AXES_DECAYED,
        {
            f"optax.lamb({OPTAX_DECAYED})": [
                (0.001, 0.9, 0.999, 1e-6, 0.0),
                (0.03, 0.5, 0.9, 1e-3, 0.1),
            ],
            f"timm.optim.lamb.Lamb(params, {DECAYED}, max_grad_norm=None, always_adapt=True)": [
                (0.01, 0.95, 0.99, 1e-8, 0.01)
            ],
        },
    ),
    "LARS": (
        "lr beta weight_decay trust",
        {
            "optax.lars({lr}, weight_decay={weight_decay}, trust_coefficient={trust}, momentum={beta})": [
                (0.1, 0.9, 0.0, 0.001),
                (1.0, 0.5, 0.01, 0.01),
                (10.0, 0.95, 0.1, 0.002),
            ]
        },
    ),
    "SOAP": (
        "lr beta1 beta2 shampoo eps weight_decay",
        {
            Call(
                "pytorch_optimizer.SOAP(params, lr={lr}, betas=({beta1}, {beta2}), shampoo_beta={shampoo}, "
                "eps={eps}, weight_decay={weight_decay})",
                note="QR in float64 instead of float32; precondition_frequency=10, biases not preconditioned",
            ): [
                (0.003, 0.95, 0.95, 0.95, 1e-8, 0.01),
                (0.03, 0.9, 0.99, 0.8, 1e-3, 0.1),
                (0.01, 0.5, 0.9, 0.99, 1e-6, 0.0),
            ]
        },
    ),
    "Shampoo": (
        "lr eps",
        {
            "pytorch_optimizer.Shampoo(params, lr={lr}, matrix_eps={eps})": [
                (0.1, 1e-6),
                (1.0, 1e-3),
                (0.01, 0.1),
            ]
        },
    ),
    "DAdaptAdam": (
        "lr beta1 beta2 eps d0 weight_decay",
        {
            DADAPT: [
                (1.0, 0.9, 0.999, 1e-8, 1e-6, 0.0),
                (0.3, 0.5, 0.9, 1e-3, 1e-4, 0.1),
            ],
            f"dadaptation.DAdaptAdam(params, {DECAYED}, d0={{d0}}, decouple=True, "
            "use_bias_correction=True)": [(0.1, 0.95, 0.99, 1e-6, 1e-3, 0.01)],
        },
    ),
    "DoG": (
        "lr d0 eps",
        {
            DOG: [
                (1.0, 1e-6, 1e-8),
                (0.3, 1e-3, 1e-2),
                (3.0, 1e-2, 1e-4),
            ]
        },
    ),
    "CautiousAdamW": (
        AXES_DECAYED,
        {
            f"timm.optim.adamw.AdamWLegacy(params, {DECAYED}, caution=True)": [
                (0.001, 0.9, 0.999, 1e-8, 0.01),
                (0.03, 0.5, 0.9, 1e-3, 0.1),
                (0.1, 0.95, 0.99, 1e-6, 0.0),
            ]
        },
    ),
    "StableAdamW": (
        AXES_DECAYED,
        {
            f"pytorch_optimizer.StableAdamW(params, {DECAYED})": [
                (0.001, 0.9, 0.99, 1e-8, 0.01),
                (0.03, 0.5, 0.9, 1e-3, 0.1),
                (0.1, 0.95, 0.999, 1e-6, 0.0),
            ]
        },
    ),
    "NovoGrad": (
        AXES_DECAYED,
        {
            f"optax.novograd({OPTAX_DECAYED})": [
                (0.01, 0.9, 0.25, 1e-6, 0.0),
                (0.03, 0.5, 0.9, 1e-3, 0.1),
            ],
            f"timm.optim.nvnovograd.NvNovoGrad(params, {DECAYED})": [(0.003, 0.95, 0.98, 1e-8, 0.01)],
        },
    ),
    "SM3": (
        "lr beta",
        {"optax.sm3({lr}, momentum={beta})": [(0.1, 0.9), (0.3, 0.5), (1.0, 0.0)]},
    ),
    "MaskedAdamW": (
        AXES_DECAYED,
        {
            "optax.chain(optax.scale_by_adam(b1={beta1}, b2={beta2}, eps={eps}), "
            "optax.add_decayed_weights({weight_decay}, mask=" + MASK + "), optax.scale(-{lr}))": [
                (0.05, 0.9, 0.999, 1e-8, 0.01),
                (0.01, 0.5, 0.9, 1e-3, 1.0),
            ],
            "torch.optim.AdamW([{{'params': weights, 'weight_decay': {weight_decay}}}, "
            f"{{{{'params': biases, 'weight_decay': 0}}}}], {ADAM})": [(0.003, 0.95, 0.99, 1e-6, 0.3)],
        },
    ),
    "WeightDecaySGD": (
        "lr weight_decay",
        {
            "torch.optim.SGD([{{'params': weights, 'weight_decay': {weight_decay}}}, "
            "{{'params': biases, 'weight_decay': 0}}], lr={lr})": [(0.01, 0.01), (0.1, 1.0)]
        },
    ),
    "ClipNormSGD": (
        "lr norm",
        {Call(SGD, before=CLIP): [(0.1, 1.0), (0.3, 10.0)]},
    ),
    "ClipNormAdam": (
        "lr beta1 beta2 eps norm",
        {Call(TORCH_ADAM, before=CLIP): [(0.05, 0.9, 0.999, 1e-8, 1.0), (0.1, 0.5, 0.9, 1e-3, 5.0)]},
    ),
}

# On a quadratic: for the second gradient of a step, and so that an estimated distance grows.
ADVERSARY = "optax.chain(optax.contrib.normalize(), optax.sgd({rho}))"
WALKED: dict[str, tuple[str, dict[str | Call, Settings]]] = {
    "SAMSGD": (
        "lr rho",
        {
            Call(
                "pytorch_optimizer.SAM(params, torch.optim.SGD, rho={rho}, lr={lr})",
                note="norm in float64 instead of float32",
            ): [(0.01, 0.05), (0.1, 0.3)],
            f"optax.contrib.sam(optax.sgd({{lr}}), {ADVERSARY}, opaque_mode=True)": [(0.03, 0.02)],
        },
    ),
    "SAMMomentum": (
        "lr beta rho",
        {
            Call(
                "pytorch_optimizer.SAM(params, torch.optim.SGD, rho={rho}, lr={lr} * (1 - {beta}), "
                "momentum={beta})",
                note="norm in float64 instead of float32",
            ): [(0.1, 0.9, 0.05), (0.03, 0.5, 0.3)]
        },
    ),
    "Prodigy": (
        LAYERED["Prodigy"][0],
        {
            PRODIGY: [(1.0, 0.9, 0.999, 1e-8, 1e-6, 1.0, 0.0), (0.3, 0.8, 0.99, 1e-4, 1e-4, 2.0, 0.1)],
        },
    ),
    "DAdaptAdam": (
        LAYERED["DAdaptAdam"][0],
        {
            DADAPT: [(1.0, 0.9, 0.999, 1e-8, 1e-6, 0.0), (0.3, 0.8, 0.99, 1e-4, 1e-4, 0.1)],
        },
    ),
    "DoG": (LAYERED["DoG"][0], {DOG: [(1.0, 1e-6, 1e-8), (0.3, 1e-2, 1e-3)]}),
}

VARIANTS: dict[str, tuple[str, dict[str | Call, Settings]]] = {
    "DAdaptAdam": (
        "lr beta1 beta2 eps d0 weight_decay",
        {
            Call(
                f"dadaptation.DAdaptAdam(params, {DECAYED}, d0={{d0}}, decouple=True)",
                note="its default: no bias correction",
            ): [(1.0, 0.9, 0.999, 1e-8, 1e-6, 0.0), (0.3, 0.5, 0.9, 1e-3, 1e-4, 0.1)],
            Call(
                f"dadaptation.DAdaptAdam(params, {DECAYED}, d0={{d0}})",
                note="all its defaults: no bias correction, the decay added to the gradient",
            ): [(0.3, 0.5, 0.9, 1e-3, 1e-4, 0.1)],
        },
    ),
    "DoG": (
        "lr d0 eps",
        {
            Call(
                "optax.contrib.dog({lr}, init_step=('heuristic', {d0}), eps={eps})",
                note="optax's default: the first distance is d0 * (1 + the norm of the start)",
            ): [(1.0, 1e-6, 1e-8), (0.3, 1e-3, 1e-2)]
        },
    ),
}

WRAPPERS = {
    "LookaheadSGD": ("Lookahead", "SGD"),
    "LookaheadAdam": ("Lookahead", "Adam"),
    "EMASGD": ("EMA", "SGD"),
    "EMAAdam": ("EMA", "Adam"),
    "AverageSGD": ("Average", "SGD"),
    "MaskedAdamW": ("WeightDecay", "Adam"),
    "WeightDecaySGD": ("WeightDecay", "SGD"),
    "ClipNormSGD": ("ClipNorm", "SGD"),
    "ClipNormAdam": ("ClipNorm", "Adam"),
    "SAMSGD": ("SAM", "SGD"),
    "SAMMomentum": ("SAM", "Momentum"),
}

# Zeros in step 1 are 0 / 0 in optax's, have no eigenvectors, or are met differently by the libraries.
STARTS_WITH_A_GRADIENT = {"DAdaptAdam", "SOAP", "timm.optim.nvnovograd.NvNovoGrad"}


def layered_gradients(seed: int, order: str) -> np.ndarray:
    """A sequence (STEPS, 23) of stretches in the given order.

    o: 15 ordinary gradients; z: 8 exact zeros; j: 20 whose size jumps between 1e-3 and 1e2, each parameter
    for itself; s: 15 whose size jumps so for all parameters together.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for stretch in order:
        if stretch == "z":
            parts.append(np.zeros((8, 23)))
        elif stretch == "o":
            parts.append(rng.standard_normal((15, 23)))
        elif stretch == "j":
            signs = rng.choice([-1, 1], (20, 23))
            parts.append(signs * rng.uniform(0.3, 1, (20, 23)) * 10.0 ** rng.uniform(-2.5, 2, (20, 23)))
        else:
            parts.append(rng.standard_normal((15, 23)) * 10.0 ** rng.uniform(-3, 1.5, (15, 1)))
    sequence = np.concatenate(parts)
    return np.concatenate([sequence, rng.standard_normal((STEPS - len(sequence), 23))])


def tensors(flat: np.ndarray, layout: Layout) -> Iterator[np.ndarray]:
    """What the library sees: weights and biases of each layer, or all as one vector."""
    if not layout:
        yield flat.copy()
    for _, start, stop, outputs, columns in layout:
        whole = flat[start:stop].reshape(outputs, columns)
        yield whole[:, :-1].copy()
        yield whole[:, -1].copy()


def flat(parts: list[Any]) -> list[float]:
    """The parameters as dlopt keeps them."""
    arrays = [np.asarray(p.detach() if isinstance(p, torch.Tensor) else p) for p in parts]
    assert all(a.dtype == np.float64 for a in arrays)
    if len(arrays) > 1:
        layers = zip(arrays[::2], arrays[1::2], strict=True)
        arrays = [np.column_stack([weights, biases]).ravel() for weights, biases in layers]
    return np.concatenate(arrays).tolist()


def in_eval_mode(optimizer: Any, params: list[torch.Tensor]) -> list[torch.Tensor]:
    """What a schedule-free optimizer puts there for evaluation; nothing is changed by asking."""
    kept = [p.detach().clone() for p in params]
    optimizer.eval()
    read = [p.detach().clone() for p in params]
    optimizer.train()
    for p, before in zip(params, kept, strict=True):
        p.data.copy_(before)
    return read


Gradient = Callable[[int, np.ndarray], np.ndarray]  # of a step, from 0, and a point
Paths = tuple[list[list[float]], list[list[float]]]


def torch_path(call: Call, start: np.ndarray, layout: Layout, gradient: Gradient) -> Paths:
    params = [torch.from_numpy(p).requires_grad_() for p in tensors(start, layout)]
    space = LIBRARIES | {
        "in_eval_mode": in_eval_mode,
        "params": params,
        "weights": [p for p in params if p.ndim == 2],
        "biases": [p for p in params if p.ndim == 1],
        "model": torch.nn.ParameterList(params),
    }
    space["model"]._parameters.update({str(i): p for i, p in enumerate(params)})
    optimizer = space["optimizer"] = eval(call.make, space)
    exec(call.setup, space)
    path, evaluated = [], []
    for t in range(STEPS):

        def fill(t: int = t) -> None:
            grads = tensors(gradient(t, np.array(flat(params))), layout)
            for p, grad in zip(params, grads, strict=True):
                p.grad = torch.from_numpy(grad)

        fill()
        exec(call.before, space)
        if "SAM(" in call.make:
            optimizer.step(fill)
        else:
            for one in optimizer if isinstance(optimizer, list) else [optimizer]:
                one.step()
        exec(call.after, space)
        path.append(flat(params))
        if call.evaluated:
            evaluated.append(flat(eval(call.evaluated, space)))
    return path, evaluated


def optax_path(call: Call, start: np.ndarray, layout: Layout, gradient: Gradient) -> Paths:
    params = [jnp.array(p) for p in tensors(start, layout)]
    optimizer = eval(call.make, LIBRARIES | {"params": params})
    state = optimizer.init(params)
    path, evaluated = [], []
    for t in range(STEPS):

        def at(point: list[jax.Array], _: Any = None, t: int = t) -> list[jax.Array]:
            return [jnp.array(grad) for grad in tensors(gradient(t, np.array(flat(point))), layout)]

        more = {"grad_fn": at} if "sam(" in call.make else {}
        updates, state = optimizer.update(at(params), state, params, **more)
        params = optax.apply_updates(params, updates)
        path.append(flat(params))
        if call.evaluated:
            evaluated.append(flat(eval(call.evaluated, LIBRARIES | {"params": params, "state": state})))
    return path, evaluated


def quadratic(curvature: list[float], center: list[float]) -> Gradient:
    return lambda _, point: np.array(curvature) * (point - np.array(center))


def given(sequence: np.ndarray) -> Gradient:
    return lambda t, _: sequence[t].copy()


def recorded(table: dict[str, Any], sequences: dict[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    for name, (fields, calls) in table.items():
        settings = [(call, one) for call, several in calls.items() for one in several]
        for i, (template, numbers) in enumerate(settings):
            values = dict(zip(fields.split(), numbers, strict=True))
            call = template if isinstance(template, Call) else Call(template)
            call = call.formatted(values)
            start, layout = (STARTS[23], LAYOUT) if name in LAYERED else (STARTS[4], [])
            if table is WALKED:
                where = {"quadratic": QUADRATICS[len(start)]}
                gradient = quadratic(**where["quadratic"])
            else:
                late = i % 2 and not {name, call.make.split("(")[0]} & STARTS_WITH_A_GRADIENT
                where = {"gradients": ("layered_" if layout else "") + ("b" if late else "a")}
                gradient = given(sequences[where["gradients"]])
            if name in SEES_SHAPES and i == len(settings) - 1:
                layout = where["layout"] = TALL
            library = call.make.strip("[").split(".")[0]
            walk = optax_path if library == "optax" else torch_path
            path, evaluated = walk(call, start, layout, gradient)
            assert np.isfinite(path).all(), call
            yield {
                "optimizer": name,
                **(dict(zip(("wraps", "of"), WRAPPERS[name], strict=True)) if name in WRAPPERS else {}),
                "hyperparameters": values,
                "library": library,
                "call": call.said,
                **({"note": call.note} if call.note else {}),
                **where,
                "path": [path[t - 1] for t in RECORDED],
                **({"evaluated": [evaluated[t - 1] for t in RECORDED]} if evaluated else {}),
            }


def main() -> None:
    for one in PATCHES:
        patch(*one)
    sequences = {
        "a": gradients(3, "ozumo"),
        "b": gradients(4, "zuomzo"),
        "layered_a": layered_gradients(5, "ojzsoz"),
        "layered_b": layered_gradients(6, "zsojzo"),
    }
    cases = [case for table in (ELEMENTWISE, LAYERED, WALKED) for case in recorded(table, sequences)]
    record = {
        "versions": {name: version(name) for name in (*LIBRARIES, "jax", "numpy")},
        "start": START,
        "layered_start": START23.tolist(),
        "steps_per_epoch": EPOCH,
        "recorded_steps": RECORDED,
        "layout": LAYOUT,
        "gradients": {name: sequence.tolist() for name, sequence in sequences.items()},
        "cases": cases,
        "variants": list(recorded(VARIANTS, sequences)),
    }
    text = json.dumps(record, indent=1, allow_nan=False)
    # One vector per line keeps the file small and its diffs readable.
    vector = r"\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]"
    text = re.sub(vector, lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)
    Path(__file__).with_name("zoo.json").write_text(text + "\n")
    print(f"{len(cases)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()
