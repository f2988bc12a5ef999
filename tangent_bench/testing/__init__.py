"""For authors of merging methods: laws that a method keeps, or names as exceptions, on small random vectors.

    from tangent_bench.testing import check_method

    def test_my_method():
        check_method("my_method")          # a name, "lines+ties", or the module itself

A law that a method breaks by design stands in `METHOD.exceptions` with its reason; one that it keeps all the same is an
error too. What the laws cannot see: which entries a method drops, how it weighs them, whether it merges well.
"""

from __future__ import annotations

from tangent_bench.merging import Merger, find, of
from tangent_bench.testing._laws import LAWS, quick


def check_method(method: str | Merger | object) -> list[str]:
    """Check every law; a wrapper alone is put around task arithmetic. Returns the names of the laws.

    Hyper-parameters are at their defaults, or at `Parameter.quick` where there is one; a `Merger` keeps its own.

    Args:
        method: a name as `merging.find` takes it, a module with METHOD, or a `Merger`.

    Raises:
        AssertionError: names the method, the law, what was found and what is expected.
        ValueError: there is no such method, or the module does not keep to the contract.
    """
    if not isinstance(method, Merger):
        method = quick(find(_whole(method)) if isinstance(method, str) else of(method))
    for law, check in LAWS.items():
        if said := check(method):
            raise AssertionError(f"Method '{method.name}' breaks the law '{law}': {said}")
    return list(LAWS)


def _whole(name: str) -> str:
    from tangent_bench.merging import module

    return name if hasattr(module(name.split("+")[-1]), "prepare") else f"{name}+task_arithmetic"
