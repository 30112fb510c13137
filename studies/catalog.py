"""The named studies: one declaration each."""

from __future__ import annotations

from studies.protocol import Study

DEFAULT = Study(
    name="default",
    about="Which optimizer, on which dataset, tuned how?",
    optimizers=("sgd", "momentum", "rmsprop", "adam"),
    datasets=("digits", "breast_cancer", "wine", "diabetes"),
)

QUICK = Study(
    name="quick",
    about="The same in twenty seconds: small, real, and honest about what it cannot tell.",
    optimizers=("sgd", "momentum", "adam"),
    datasets=("breast_cancer", "wine"),
    blocks=8,
    draws=4,
)

STUDIES: dict[str, Study] = {study.name: study for study in (DEFAULT, QUICK)}
