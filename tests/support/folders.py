"""What tests of run folders share: commands that read one, and what they say of a bent one."""

import json

import pandas as pd

from studies.cli.entry import main

PLACES = ("records", "tables", "claims", "optimizers", "csv", "figures")

COMMANDS = {
    "run": ["run", "--jobs", "1", "--quiet", "--out"],
    "dry run": ["run", "--dry-run", "--out"],
    "show": ["show"],
    "mirror": ["mirror"],
}


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(capsys, words, folder, holds):
    """A command that ends with code 2, a sentence and a remedy, and changes nothing; gives the remedy."""
    before = content(folder)
    assert main([*words, str(folder)]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 2), err
    assert holds in err, err
    assert content(folder) == before
    return err.splitlines()[1]


def changed(*path, to):
    """A manifest's text with one value changed."""

    def change(text):
        manifest = json.loads(text)
        inner = manifest
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = to
        return json.dumps(manifest)

    return change


def flipped(path):
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)


def other_columns(path):
    return pd.read_parquet(path).drop(columns="optimizer").to_parquet()


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:300]),
    "empty": lambda path: path.write_bytes(b""),
    "foreign": lambda path: path.write_bytes(b"PNG"),
    "newer": lambda path: path.write_bytes(other_columns(path)),
    "flipped": flipped,
}
