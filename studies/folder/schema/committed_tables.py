"""The tables that are known before a run begins, are committed, and are copied into every run."""

from __future__ import annotations

from studies.folder.schema.columns import Column, Schema

KNOWN: dict[str, Schema] = {
    "calibration": Schema(
        ("question", "subject", "datasets", "network", "blocks", "reading", "level"),
        {
            "results_version": Column("int", "of the code that was calibrated"),
            "question": Column("string", "what was compared: copies of an optimizer, or it and a handicap"),
            "kind": Column("string", "'equal': every call is a false alarm; 'planted': a call is right"),
            "subject": Column("string", "the optimizer, in words"),
            "datasets": Column("string", "of a study, comma-separated"),
            "network": Column("string", "hidden layers, or 'rule'"),
            "blocks": Column("int", "of each dataset"),
            "draws": Column("int", "of a search"),
            "reading": Column("string", "'error', 'ratio', or 'usual': the usual design's t-test"),
            "level": Column("float", "of the test, or of Holm's family"),
            "studies": Column("int", "how many"),
            "found": Column(
                "int", "of them: called different; of a planted handicap: and the right way round"
            ),
            "against": Column("int", "called different the wrong way round"),
            "rate": Column("float", "found / studies"),
            "low": Column("float", "lower end of its 95 % Clopper-Pearson interval"),
            "high": Column("float", "upper end"),
            "goal": Column("float", "at most so many false alarms, at least so many found; NaN: none"),
            "status": Column("string", "'holds', 'missed', or empty without a goal"),
            "machine": Column("string", "libraries and kernels of the calibration"),
            "date": Column("string", "its day"),
        },
    ),
    "quadratic_deep": Schema(
        ("subject", "order", "lr"),
        {
            "subject": Column("string", "the optimizer, in words"),
            "order": Column("string", "'reshuffled' in every epoch, or 'one order'"),
            "lr": Column("float", "learning rate"),
            "loss": Column("float", "test loss after 700 steps, the median over orders"),
            "low": Column("float", "the least over orders"),
            "high": Column("float", "the most"),
            "orders": Column("int", "how many"),
            "published": Column("float", "what DeepOBS reports; NaN where it reports nothing"),
        },
    ),
}
