"""Open merging methods by name: files of `methods/`, modules of installed packages, and chains of
them.

    find("ties")                              a method
    find("lines+ties", {"lines.beta": 0.5})   "lines" adjusts the direction of "ties";
                                              hyper-parameters are named method.parameter
    find("ties", {"keep": 0.1})               the parameter's name is enough for a single method
    find("scaled", {"mnist": 0.4})            some have a hyper-parameter for each task, by its name

Importing this module, or listing names, imports no torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import chain
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from tangent_bench import registry
from tangent_bench.methods import NO_DATA, Context, Data, Method, Parameter, _flaws

if TYPE_CHECKING:
    from torch import Tensor

GROUP = registry.METHODS_GROUP
Value = float | int | bool


class Link(NamedTuple):
    """A method or wrapper: its name, and its module or any object with the same contract."""

    name: str
    module: Any

    @property
    def contract(self) -> Method:
        """Its METHOD."""
        return self.module.METHOD

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Its hyper-parameters by "method.parameter"."""
        return {f"{self.name}.{key}": value for key, value in self.contract.parameters.items()}

    def parameter(self, key: str) -> Parameter | None:
        """What "method.parameter" is here, one that is named after a task included."""
        method, _, own = key.partition(".")
        if method != self.name or not own:
            return None
        return self.contract.parameters.get(own, self.contract.by_task)


