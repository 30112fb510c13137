"""Each claim: its verdict, where it fails, where nobody can tell, and in a world where it is false."""

import dataclasses

import pandas as pd
import pytest

from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY
from studies.claims import averages
from studies.claims.claim import ROOT, declared
from studies.claims.evaluation import judged
from studies.folder.schema.claims import CLAIM_TABLES
from tests.support.claimed import seen

NUMBERS = [n for n, one in declared().items() if not one.reads]


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_a_claim_has_its_tables_its_words_and_its_code(number):
    one = declared()[number]
    verdict, proof = judged(one, seen(number))
    assert list(verdict.columns) == list(CLAIM_TABLES["claims"].columns)
    assert list(proof.columns) == list(CLAIM_TABLES["evidence"].columns)
    assert verdict.verdict.isin([HOLDS, PARTLY, FAILS, OPEN]).all()
    assert (verdict[["says", "chapter", "rule", "unit", "resampled", "y"]].map(len) > 1).all(axis=None)
    for where in verdict.code[0].split(", "):
        path, _, lines = where.partition(":")
        first, _, last = lines.partition("-")
        source = (ROOT / path).read_text().splitlines()[int(first) - 1 : int(last)]
        assert source[0].lstrip().startswith(("class ", "def ", "@"))


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_measured_again_has_the_same_bytes(number):
    pd.testing.assert_frame_equal(seen(number), declared()[number].measure(), check_exact=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [({}, "Two claims have the number 10"), ({"number": 99, "part": "Batches"}, "no part 'Batches'")],
)
def test_a_claim_has_a_number_and_a_part_of_its_own(monkeypatch, change, words):
    monkeypatch.setattr(averages, "ANOTHER", dataclasses.replace(declared()[10], **change), raising=False)
    with pytest.raises(ValueError, match=words):
        declared.__wrapped__()


def test_every_claim_is_declared_in_the_chapters_order():
    assert list(declared()) == sorted(declared())
    assert sorted({*declared(), *declared(clock=True)}) == list(range(1, 35))
