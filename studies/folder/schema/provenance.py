"""The tables that describe what ran, where, and how to take it home."""

from __future__ import annotations

from studies.folder.schema.columns import BLOCK, DATASET, OPTIMIZER, Column, Schema

ROLES = ("feature", "target", "group", "time", "dropped")  # of a column
FRAMEWORKS = ("dlopt", "torch", "optax", "sklearn", "json")
DESCRIBED: dict[str, Schema] = {
    "optimizers": Schema(
        ("position",),
        {
            "position": Column("int", "order in the study"),
            **OPTIMIZER,
            "title": Column("string", "its class's name, and what is fixed about its search"),
            "uses": Column("string", "the optimizer behind it"),
            "source": Column("string", "'' for the suite's own, else its file's sha256 or its package"),
            "summary": Column("string", "first line of its docstring: formula and source"),
            "defaults": Column("string", "its defaults as JSON", json=True),
            "search": Column("string", "its search ranges as JSON, under the names of trials", json=True),
            "fixed": Column("string", "hyperparameters that are not drawn, as JSON", json=True),
            "decays": Column("string", "the kinds of decay among its draws, comma-separated"),
            "batch_sizes": Column("string", "those searched, '' for the dataset's, 0 for the full batch"),
            "sampler": Column("string", "where its draws come from"),
            "in_numpy": Column("string", "why its steps were taken in NumPy; '' where they were compiled"),
        },
    ),
    "datasets": Schema(
        ("position",),
        {
            "position": Column("int", "order in the study"),
            **DATASET,
            "task": Column("string", "'classification' or 'regression'", ("classification", "regression")),
            "unit": Column("string", "what an error of it is"),
            "rows": Column("int", "rows of data", least=1),
            "features": Column("int", "columns", least=1),
            "classes": Column("int", "classes, 0 for regression"),
            "training_rows": Column("int", "rows in a training split", least=1),
            "test_rows": Column("int", "rows in a test split", least=1),
            "epochs": Column("int", "the budget", least=1),
            "batch_sizes": Column("string", "those searched, comma-separated"),
            "model": Column("string", "the network"),
            "parameters": Column("int", "its parameters"),
            "sha256": Column("string", "of the data"),
            "notes": Column("string", "what was decided about a table of the user's own, in sentences"),
            "left_out": Column("string", "which baselines did not run, and why; '' if all did"),
        },
    ),
    "columns": Schema(
        ("dataset", "position"),
        {
            **DATASET,
            "position": Column("int", "order in the file, of a table of the user's own"),
            "column": Column("string", "its name"),
            "role": Column("string", "'feature', 'target', 'group', 'time' or 'dropped'", ROLES),
            "kind": Column("string", "what it was read as, such as 'number', 'category' or 'date'"),
            "why": Column("string", "what that was found from"),
            "missing": Column("int", "rows without a value"),
            "categories": Column("int", "categories, 0 for other kinds"),
            "example": Column("string", "a value, as it is written"),
            "features": Column("int", "features that it gives"),
            "change": Column("string", "an option that makes it something else; '' where there is none"),
        },
    ),
    "classes": Schema(
        ("dataset", "position"),
        {
            **DATASET,
            "position": Column("int", "the class's number, of a table of the user's own"),
            "name": Column("string", "the class, as it is written"),
            "rows": Column("int", "its rows", least=1),
        },
    ),
    "takehome": Schema(
        ("dataset", "framework"),
        {
            **DATASET,
            "framework": Column("string", "'dlopt', 'torch', 'optax', 'sklearn' or 'json'", FRAMEWORKS),
            "code": Column("string", "the confirmed setting of the pick; '' where it cannot be said there"),
            "notes": Column("string", "what differs there, in words"),
        },
    ),
    "timings": Schema(
        ("dataset", "block", "batch_size", "rows"),
        {
            **BLOCK,
            "batch_size": Column("int", "rows of data in a mini-batch", least=1),
            "rows": Column("int", "trainings in the stack", least=1),
            "steps": Column("int", "steps of each"),
            "seconds": Column("float", "time in the worker", least=0),
        },
        unique=False,
    ),
}
