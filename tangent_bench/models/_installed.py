"""Models by name: files of this folder, and modules of installed packages.

A package names its module as an entry point of the group `tangent_bench.models`. The module has
`MODEL = Model(..., library=__name__)`, `INPUTS` (`Pixels`, `Texts`, or what has their methods) and
`build()`, which returns the network with random weights. Imports nothing heavy, and neither should
such a module before `build` is called.
"""

from __future__ import annotations

from importlib import metadata
from types import ModuleType
from typing import Any

from tangent_bench import registry

GROUP = registry.MODELS_GROUP
LIBRARIES = ("open_clip", "timm")  # those whose networks need no module of their own
_INPUTS = ("size", "tensor", "normalise", "example")


def names() -> list[str]:
    """Names of all models: those of the suite, then those of installed packages."""
    return list(dict.fromkeys([*registry.names("models"), *sorted(registry.installed(GROUP))]))


def module(name: str) -> ModuleType:
    """The module of a model.

    Raises:
        ValueError: there is none, several have the name, or it lacks a part of the contract.
    """
    points = registry.installed(GROUP).get(name, [])
    is_file = name in registry.names("models")
    if is_file and not points:
        return registry.load("models", name)
    if not points:
        raise ValueError(_unknown(name))
    if len(points) > 1 or is_file:
        packages = [f"package {registry.package_of(point)!r}" for point in points]
        places = [*packages, *(["the suite"] if is_file else [])]
        raise ValueError(
            f"Model {name!r} comes from {' and '.join(places)}; rename it or uninstall one package."
        )
    return _load(points[0])


def _unknown(name: str) -> str:
    known = names()
    return (
        f"Unknown name {name!r} in 'models': expected one of {', '.join(known)}."
        f"{registry.did_you_mean(name, known)} A new one is one file, "
        f"tangent_bench/models/{name}.py, or an entry point of the group {GROUP!r}."
    )


def _load(point: metadata.EntryPoint) -> ModuleType:
    """The module that an entry point names, kept to the contract."""
    title = f"Model {point.name!r} of package {registry.package_of(point)!r}"
    try:
        found = point.load()
    except Exception as error:  # whatever a stranger's module does on import
        raise ValueError(f"{title} cannot be imported ({registry.described(error)}).") from error
    if flaw := _flaw(found):
        raise ValueError(f"{title} {flaw}; see docs/how-to/your-own-model.md.")
    return found


def _flaw(module: ModuleType) -> str:
    """What a module lacks of the contract; "" if nothing."""
    model: Any = getattr(module, "MODEL", None)
    if type(model).__name__ != "Model":
        return f"has a {type(model).__name__} as its MODEL; expected MODEL = Model(...)"
    library = model.library
    if library in LIBRARIES:
        return ""
    if library != module.__name__:
        return f"has a MODEL of library {library!r}; expected library=__name__"
    if not callable(getattr(module, "build", None)):
        return "has no function build(); expected one that returns the network"
    inputs = getattr(module, "INPUTS", None)
    lacking = [part for part in _INPUTS if not hasattr(inputs, part)]
    if lacking:
        return f"has INPUTS without {lacking[0]!r}; expected Pixels(...) or Texts(...)"
    return ""
