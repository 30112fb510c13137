"""The named studies: one declaration each."""

from __future__ import annotations

from studies.protocol import Study

STUDIES: dict[str, tuple[str, Study]] = {
    study.name: (about, study)
    for about, study in (
        (
            "Which optimizer, on which dataset, tuned how?",
            Study(
                name="default",
                optimizers=("sgd", "momentum", "rmsprop", "adam"),
                datasets=("digits", "breast_cancer", "wine", "diabetes"),
            ),
        ),
        (
            "The same in twenty seconds: small, real, and honest about what it cannot tell.",
            Study(
                name="quick",
                optimizers=("sgd", "momentum", "adam"),
                datasets=("breast_cancer", "wine"),
                blocks=8,
                draws=4,
            ),
        ),
    )
}
