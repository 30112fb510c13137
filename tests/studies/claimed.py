"""What claims measured, once a process."""

import functools

from studies.claims import CLAIMS, CLOCKED, declared


@functools.cache
def _measured(number, clock):
    declared()
    return (CLOCKED if clock else CLAIMS)[number].measure()


def seen(number, clock=False):
    """The evidence of a claim that reads no table: a copy, to be changed at will."""
    return _measured(number, clock).copy()


def verdict(number, evidence=None, clock=False):
    """What a claim's judge says of evidence, or of its own."""
    declared()
    one = (CLOCKED if clock else CLAIMS)[number]
    return one.judge(seen(number, clock) if evidence is None else evidence).verdict
