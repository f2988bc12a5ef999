"""Laws that every file of tangent_bench/methods keeps, or names as an exception.

Wrappers are put around the sum.
"""

from __future__ import annotations

import pytest

from tangent_bench import merging, registry
from tangent_bench.testing import _laws, check_method

NAMES = registry.names("methods")


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_the_laws(name):
    assert len(check_method(name)) == len(_laws.LAWS)


@pytest.mark.parametrize("name", NAMES)
def test_every_hyper_parameter_says_what_it_is(name):
    assert all(p.meaning for p in merging.module(name).METHOD.parameters.values())


@pytest.mark.parametrize("name", [n for n in NAMES if hasattr(merging.module(n), "prepare")])
def test_a_vector_that_lacks_a_parameter_or_has_another_shape_is_named(name):
    lacking = _laws.vectors("one", "two")
    other = _laws.vectors("one", "two")
    del lacking["two"]["proj"]
    with pytest.raises(ValueError, match=r"'two' lacks key 'proj'"):
        _laws.merge(_laws.quick(merging.find(name)), lacking)
    other["two"]["proj"] = other["two"]["proj"][:1]
    with pytest.raises(ValueError, match=r"'proj' has shape .*'two'"):
        _laws.merge(_laws.quick(merging.find(name)), other)
