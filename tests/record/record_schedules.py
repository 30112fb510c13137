"""Record torch's learning-rate schedules, stepped once per epoch: python tests/record/record_schedules.py."""

import json
from pathlib import Path

import torch
from torch.optim import lr_scheduler as torch_schedules

EPOCHS = 21
CASES = [  # dlopt's class, its fields, torch's class, its arguments
    ("Exponential", {"gamma": 0.9}, "ExponentialLR", {"gamma": 0.9}),
    ("Step", {"every": 6, "gamma": 0.3}, "StepLR", {"step_size": 6, "gamma": 0.3}),
    ("Polynomial", {"epochs": 15, "power": 2.5}, "PolynomialLR", {"total_iters": 15, "power": 2.5}),
    ("Cosine", {"epochs": 21}, "CosineAnnealingLR", {"T_max": 21}),
    ("Warmup", {"epochs": 5}, "LinearLR", {"start_factor": 0.2, "total_iters": 4}),
]


def record(name, arguments):
    optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=1.0)
    schedule = getattr(torch_schedules, name)(optimizer, **arguments)
    factors = []
    for _ in range(EPOCHS):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return factors


if __name__ == "__main__":
    cases = [
        {
            "schedule": ours,
            "fields": fields,
            "call": f"{name}({arguments})",
            "factors": record(name, arguments),
        }
        for ours, fields, name, arguments in CASES
    ]
    content = {"torch": torch.__version__, "cases": cases}
    Path(__file__).with_name("schedules.json").write_text(json.dumps(content, indent=1) + "\n")
