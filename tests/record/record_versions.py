"""Record what FORMAT and RESULTS_VERSION stand for, as the truth for `tests/test_versions.py`.

Run it after one of them was raised: .venv/bin/python -m tests.record.record_versions
"""

import hashlib
import json
import tempfile
from pathlib import Path

from studies import run
from studies.catalog import STUDIES
from studies.folder.read import Tables
from studies.folder.schema import notes
from studies.folder.schema.tables import FORMAT, TABLES
from studies.question.identity import RESULTS_VERSION
from tests.support.tiny import tiny

RECORD = Path(__file__).with_name("versions.json")


def schema():
    """A digest of all that a reader of a run folder relies on; not of the meanings, which are prose."""
    tables = {
        name: [one.key, one.unique, {column: [*c[:1], *c[2:]] for column, c in one.columns.items()}]
        for name, one in sorted(TABLES.items())
    }
    files = {name: value for name, value in vars(notes).items() if name.isupper()}
    text = json.dumps([tables, files], sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()


def results(folder):
    """Some numbers of a tiny study, from draws to calls, by name."""
    run(tiny(), out=folder, jobs=1)
    tables, found = Tables(Path(folder)), {}
    for row in tables["rows"].itertuples():
        name = "/".join(map(str, (row.dataset, row.block, row.optimizer, row.kind, row.draw)))
        found[name] = [row.batch_size, row.lr, row.best_validation_loss, row.test_error]
    for one in tables["comparisons"].itertuples():
        found[f"{one.reading}/{one.scope}/{one.a}/{one.b}"] = [
            one.p,
            one.p_holm,
            one.estimate,
            one.low,
            one.high,
        ]
    for one in tables["picks"].itertuples():
        found[f"pick/{one.dataset}"] = [one.batch_size, json.loads(one.settings)["lr"], one.confirmed]
    return found


def bytes_of(folder):
    """A digest of all that was trained, to the last bit: the same on every machine."""
    tables = Tables(Path(folder))
    parts = (tables[name].to_csv(index=False) for name in ("rows", "curves"))
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def quick(folder):
    """The digest of the study `quick`."""
    run(STUDIES["quick"], out=folder)
    return bytes_of(folder)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        made = {
            "format": FORMAT,
            "schema": schema(),
            "results_version": RESULTS_VERSION,
            "results": results(Path(place) / "tiny"),
            "tiny": bytes_of(Path(place) / "tiny"),
            "quick": quick(Path(place) / "quick"),
        }
    RECORD.write_text(json.dumps(made, indent=1) + "\n")
