"""Open merging methods by name: files of `methods/`, modules of installed packages, and chains of them.

    find("ties")                              a method
    find("lines+ties", {"lines.beta": 0.5})   "lines" adjusts what "ties" made; hyper-parameters as method.name
    find("ties", {"keep": 0.1})               of a single method the name alone will do

Importing this module, or listing names, imports no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tangent_bench import registry
from tangent_bench.methods import DATA, STORAGE, Context, Data, Method

if TYPE_CHECKING:
    from torch import Tensor

GROUP = "tangent_bench.methods"


@dataclass(frozen=True)
class Merger:
    """A method, or wrappers around one, with their hyper-parameters.

    Attributes:
        name: as asked for, "lines+ties".
        links: (name, module) from the outermost wrapper to the method itself.
        values: "method.parameter" → value, for every parameter of every link.
    """

    name: str
    links: tuple[tuple[str, Any], ...]
    values: Mapping[str, float | int | bool]

    @property
    def method(self) -> Method:
        """The contract of the method itself; a wrapper keeps its data, storage and grid of α."""
        return self.links[-1][1].METHOD

    @property
    def title(self) -> str:
        """For people: "LiNeS + TIES"."""
        return " + ".join(module.METHOD.title for _, module in self.links)

    @property
    def is_sum(self) -> bool:
        """Whether the direction is a fixed sum of the vectors, so that the tangent side needs no pass of its own."""
        return len(self.links) == 1 and hasattr(self.links[0][1], "weights")

    @property
    def label(self) -> str:
        """Name of its files: the name, and the hyper-parameters' id where some are not the defaults."""
        return f"{self.name}-{self.params_id}" if self.params_id else self.name

    @property
    def negates(self) -> bool:
        """Whether its direction, taken backwards, is meant to forget."""
        return all(module.METHOD.negates for _, module in self.links)

    @property
    def keeps_one_task(self) -> bool:
        """Whether the direction of one vector is that vector, so that it forgets just as task arithmetic does."""
        return not any("one task" in module.METHOD.exceptions for _, module in self.links)

    def crosses(self, merges: str) -> bool:
        """Whether an experiment is run for it as well: one that `merges` all tasks is; one that takes each by itself if
        the method negates, and otherwise than task arithmetic.
        """
        return merges == "all" or (merges == "each" and self.negates and not self.keeps_one_task)

    @property
    def modules(self) -> list[str]:
        """The names of all links' modules, for digests."""
        return [module.__name__ for _, module in self.links]

    def source(self, tasks: Sequence[str]) -> str:
        """How the direction of these tasks is called at points, beside the tasks' own vectors."""
        return f"{self.label}({'+'.join(tasks)})"

    def direction(self, tasks: Sequence[str]) -> dict[str, float]:
        """The direction of these tasks as a point: a sum of vectors, or one that was merged beforehand."""
        return self.weights(tasks) if self.is_sum else {self.source(tasks): 1.0}

    @property
    def params_id(self) -> str:
        """Eight hex digits of the hyper-parameters, "" if all are defaults; a column of every row."""
        text = json.dumps(self.changed, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8] if self.changed else ""

    @property
    def changed(self) -> dict[str, float | int | bool]:
        """The hyper-parameters that are not the defaults."""
        defaults = {
            f"{n}.{k}": p.default for n, m in self.links for k, p in m.METHOD.parameters.items()
        }
        return {key: value for key, value in self.values.items() if value != defaults[key]}

    def weights(self, sources: Sequence[str]) -> dict[str, float]:
        """Weight of every source, of a direction that is a fixed sum."""
        assert self.is_sum, self.name
        return self.links[0][1].weights(sources)

    def prepare(
        self,
        vectors: Mapping[str, Mapping[str, Tensor]],
        theta0: Mapping[str, Tensor],
        seed: int = 0,
        data: Data | None = None,
    ) -> dict[str, Tensor]:
        """The direction, with the names and shapes of θ0.

        Raises:
            ValueError: there is no vector, one of them does not fit θ0, or a method that needs data is given none.
        """
        from tangent_bench.tangent.vectors import require_same

        if not vectors:
            raise ValueError(
                f"Method '{self.name}' was given no vectors; expected at least one task."
            )
        if self.method.data != "none" and data is None:
            raise ValueError(
                f"Method '{self.name}' needs data ({self.method.data} images), but was given none."
            )
        for task, vector in vectors.items():
            require_same(theta0, vector, "theta0", task)
        (name, module), wrappers = self.links[-1], self.links[-2::-1] if len(self.links) > 1 else ()
        direction = module.prepare(vectors, self._context(name, theta0, seed, data))
        for name, module in wrappers:
            direction = module.adjust(direction, vectors, self._context(name, theta0, seed, data))
        require_same(theta0, direction, "theta0", f"direction of {self.name}")
        return direction

    def _context(self, name: str, theta0: Mapping, seed: int, data: Data | None) -> Context:
        own = {
            key.partition(".")[2]: v
            for key, v in self.values.items()
            if key.partition(".")[0] == name
        }
        return Context(theta0, own, seed, data)


def names() -> list[str]:
    """All methods and wrappers that there are: files first, then those of installed packages."""
    return list(dict.fromkeys([*registry.names("methods"), *sorted(_installed())]))


