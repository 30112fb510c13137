"""Whatever is typed, or written into a TOML file, ends in an answer or in words."""

import pytest

from studies.cli import listing, overrides, parser
from tests.support.hostile import TEXTS, mutated, sweep

TOML = """
optimizers = ["sgd", "adam"]
datasets = ["wine"]
blocks = 6
trials = 8
epochs = 3
seed = 4
metric = "error"
model = "mlp:16"
sampler = "random"
jobs = 1
[set]
"adam.beta2" = 0.99
[search.sgd]
lr = [0.01, 1]
"""
WRITTEN = (
    *(
        "3",
        "-1",
        "0",
        "1e400",
        "nan",
        "-inf",
        "true",
        "1979-05-27",
        "1979-05-27T07:32:00Z",
        "07:32:00",
        "0x" + "f" * 400,
    ),
    *(
        '"x"',
        '""',
        '"\\u0000"',
        '"\\u2028"',
        "[]",
        "[1, 2]",
        '["adam"]',
        "[[[]]]",
        "{}",
        "{a = 1}",
        '"""\nx\ny"""',
    ),
    *(
        "9" * 400,
        "9" * 5_000,
        "[" * 5_000,
        "{a=" * 3_000,
        "[0.1, 9" + "9" * 400 + "]",
        "[nan, nan]",
        "[1, 0.1]",
    ),
)


def toml(rng, folder):
    lines = TOML.strip().split("\n")
    for _ in range(rng.choice([1, 1, 1, 2])):
        i = rng.randrange(len(lines))
        key = lines[i].partition(" = ")[0]
        if rng.random() < 0.2:
            key = rng.choice([*overrides.KEYS, "adam.lr", '"a\\nb"', "batch_size", "set", ""])
        lines[i] = f"{key} = {rng.choice(WRITTEN)}"
    path = folder / "study.toml"
    data = "\n".join(lines).encode()
    path.write_bytes(mutated(rng, data) if rng.random() < 0.3 else data)
    overrides.asked(rng.choice([None, "quick", "default"]), {"config": str(path)})


FLAGS = (
    *(
        "--optimizers",
        "--optimizer",
        "--datasets",
        "--data",
        "--target",
        "--group",
        "--time",
        "--task",
        "--blocks",
    ),
    *("--trials", "--epochs", "--seed", "--set", "--search", "--model", "--metric", "--sampler", "--config"),
    *(
        "--jobs",
        "--out",
        "--dry-run",
        "--where",
        "--json",
        "--debug",
        "--quiet",
        "--",
        "-",
        "--se",
        "--x",
        "-h",
    ),
)
SAID = (
    *TEXTS,
    *(
        "adam.lr=nan",
        "batch_size=1e400:2",
        "=",
        "=1",
        "adam.lr=",
        "adam.lr=1e-400:1",
        "adam.lr=0.1:1:2",
        "sgd.lr=9" + "9" * 400,
    ),
    *(
        "batch_size=8:64",
        "batch_size=nan:nan",
        "adam.=3",
        ".lr=3",
        "adam.lr=٣",
        "adam.lr=1_0",
        "mlp:" + "9" * 5_000,
        "mlp:٣",
    ),
    *(
        "mlp:weight_decay=1e400",
        "mlp:init=\0",
        "linear",
        "mlp:,",
        "mlp:3,=",
        "-1",
        "-9" + "9" * 5_000,
        "1e3",
        "0x10",
        "1_000",
    ),
    *(
        "quick",
        "default",
        "betas",
        "none.py",
        "none.py:x",
        "x" * 300 + ".py:x",
        "a\0.py",
        "\ud800.py:A",
        "/dev/zero",
        "/",
        ".",
    ),
    *(
        "sgd,adam",
        "SGD,,",
        "wine,wine",
        "wine",
        "covtype",
        "balanced-error",
        "qmc",
        "gp",
        "--",
        "@x",
        "%(prog)s",
        "/dev/null",
    ),
)


def words(rng, folder):
    command = rng.choice(["run", "run", "run", "list", "describe", "check", "show", "try", *TEXTS[:4]])
    said = [command]
    if rng.random() < 0.7:
        said.append(rng.choice([*SAID, *listing.LISTS, "adam", "cosine"]))
    for _ in range(rng.randrange(4)):
        said += [rng.choice(FLAGS), rng.choice(SAID)][: rng.choice([1, 2, 2, 2])]
    if rng.random() < 0.1:
        rng.shuffle(said)
    options = parser.parse(said)
    if options.command in ("list", "describe", "check"):
        parser.COMMANDS[options.command](options)
    elif options.command == "run":
        flags = {key: getattr(options, key) for key in (*overrides.KEYS, "config") if hasattr(options, key)}
        for key, read in (("set", overrides.setting), ("search", overrides.span)):
            if flags[key]:
                flags[key] = overrides.once(key, map(read, flags[key]))
        overrides.place(options.name, flags)
        overrides.asked(options.name, flags)


INPUTS = {toml: 300, words: 400}  # how many of each kind


@pytest.mark.slow
@pytest.mark.parametrize("kind", INPUTS, ids=lambda kind: kind.__name__)
def test_whatever_is_given_ends_in_an_answer_or_in_words(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = sweep(kind, range(INPUTS[kind]), tmp_path)
    assert not found, "\n".join(f"{kind.__name__} {number}: {said}" for number, said in found.items())
