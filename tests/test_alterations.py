"""A finished run of which one thing was altered: every reader refuses it in a sentence, and a run mends it.

Half of the alterations stand under checksums that fit, as a forger would leave them: what is read then is
what its schema allows, and never ends in an error of ours.
"""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.entry import main as report
from studies import Study, run
from studies.cli.entry import main
from studies.folder.schema.tables import TABLES, VARYING
from studies.system.files import checksum
from tests.support.altered import altered_bytes, altered_json
from tests.support.sealed import seal

STUDY = Study("small", ("sgd", "adam"), ("wine", "diabetes"), blocks=4, draws=4, epochs=2, fresh=4)
TEXTS = ["", "<script>", "\x1b[31m", "a" * 10_000, "a\nb", "=1+1", "wine", "sgd", "null", "{}", "[" * 5_000]
FLOATS = [0.0, -1.0, 1.0, 1e308, -1e308, float("inf"), -float("inf"), float("nan"), None]
INTS = [0, -1, 1, 2**62, -(2**63), None]
ANY = {"string": [*TEXTS, None], "float": FLOATS, "int": INTS, "bool": [True, False, None]}
SHOWN = ("ranking", "picks", "comparisons", "claims", "clocked_claims")
WHAT = ["table", "record", "manifest", "note", "machine", "times", "pictures"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = run(STUDY, out=tmp_path_factory.mktemp("runs") / "small", jobs=1).path
    assert report([str(folder)]) == 0
    return folder


def tables(folder):
    found = {path.stem: path.read_bytes() for path in (folder / "tables").glob("*.parquet")}
    return {name: content for name, content in found.items() if name not in VARYING}


def parquet(table):
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def altered_table(rng, file):
    """Other content of a table: lines gone or twice, a column gone or of another type, other values."""
    table = pq.read_table(file)
    name = table.column_names[rng.integers(table.num_columns)]
    at = table.column_names.index(name)
    match rng.integers(7):
        case 0:
            return parquet(table.slice(0, int(rng.integers(table.num_rows + 1))))
        case 1:
            return parquet(pa.concat_tables([table, table.slice(0, 1)]))
        case 2:
            return parquet(table.drop_columns(name))
        case 3:
            return parquet(table.set_column(at, name, table[name].cast(pa.string())))
        case _:
            values = table[name].to_pylist()
            known = ANY[TABLES[file.stem].columns[name].type]
            for line in rng.integers(len(values), size=rng.choice([1, len(values)])) if values else ():
                values[line] = known[rng.integers(len(known))]
            return parquet(table.set_column(at, name, pa.array(values, table.schema.field(at).type)))


def alter(rng, folder):
    """Alter one thing; gives which file it was and whether its checksums fit."""
    what = rng.choice(WHAT, p=[0.45, 0.2, 0.15] + 4 * [0.05])
    if what == "table":
        file = folder / "tables" / f"{rng.choice([name for name in TABLES if name not in VARYING])}.parquet"
        sealed = bool(rng.random() < 0.6)
        file.write_bytes(altered_table(rng, file) if sealed else altered_bytes(rng, file.read_bytes()))
        return file, bool(sealed and seal(folder))
    if what == "record":
        file = rng.choice(sorted((folder / "records").iterdir()))
        if rng.random() < 0.5:
            file.write_bytes(altered_bytes(rng, file.read_bytes()))
            return file, False
        table = pq.read_table(file)
        name = rng.choice([one for one in table.column_names if not one.startswith("curve_")])
        known = ANY[TABLES["rows"].columns[name].type] if name in TABLES["rows"].columns else TEXTS
        values = [known[rng.integers(len(known))], *table[name].to_pylist()[1:]]
        at = table.column_names.index(name)
        content = parquet(table.set_column(at, name, pa.array(values, table.schema.field(at).type)))
        file.unlink()
        file = file.with_name(f"{file.stem.partition('-')[0]}-{checksum(content)}.parquet")
        file.write_bytes(content)
        return file, True
    place = {"manifest": "manifest.json", "note": "tables/made.json", "machine": "machine.json"}
    file = folder / (place | {"times": "timings.jsonl", "pictures": "figures/made.json"})[what]
    if what in ("times", "pictures") or rng.random() < 0.4:
        file.write_bytes(altered_bytes(rng, file.read_bytes()))
        return file, False
    file.write_bytes(altered_json(rng, file.read_bytes()))
    return file, bool(what == "manifest" and rng.random() < 0.5 and seal(folder))


def answered(capsys, code, what):
    """An orderly end: done, or refused in a sentence and a remedy; gives what was said."""
    out, err = capsys.readouterr()
    assert code in (0, 2), (what, err)
    assert "should not have happened" not in err, (what, err)
    if code == 2:
        assert (out, len(err.splitlines())) == ("", 2), (what, err)
    return err


def tried(finished, folder, seed, capsys, *, draw):
    rng = np.random.default_rng(seed)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(finished, folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    file, fits = alter(rng, folder)
    harmless = file.is_file() and before.get(file) == file.read_bytes()
    what = (seed, str(file.relative_to(folder)), fits)
    commands = {"show": (lambda: main(["show", str(folder)]), SHOWN)}
    commands |= {"report": (lambda: report([str(folder)]), tuple(TABLES))} if draw else {}
    for name, (command, reads) in commands.items():
        code = command()
        answered(capsys, code, (name, *what))
        held = file.name == "manifest.json" or (file.parent.name == "tables" and file.stem in reads)
        if held and not fits and not harmless:
            assert code == 2, (name, *what)
    code = main(["run", "--out", str(folder), "--jobs", "1", "--quiet"])
    said = answered(capsys, code, ("run", *what))
    if file.name == "manifest.json":
        return
    if not fits or " is left out: " in said:
        assert code == 0, (what, said)
        assert tables(folder) == tables(finished), what
    if file.parent.name == "tables":
        assert code == 0, (what, said)
        assert main(["show", str(folder)]) == 0
        capsys.readouterr()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 300, 100))
def test_whatever_is_altered_is_refused_or_mended_in_words(finished, tmp_path, capsys, first):
    for seed in range(first, first + 100):
        tried(finished, tmp_path / "run", seed, capsys, draw=seed % 20 == 0)
