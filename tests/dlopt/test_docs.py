"""What docstrings show is run."""

import doctest
import importlib
import pkgutil

import dlopt


def test_examples_in_docstrings_say_what_comes_out():
    attempted = 0
    for module in pkgutil.iter_modules(dlopt.__path__):
        found = doctest.testmod(importlib.import_module(f"dlopt.{module.name}"))
        assert found.failed == 0, module.name
        attempted += found.attempted
    assert attempted >= 5
