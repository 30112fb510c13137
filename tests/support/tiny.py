"""A study small enough for any test, and what of its run folder is compared."""

import hashlib

from studies import Study
from studies.folder.schema.tables import VARYING

TINY = {"blocks": 4, "draws": 4, "epochs": 3, "fresh": 4}


def tiny(optimizers=("sgd", "adam"), datasets=("wine", "diabetes"), **changes):
    """A real study made small by its own overrides."""
    return Study(**({"name": "tiny", "optimizers": optimizers, "datasets": datasets} | TINY | changes))


def digests(folder):
    """The sha256 of every table but the times."""
    found = {
        p.stem: hashlib.sha256(p.read_bytes()).hexdigest() for p in (folder / "tables").glob("*.parquet")
    }
    assert all(found.pop(name) for name in VARYING)
    assert len(found) > 15
    return found