@dataclass(frozen=True)
class Merger:
    """A method, or wrappers around one, with their hyper-parameters.

    Attributes:
        name: as in the config, "lines+ties".
        links: from the outermost wrapper to the method itself.
        values: "method.parameter" → value, for every parameter of every link, and for those named
            after a task that the user gave.
    """

    name: str
    links: tuple[Link, ...]
    values: Mapping[str, Value]

    @property
    def method(self) -> Method:
        """The contract of the method itself; wrappers keep its data, storage and grid of α."""
        return self.links[-1].contract

    @property
    def title(self) -> str:
        """For people: "LiNeS + TIES"."""
        return " + ".join(link.contract.title for link in self.links)

    @property
    def sees_test_images(self) -> bool:
        """Whether a link of it does (`Method.sees_test_images`)."""
        return any(link.contract.sees_test_images for link in self.links)

    @property
    def sees_labels(self) -> bool:
        """Whether a link of it does (`Method.sees_labels`)."""
        return any(link.contract.sees_labels for link in self.links)

    @property
    def is_sum(self) -> bool:
        """Whether the direction is a fixed sum of the vectors.

        The tangent side then needs no pass of its own.
        """
        return len(self.links) == 1 and hasattr(self.links[0].module, "weights")

    @property
    def label(self) -> str:
        """Name of its files: the name, and the hyper-parameters' id if some are not the
        defaults.
        """
        return f"{self.name}-{self.params_id}" if self.params_id else self.name

    @property
    def negates(self) -> bool:
        """Whether its direction, taken backwards, is meant to forget."""
        return all(link.contract.negates for link in self.links)

    @property
    def keeps_one_task(self) -> bool:
        """Whether the direction of one vector is that vector.

        Such a method forgets just as task arithmetic does.
        """
        return not any("one task" in link.contract.exceptions for link in self.links)

    def crosses(self, merges: str) -> bool:
        """Whether an experiment is also run for this method.

        Args:
            merges: what the experiment merges. With "all" tasks it is run for every method; with
                "each" task by itself, for methods that negate, and otherwise than task arithmetic
                does.
        """
        return merges == "all" or (merges == "each" and self.negates and not self.keeps_one_task)

    @property
    def modules(self) -> list[str]:
        """The names of all links' modules, for digests."""
        return [link.module.__name__ for link in self.links]

    def source(self, tasks: Sequence[str]) -> str:
        """Name of the direction of these tasks at points, beside the names of their vectors."""
        return f"{self.label}({'+'.join(tasks)})"

    def direction(self, tasks: Sequence[str]) -> dict[str, float]:
        """The direction of these tasks as a point: a sum of vectors, or one merged beforehand."""
        return self.weights(tasks) if self.is_sum else {self.source(tasks): 1.0}

    @property
    def params_id(self) -> str:
        """Eight hex digits of the hyper-parameters, "" if all are defaults; a column of rows."""
        text = json.dumps(self.changed, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8] if self.changed else ""

    @property
    def changed(self) -> dict[str, Value]:
        """The hyper-parameters that are not the defaults."""
        changed = {}
        for key, value in self.values.items():
            if value != _parameter(self.links, key).default:
                changed[key] = value
        return changed

    def weights(self, sources: Sequence[str]) -> dict[str, float]:
        """Weight of every source, of a direction that is a fixed sum."""
        assert self.is_sum, self.name
        link = self.links[0]
        if _flaws.asks_for_values(link.module.weights):
            return link.module.weights(sources, self._values_of(link))
        return link.module.weights(sources)

    def require_tasks(self, tasks: Collection[str]) -> None:
        """Raise ValueError if a hyper-parameter is named after a task that is not among these."""
        for key in sorted(self.values.keys() - _parameters(self.links)):
            task = key.partition(".")[2]
            if task not in tasks:
                hint = registry.did_you_mean(task, tasks)
                raise ValueError(
                    f"Hyper-parameter {key!r} is named after no task of the run; expected one of "
                    f"{', '.join(tasks)}.{hint}"
                )

    def prepare(
        self,
        vectors: Mapping[str, Mapping[str, Tensor]],
        theta0: Mapping[str, Tensor],
        seed: int = 0,
        data: Data | None = None,
    ) -> dict[str, Tensor]:
        """The direction, with the names and shapes of θ0.

        Args:
            vectors: task → τ.
            theta0: θ0, from which all vectors were fine-tuned.
            seed: of random draws.
            data: images, for a method that asks for them.

        Raises:
            ValueError: there is no vector, one of them does not fit θ0, a method that needs data is
                given none, numbers are not finite, or the method failed or returned no direction.
        """
        from tangent_bench.methods import _guards

        self._require_input(vectors, theta0, data)
        types = _guards.types(vectors)
        present = chain([value.dtype for value in theta0.values()], *types.values())
        images = NO_DATA if data is None else data
        if not any(map(_guards.is_narrow, present)):
            return dict(self._merged(vectors, theta0, seed, images))
        wide = {task: _guards.Widened(vector) for task, vector in vectors.items()}
        theta0 = {name: _guards.widened(value) for name, value in theta0.items()}
        direction = self._merged(wide, theta0, seed, _guards.widened_data(images))
        return _guards.narrowed(direction, types, self.name)

    def _require_input(
        self,
        vectors: Mapping[str, Mapping[str, Tensor]],
        theta0: Mapping[str, Tensor],
        data: Data | None,
    ) -> None:
        """Raise unless there is all that the method needs, in finite numbers."""
        from tangent_bench.tangent.vectors import require_finite, require_same

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
        require_finite(theta0, f"Method {self.name!r}: θ0", "give whole weights")
        for task, vector in vectors.items():
            owner = f"Method {self.name!r}: the vector of {task!r}"
            require_finite(vector, owner, "fine-tune that task again, or leave it out")

    def _merged(
        self,
        vectors: Mapping[str, Mapping[str, Tensor]],
        theta0: Mapping[str, Tensor],
        seed: int,
        data: Data,
    ) -> Mapping[str, Tensor]:
        """The direction, from the method outwards through all wrappers."""

        def made(link: Link, *inputs: Mapping) -> Mapping[str, Tensor]:
            context = Context(theta0, self._values_of(link), seed, data)
            return _made(link, theta0, *inputs, vectors, context)

        *wrappers, method = self.links
        direction = made(method)
        for wrapper in reversed(wrappers):
            direction = made(wrapper, direction)
        return direction

    def _values_of(self, link: Link) -> dict[str, Value]:
        """The hyper-parameters of one link, by their own names."""
        of_link = {}
        for key, value in self.values.items():
            method, _, own = key.partition(".")
            if method == link.name:
                of_link[own] = value
        return of_link


