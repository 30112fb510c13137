"""What to take on a table of one's own: a scikit-learn pipeline from the raw frame on.

It predicts what the suite's own model predicts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studies.folder.schema.notes import TableSpec

TEXT = """\
{imports}
table = datasets.read({arguments})
frame = datasets.read_frame({file})  # rows as they stand in the file
block = table.block({block}, seed={seed})  # the first of those that confirmed it
rows = table.rows(block.seed)[0]  # its training rows
encoder = table.transformer().fit(frame.iloc[table.origin[rows]])

{model}
pipeline = make_pipeline(encoder, model)
answers = pipeline.predict(frame.iloc[:5])  # {unit}
print({named})
"""
NETWORK = """\
class Network(BaseEstimator):
    \"\"\"A trained network, in a pipeline.\"\"\"

    def __init__(self, training):
        self.training = training

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return self.training.predict(X)


{optimizer}
network = dlopt.{network}
model = Network(dlopt.train(network, block, optimizer, batch_size={batch_size}, epochs={epochs}))"""


def read(spec: TableSpec) -> str:
    """How a table is read, as the arguments of `datasets.read`: the file by its name alone."""
    said = [repr(Path(spec["path"]).name), repr(spec.get("target"))]
    said += [f"{key}={value!r}" for key, value in spec.items() if key not in ("path", "target") and value]
    return ", ".join(said)


def pipeline(spec: TableSpec, task: str, block: int, seed: int, model: str, imports: str) -> str:
    """The code. model: of what makes `model`; imports: what that needs."""
    classes = task == "classification"
    return TEXT.format(
        imports=imports,
        arguments=read(spec),
        file=repr(Path(spec["path"]).name),
        block=f"{block:_}",
        seed=seed,
        model=model,
        unit="numbers of classes" if classes else "standardised",
        named="[table.classes[i] for i in answers]"
        if classes
        else "table.y[rows].mean() + table.y[rows].std() * answers",
    )


def plain(model: Any) -> tuple[str, str]:
    """What makes a model of scikit-learn that is better than the tuned setting, and what that needs."""
    module = type(model).__module__.split("._")[0]  # the public one
    imports = (
        "import datasets  # from the checkout of the suite\n"
        f"from {module} import {type(model).__name__}\nfrom sklearn.pipeline import make_pipeline\n"
    )
    return f"model = {model!r}.fit(block.X_train, block.y_train)", imports


def network(optimizer: str, origin: str, model: str, batch_size: int, epochs: int) -> tuple[str, str]:
    """What trains the network as the suite did, and what that needs. optimizer: the line that makes it."""
    imports = (
        f"{origin}import datasets  # it and dlopt from the checkout of the suite\nimport dlopt\n"
        "from sklearn.base import BaseEstimator\nfrom sklearn.pipeline import make_pipeline\n"
    )
    text = NETWORK.format(optimizer=optimizer, network=model, batch_size=batch_size, epochs=epochs)
    return f"\n{text}", imports
