"""citation.bib: how to cite the suite, and this very run by the hash of its results."""

from __future__ import annotations

from reports.data import words
from reports.data.run import Run
from reports.exports.latex import escaped
from reports.exports.suite import cited


def citation(run: Run) -> bytes:
    """Two entries of BibTeX."""
    suite, question = cited(), run.manifest["question"]
    size = (
        f"{words.plural(len(run.optimizers), 'optimizer')}, {words.plural(len(run.datasets), 'dataset')}, "
        f"{words.plural(run.blocks, 'block')}, {words.plural(run.draws, 'draw')}"
    )
    version = f"dlopt {suite['version']}, results version {question['results_version']}"
    entries = {
        "dlopt": {
            "title": escaped(suite["title"]),
            "author": escaped(suite["name"]),
            "note": f"Software, version {escaped(suite['version'])}, licence {escaped(suite['license'])}",
        },
        f"dlopt-{run.sha256[:16]}": {
            "title": f"Study ``{escaped(run.name)}'' of dlopt: {escaped(size)}",
            "howpublished": f"{escaped(version)}, seed {question['seed']}",
            "note": f"Results sha256 {run.sha256}",
        },
    }
    return "\n".join(_entry(key, fields) for key, fields in entries.items()).encode()


def _entry(key: str, fields: dict[str, str]) -> str:
    lines = [f"  {name} = {{{{{text}}}}},\n" for name, text in fields.items()]
    return f"@misc{{{key},\n{''.join(lines)}}}\n"