def find(name: str, given: Mapping[str, float | int | bool] | None = None) -> Merger:
    """The method of this name with these hyper-parameters; defaults for the others.

    Raises:
        ValueError: an unknown name or hyper-parameter, a value out of range, wrappers around nothing, a name that two
            packages claim, or a package's method that cannot be imported or does not keep to the contract.
    """
    parts = name.split("+")
    links = tuple((part, module(part)) for part in parts)
    for part, wrapper in links[:-1]:
        if not hasattr(wrapper, "adjust"):
            raise ValueError(
                f"{part!r} in {name!r} is no wrapper; expected wrappers before the last '+'."
            )
    if not hasattr(links[-1][1], "prepare"):
        raise ValueError(
            f"{parts[-1]!r} is a wrapper: say around which method, as '{name}+task_arithmetic'."
        )
    if len(set(parts)) < len(parts):
        raise ValueError(f"{name!r} names a wrapper twice; expected each once.")
    return Merger(name, links, _values(links, given or {}))


def asked(entries: Sequence[str | Mapping]) -> dict[str, Merger]:
    """Label → method, of the config's list: names, or maps of a name and hyper-parameters ({name: ties, keep: 0.1}).

    Raises:
        ValueError: as `find`, or two entries that are the same method.
    """
    found: dict[str, Merger] = {}
    for entry in entries:
        given = {"name": entry} if isinstance(entry, str) else dict(entry)
        merger = find(given.pop("name"), given)
        if merger.label in found:
            raise ValueError(
                f"'methods' has {entry!r} twice (defaults count too); leave one of them out."
            )
        found[merger.label] = merger
    return found


def of(module: Any, name: str = "") -> Merger:
    """A module (or any object) that is a method, with its defaults; a wrapper is put around task arithmetic.

    Raises:
        ValueError: it does not keep to the contract.
    """
    name = name or getattr(module, "__name__", type(module).__name__).rpartition(".")[2]
    if flaw := _flaw(module, name):
        raise ValueError(f"Method {name!r} {flaw}.")
    inner = (
        ()
        if hasattr(module, "prepare")
        else (("task_arithmetic", registry.load("methods", "task_arithmetic")),)
    )
    links = ((name, module), *inner)
    return Merger("+".join(part for part, _ in links), links, _values(links, {}))


def module(name: str) -> ModuleType:
    """The file or package's module of one method or wrapper, kept to the contract."""
    packages = _installed().get(name, [])
    own = name in registry.names("methods")
    if len(packages) + own > 1:
        places = [
            *(["the suite"] if own else []),
            *(f"package {point.dist.name!r}" for point in packages),
        ]
        raise ValueError(
            f"Method {name!r} comes from {' and '.join(places)}; rename it or uninstall one package."
        )
    if own:
        return registry.load("methods", name)
    if not packages:
        hint = registry.did_you_mean(name, names())
        raise ValueError(
            f"Unknown name {name!r} in 'methods': expected one of {', '.join(names())}.{hint} A new one is one file, "
            f"tangent_bench/methods/{name}.py, or an entry point of the group {GROUP!r}."
        )
    return _of_package(packages[0])


def _of_package(point: metadata.EntryPoint) -> ModuleType:
    whose = f"Method {point.name!r} of package {point.dist.name!r}"
    try:
        found = point.load()
    except Exception as error:  # whatever a stranger's module does on import
        raise ValueError(
            f"{whose} cannot be imported ({type(error).__name__}: {error})."
        ) from error
    if flaw := _flaw(found, point.name):
        raise ValueError(f"{whose} {flaw}.")
    return found


def _installed() -> dict[str, list[metadata.EntryPoint]]:
    """Name → entry points, more than one where packages claim the same name."""
    found: dict[str, list[metadata.EntryPoint]] = {}
    for point in metadata.entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return found


def _flaw(module: object, name: str) -> str:
    """What of the contract a module does not keep; "" if it keeps it."""
    method = getattr(module, "METHOD", None)
    if odd := {".", "+"} & set(name):
        return f"has {min(odd)!r} in its name, which joins names in chains and hyper-parameters; rename it"
    if not isinstance(method, Method):
        return (
            f"has no METHOD; expected a tangent_bench.methods.Method, got {type(method).__name__}"
        )
    if hasattr(module, "prepare") == hasattr(module, "adjust"):
        return "needs either prepare(vectors, context) or adjust(direction, vectors, context)"
    if method.data not in DATA:
        return f"has data {method.data!r}; expected one of {', '.join(DATA)}"
    return (
        ""
        if method.storage in STORAGE
        else f"has storage {method.storage!r}; expected one of {', '.join(STORAGE)}"
    )


def _values(links: Sequence[tuple[str, Any]], given: Mapping) -> dict:
    known = {
        f"{name}.{key}": p for name, module in links for key, p in module.METHOD.parameters.items()
    }
    values = {key: parameter.default for key, parameter in known.items()}
    for key, value in given.items():
        whole = key if "." in key else f"{links[-1][0]}.{key}"
        if whole not in known:
            hint = registry.did_you_mean(whole, known)
            listed = ", ".join(known) or "none"
            raise ValueError(
                f"Unknown hyper-parameter {key!r} of '{'+'.join(n for n, _ in links)}': it has {listed}.{hint}"
            )
        values[whole] = known[whole].check(whole, value)
    return values