def _made(link: Link, theta0: Mapping[str, Tensor], *inputs: Any) -> Mapping[str, Tensor]:
    """What a method or wrapper makes of its inputs, if it is a direction of finite numbers.

    Args:
        link: the method or wrapper.
        theta0: θ0.
        inputs: as its function takes them; the vectors stand before the context.
    """
    from tangent_bench.methods import _guards
    from tangent_bench.tangent.vectors import require_finite

    function = "prepare" if hasattr(link.module, "prepare") else "adjust"
    made = _flaws.called(link.name, function, getattr(link.module, function), *inputs)
    direction = _guards.require_direction(made, theta0, link.name, function)
    owner = f"Method {link.name!r}: its direction of {_guards.listed(inputs[-2])}"
    require_finite(
        direction,
        owner,
        "no coefficient can mend that, so look there for a division by 0 or an overflow",
    )
    return direction


def names() -> list[str]:
    """All available methods and wrappers: files first, then those of installed packages."""
    return list(dict.fromkeys([*registry.names("methods"), *sorted(_installed())]))


def find(name: str, given: Mapping[str, Value] | None = None) -> Merger:
    """The method of this name, with hyper-parameters.

    Args:
        name: of a method, or a chain as "lines+ties".
        given: hyper-parameters that are not to be the defaults.

    Raises:
        ValueError: an unknown name or hyper-parameter, a value out of range, wrappers around
            nothing, a name that two packages claim, or a package's method that cannot be imported
            or does not keep to the contract.
    """
    parts = name.split("+")
    links = tuple(Link(part, module(part)) for part in parts)
    for link in links[:-1]:
        if not hasattr(link.module, "adjust"):
            raise ValueError(
                f"{link.name!r} in {name!r} is no wrapper; expected wrappers before the last '+'."
            )
    if not hasattr(links[-1].module, "prepare"):
        raise ValueError(
            f"{parts[-1]!r} is a wrapper: say around which method, as '{name}+task_arithmetic'."
        )
    if len(set(parts)) < len(parts):
        raise ValueError(f"{name!r} names a wrapper twice; expected each once.")
    return Merger(name, links, _values(links, given or {}))


def sees_test_images(label: str) -> bool:
    """Whether the method of a label sees test images; nothing is known of one that is not here.

    >>> sees_test_images("adamerging-0123abcd"), sees_test_images("ties")
    (True, False)

    Args:
        label: as `Merger.label` makes it.
    """
    method = _of_label(label)
    return method is not None and method.sees_test_images


def sees_labels(label: str) -> bool:
    """Whether the method of a label is fitted to validation labels.

    Nothing is known of one that is not here.

    >>> sees_labels("atlas-0123abcd"), sees_labels("ties")
    (True, False)

    Args:
        label: as `Merger.label` makes it.
    """
    method = _of_label(label)
    return method is not None and method.sees_labels


def _of_label(label: str) -> Merger | None:
    try:
        return find(re.sub(r"-[0-9a-f]{8}$", "", label))
    except ValueError:
        return None


def asked(entries: Sequence[str | Mapping]) -> dict[str, Merger]:
    """Label → method, for the config's list of methods.

    Args:
        entries: names, or maps of a name and hyper-parameters ({name: ties, keep: 0.1}).

    Raises:
        ValueError: as `find`, or two entries that are the same method.
    """
    mergers: dict[str, Merger] = {}
    for entry in entries:
        values: dict[str, Any] = {"name": entry} if isinstance(entry, str) else dict(entry)
        name = values.pop("name")
        merger = find(name, values)
        if merger.label in mergers:
            raise ValueError(
                f"'methods' has {entry!r} twice (defaults count too); leave one of them out."
            )
        mergers[merger.label] = merger
    return mergers


