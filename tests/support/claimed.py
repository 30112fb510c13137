"""What claims measured, once a process."""

import functools

from studies.claims.claim import declared


@functools.cache
def _measured(number, clock):
    return declared(clock)[number].measure()


def seen(number, clock=False):
    """The evidence of a claim that reads no table: a copy, to be changed at will."""
    return _measured(number, clock).copy()


def verdict(number, evidence=None, clock=False):
    """What a claim's judge says of evidence, or of its own."""
    one = declared(clock)[number]
    return one.judge(seen(number, clock) if evidence is None else evidence).verdict
