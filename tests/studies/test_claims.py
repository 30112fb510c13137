"""Each claim: its verdict, where it fails, where nobody can tell, and in a world where it is false."""

import pandas as pd
import pytest

from studies import claims
from studies.claims import CLAIMS, FAILS, HOLDS, OPEN, PARTLY, declared, evidence
from studies.claims.ask import judged
from studies.claims.tables import CLAIM_TABLES
from tests.studies.claimed import seen

NUMBERS = [n for n, one in declared().items() if not one.reads]


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_a_claim_has_its_tables_its_words_and_its_code(number):
    one = CLAIMS[number]
    verdict, proof = judged(one, seen(number))
    assert list(verdict.columns) == list(CLAIM_TABLES["claims"].columns)
    assert list(proof.columns) == list(CLAIM_TABLES["evidence"].columns)
    assert verdict.verdict.isin([HOLDS, PARTLY, FAILS, OPEN]).all()
    assert (verdict[["says", "chapter", "rule", "unit", "resampled", "y"]].map(len) > 1).all(axis=None)
    for where in verdict.code[0].split(", "):
        path, _, lines = where.partition(":")
        first, _, last = lines.partition("-")
        source = (claims.ROOT / path).read_text().splitlines()[int(first) - 1 : int(last)]
        assert source[0].lstrip().startswith(("class ", "def ", "@"))


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_measured_again_has_the_same_bytes(number):
    pd.testing.assert_frame_equal(seen(number), CLAIMS[number].measure(), check_exact=True)


def test_a_number_is_given_once():
    with pytest.raises(ValueError, match="Two claims have the number 10"):
        claims.claim(10, "Averages", "x", "x", "x", ())(lambda: evidence())(lambda seen: None)


def test_every_claim_is_declared_in_the_chapters_order():
    assert list(declared()) == sorted(CLAIMS)
    assert sorted({*CLAIMS, *declared(clock=True)}) == list(range(1, 35))
