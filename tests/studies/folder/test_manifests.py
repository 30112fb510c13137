"""A manifest that cannot be read, or asks another question, is refused in words."""

import pytest

from studies.folder.schema.tables import FORMAT
from studies.question.arm import Arm
from tests.support.folders import COMMANDS, changed, refused

FOREIGN = "manifest.json is no manifest of this suite: "
MANIFESTS = {
    "truncated": (lambda text: text[:200], FOREIGN),
    "empty": (lambda text: "", FOREIGN),
    "of something else": (lambda text: '{"name": "a web page"}', FOREIGN),
    "a list": (lambda text: "[]", FOREIGN),
    "with a word for the format": (changed("format", to="1"), FOREIGN),
    "with a word for the blocks": (changed("asked", "blocks", to="x"), FOREIGN),
    "with blocks < 0": (changed("asked", "blocks", to=-3), FOREIGN),
    "with a list of optimizers": (changed("asked", "optimizers", to=["sgd"]), FOREIGN),
    "with a number of datasets": (changed("asked", "datasets", to=2), FOREIGN),
    "without a question": (changed("question", to={}), FOREIGN),
    "nested too deeply": (lambda text: "[" * 100_000, FOREIGN),
    "with NaN for the seed": (changed("question", "seed", to=float("nan")), FOREIGN),
    "with a huge number of blocks": (changed("asked", "blocks", to=10**400), FOREIGN),
    "with null for the arithmetic": (changed("question", "arithmetic", to=None), FOREIGN),
    "with an arm that is none": (changed("asked", "optimizers", "sgd", to={"optimizer": "gone"}), FOREIGN),
    "newer": (
        changed("format", to=99),
        f"was written by a newer version (format 99; this one reads 2 to {FORMAT}).",
    ),
    "older": (
        changed("format", to=1),
        f"was written by an older version (format 1; this one reads 2 to {FORMAT}).",
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", MANIFESTS)
def test_a_manifest_that_cannot_be_read_is_refused(copy, capsys, case, command):
    change, holds = MANIFESTS[case]
    (copy / "manifest.json").write_text(change((copy / "manifest.json").read_text()))
    refused(capsys, COMMANDS[command], copy, holds)


@pytest.mark.parametrize("command", ["run", "dry run"])
def test_an_arm_of_an_unknown_optimizer_is_refused(copy, capsys, command):
    path = copy / "manifest.json"
    arm = Arm("sgd").spec() | {"optimizer": "gone"}
    path.write_text(changed("asked", "optimizers", "sgd", to=arm)(path.read_text()))
    refused(capsys, COMMANDS[command], copy, "There is no optimizer 'gone'.")


@pytest.mark.parametrize("command", ["run", "dry run"])
@pytest.mark.parametrize(
    ("flags", "holds"),
    [
        (
            "--seed 1",
            "was made with seed = 0, and this run has 1.\nGive the old value, or another folder: --out",
        ),
        ("--trials 5", "was made with draws = 4, and this run has 5."),
        ("--set adam.lr=0.1", "was made with adam: no fixed.lr, and this run has 0.1."),
        ("--model mlp:5", "was made with widths = 'rule', and this run has [5]."),
        ("--metric loss", "was made with metric = 'error', and this run has 'loss'."),
    ],
)
def test_another_question_is_refused_before_anything_is_trained(copy, capsys, command, flags, holds):
    refused(capsys, ["run", *flags.split(), *COMMANDS[command][1:]], copy, holds)
