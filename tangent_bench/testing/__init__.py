"""For authors of merging methods: laws that a method keeps, or names as exceptions, on small random
vectors.

    from tangent_bench.testing import check_method

    def test_my_method():
        check_method("my_method")          # a name, "lines+ties", or the module itself

A law that a method breaks by design stands in `METHOD.exceptions` with its reason. An exception
that the method does not need is an error too. The laws cannot see which entries a method drops, how
it weighs them, and whether it merges well.
"""

from __future__ import annotations

from collections.abc import Callable

from tangent_bench.merging import Merger, find, of
from tangent_bench.testing._laws import LAWS, quick
from tangent_bench.testing._patience import Patience


def check_method(method: str | Merger | object) -> list[str]:
    """Check every law; a wrapper alone is put around task arithmetic.

    Hyper-parameters are at their defaults, or at `Parameter.quick` where there is one; a `Merger`
    keeps its own. A method that takes its time is said to be at work on stderr, with the law.

    Args:
        method: a name as `merging.find` takes it, a module with METHOD, or a `Merger`.

    Returns:
        The names of the laws.

    Raises:
        AssertionError: names the method, the law, what was found and what is expected.
        ValueError: there is no such method, or the module does not keep to the contract.
    """
    if isinstance(method, str):
        method = quick(find(_chain(method)))
    elif not isinstance(method, Merger):
        method = quick(of(method))
    with Patience(method.name, list(LAWS)) as patience:
        for law, check in LAWS.items():
            patience.begin(law)
            if flaw := _flaw(method, check):
                raise AssertionError(f"Method '{method.name}' breaks the law '{law}': {flaw}")
    return list(LAWS)


def _flaw(method: Merger, check: Callable[[Merger], str]) -> str:
    """How a method breaks a law; a direction that is not finite breaks every one."""
    from tangent_bench.tangent.vectors import NotFinite

    try:
        return check(method)
    except NotFinite as sentence:
        return str(sentence).removeprefix(f"Method {method.name!r}: ")


def _chain(name: str) -> str:
    """The name, with task arithmetic behind a wrapper alone."""
    from tangent_bench.merging import module

    return name if hasattr(module(name.split("+")[-1]), "prepare") else f"{name}+task_arithmetic"