def of(module: Any, name: str = "") -> Merger:
    """A method from its module, with its defaults; a wrapper is put around task arithmetic.

    Args:
        module: or any object that keeps to the contract.
        name: "" takes the last part of the module's own.

    Raises:
        ValueError: it does not keep to the contract.
    """
    name = name or getattr(module, "__name__", type(module).__name__).rpartition(".")[2]
    if flaw := _flaws.flaw(module, name):
        raise ValueError(f"Method {name!r} {flaw}.")
    links = (Link(name, module),)
    if not hasattr(module, "prepare"):
        links += (Link("task_arithmetic", registry.load("methods", "task_arithmetic")),)
    return Merger("+".join(link.name for link in links), links, _values(links, {}))


def module(name: str) -> ModuleType:
    """The module of one method or wrapper, from a file or a package, kept to the contract."""
    packages = _installed().get(name, [])
    is_file = name in registry.names("methods")
    if len(packages) + is_file > 1:
        places = ["the suite"] if is_file else []
        places += [f"package {registry.package_of(point)!r}" for point in packages]
        raise ValueError(
            f"Method {name!r} comes from {' and '.join(places)}; rename it or uninstall one "
            "package."
        )
    if is_file:
        return _kept(registry.load("methods", name), name)
    if not packages:
        hint = registry.did_you_mean(name, names())
        raise ValueError(
            f"Unknown name {name!r} in 'methods': expected one of {', '.join(names())}.{hint} "
            f"A new one is one file, tangent_bench/methods/{name}.py, or an entry point of the "
            f"group {GROUP!r}."
        )
    return _load(packages[0])


def _kept(method: ModuleType, name: str) -> ModuleType:
    """The module of a file of methods/, if it keeps to the contract."""
    if flaw := _flaws.flaw(method, name):
        raise ValueError(f"Method {name!r} ({method.__file__}) {flaw}.")
    return method


def _load(point: metadata.EntryPoint) -> ModuleType:
    """The module that an entry point names."""
    title = f"Method {point.name!r} of package {registry.package_of(point)!r}"
    try:
        method = point.load()
    except Exception as error:  # whatever a stranger's module does on import
        raise ValueError(
            f"{title} cannot be imported ({type(error).__name__}: {error})."
        ) from error
    if flaw := _flaws.flaw(method, point.name):
        raise ValueError(f"{title} {flaw}.")
    return method


def _installed() -> dict[str, list[metadata.EntryPoint]]:
    """Name → entry points; several where packages claim the same name."""
    return registry.installed(GROUP)


def _parameters(links: Sequence[Link]) -> dict[str, Parameter]:
    """The hyper-parameters of all links, by "method.parameter"."""
    parameters: dict[str, Parameter] = {}
    for link in links:
        parameters.update(link.parameters)
    return parameters


def _values(links: Sequence[Link], given: Mapping[str, Any]) -> dict[str, Value]:
    """The values of all hyper-parameters, by "method.parameter"."""
    parameters = _parameters(links)
    values = {key: parameter.default for key, parameter in parameters.items()}
    for key, value in given.items():
        whole = key if "." in key else f"{links[-1].name}.{key}"
        values[whole] = _parameter(links, whole, key).check(whole, value)
    return values


def _parameter(links: Sequence[Link], key: str, given: str = "") -> Parameter:
    """The hyper-parameter "method.parameter" of a chain; `given` is what the user called it."""
    for link in links:
        if (parameter := link.parameter(key)) is not None:
            return parameter
    parameters = _parameters(links)
    chain = "+".join(link.name for link in links)
    hint = registry.did_you_mean(key, parameters)
    known = ", ".join(parameters) or "none"
    raise ValueError(
        f"Unknown hyper-parameter {given or key!r} of '{chain}': it has {known}.{hint}"
    )
