"""Digests of the code that a job runs, so that an edit of the code runs the job again.

Snakemake goes by the date of a rule's script, and not at all by the modules that it imports. A rule
therefore carries `digest(script, *plugins)` as a param: of the script, of the plug-ins that the job
loads by name, and of all that these import.

Of a module its syntax tree without docstrings counts: a comment, a docstring or a blank line
changes nothing. Imports within functions count, since jobs import late, and so does
`registry.every`; imports under `if TYPE_CHECKING:` do not. A data file counts if a module names it
in a string, relative to the module's own folder or to the root of the suite.

Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tangent_bench import registry, suite

PACKAGE = "tangent_bench"
_DATA_FILE = re.compile(r"[\w./-]+\.(?!py$)\w+")


@cache
def digest(script: str | Path, *plugins: str) -> str:
    """Sixteen hexadecimal digits of the code that a job runs.

    Args:
        script: the file that the rule names.
        plugins: modules that the job loads by name, in dotted form
            ("tangent_bench.training.linear"); a module of an installed package is followed within
            that package.

    Raises:
        ValueError: a file or an imported module is not there.
    """
    state = hashlib.sha256()
    for file in closure(script, *plugins):
        state.update(f"{_label(file)}\0{_content(file)}\n".encode())
    return state.hexdigest()[:16]


def closure(script: str | Path, *plugins: str) -> list[Path]:
    """The script, the plug-ins, every module and data file that they reach, sorted; arguments as
    `digest` takes them.

    Raises:
        ValueError: a file or an imported module is not there.
    """
    packages = frozenset([PACKAGE, *(name.partition(".")[0] for name in plugins)])
    reached: set[Path] = set()
    waiting = [Path(script), *(file for name in plugins for file in _files_of(name, "a rule"))]
    while waiting:
        file = waiting.pop()
        if file in reached:
            continue
        reached.add(file)
        if file.suffix == ".py":
            modules, data_files = _next(file, *_stamp(file), packages)
            waiting += modules
            reached |= data_files
    return sorted(reached)


@cache
def _next(
    file: Path, modified: int, size: int, packages: frozenset[str]
) -> tuple[frozenset[Path], frozenset[Path]]:
    """The modules of these packages that a module imports, and the data files that it names."""
    source = _source(file, modified, size)
    modules: set[Path] = set()
    for name in source.imports:
        if name.partition(".")[0] in packages:
            modules.update(_files_of(name, str(file)))
    return frozenset(modules), frozenset(source.data_files)


@dataclass(frozen=True)
class _Source:
    """What counts of a module.

    A name in `imports` that ends in ".?" is an attribute of a module, or a module.
    """

    digest: str
    imports: tuple[str, ...]
    data_files: tuple[Path, ...]


@cache
def _source(file: Path, _modified: int, _size: int) -> _Source:
    reader = _Reader()
    shape = reader.shape(ast.parse(file.read_bytes(), str(file)))
    imports = [name for node in reader.loading for name in _loaded(node, file)]
    data_files = [path for text in reader.names_of_files for path in _existing(text, file)]
    return _Source(
        digest=hashlib.sha256(shape.encode()).hexdigest(),
        imports=tuple(dict.fromkeys(imports)),
        data_files=tuple(data_files),
    )


def _stamp(file: Path) -> tuple[int, int]:
    """Time of change and size, which tell whether a file must be read again."""
    try:
        status = file.stat()
    except OSError:
        raise ValueError(
            f"{file} is not there, but a rule runs it; restore it, or correct the rule."
        ) from None
    return status.st_mtime_ns, status.st_size


def _content(file: Path) -> str:
    if file.suffix == ".py":
        return _source(file, *_stamp(file)).digest
    return _bytes_digest(file, *_stamp(file))


@cache
def _bytes_digest(file: Path, _modified: int, _size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@cache
def _label(file: Path) -> str:
    """A file's name within the suite, wherever the checkout lies; outside of it its own name."""
    return str(file.relative_to(suite.ROOT)) if file.is_relative_to(suite.ROOT) else file.name


class _Reader:
    """One pass through a syntax tree.

    Attributes:
        loading: the nodes that import something when they run.
        names_of_files: strings that look like the name of a data file.
    """

    def __init__(self) -> None:
        self.loading: list[ast.Import | ast.ImportFrom | ast.Call] = []
        self.names_of_files: list[str] = []
        self._runs = True

    def shape(self, node: object) -> str:
        """A syntax tree as text, without positions and docstrings, in every version of Python.

        >>> _Reader().shape(ast.parse("x = 1  # one"))
        "Module(body=[Assign(targets=[Name(id='x')],value=Constant(value=1))])"
        >>> _Reader().shape(ast.parse("'About x.'\\nx = (1)"))
        "Module(body=[Assign(targets=[Name(id='x')],value=Constant(value=1))])"
        """
        if isinstance(node, list):
            return f"[{','.join([self.shape(item) for item in node if not _is_docstring(item)])}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        self._take(node)
        fields = []
        for field in node._fields:
            value = getattr(node, field, None)
            # Fields without a value differ between versions of Python; the others follow from the
            # source's form, or from where a node stands.
            if value is None or value == [] or field in ("ctx", "kind"):
                continue
            if field == "body" and isinstance(node, ast.If) and _is_type_checking(node):
                fields.append(f"body={self._shape_of_types(value)}")
            else:
                fields.append(f"{field}={self.shape(value)}")
        return f"{type(node).__name__}({','.join(fields)})"

    def _shape_of_types(self, body: object) -> str:
        """The shape of what only type checkers read."""
        runs = self._runs
        self._runs = False
        shape = self.shape(body)
        self._runs = runs
        return shape

    def _take(self, node: ast.AST) -> None:
        """Keep a node that imports something, or names a file."""
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and _DATA_FILE.fullmatch(node.value):
                self.names_of_files.append(node.value)
        elif self._runs and isinstance(node, (ast.Import, ast.ImportFrom, ast.Call)):
            self.loading.append(node)


def _is_docstring(node: object) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_type_checking(node: ast.If) -> bool:
    return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _loaded(node: ast.Import | ast.ImportFrom | ast.Call, file: Path) -> Iterator[str]:
    """The modules that a node imports, as far as one can tell without running it."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = _absolute(node, file)
        yield module
        yield from (f"{module}.{alias.name}.?" for alias in node.names)
    elif _is_every(node.func):
        folder = ast.literal_eval(node.args[0])
        yield from (registry.module_name(folder, name) for name in registry.names(folder))


def _is_every(function: ast.expr) -> bool:
    """Whether a function is `registry.every`."""
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "every"
        and isinstance(function.value, ast.Name)
        and function.value.id == "registry"
    )


def _absolute(node: ast.ImportFrom, file: Path) -> str:
    """The module that an import names, with the dots at its beginning resolved."""
    if not node.level:
        return node.module or ""
    folder = file.parents[node.level - 1]
    parents = [folder.name]
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
        parents.insert(0, folder.name)
    return ".".join([*parents, *filter(None, [node.module])])


def _existing(text: str, file: Path) -> Iterator[Path]:
    """The files that a string in a module names."""
    return (path for path in (file.parent / text, suite.ROOT / text) if path.is_file())


def _files_of(name: str, importer: str) -> Iterable[Path]:
    """The file of a module, and of the packages above it, which are imported with it."""
    may_be_attribute = name.endswith(".?")
    parts = name.removesuffix(".?").split(".")
    place = _root(parts[0])
    files = []
    for length, part in enumerate(parts, 1):
        place = place / part
        file = _file_at(place)
        if file is not None:
            files.append(file)
        elif not place.is_dir():
            if may_be_attribute and length == len(parts):
                break
            raise ValueError(
                f"There is no module {'.'.join(parts)}, which {importer} loads; restore it, or "
                "correct that."
            )
    return files


@cache
def _file_at(place: Path) -> Path | None:
    """The file of a package, or of a module."""
    for file in (place / "__init__.py", place.with_suffix(".py")):
        if file.is_file():
            return file
    return None


@cache
def _root(package: str) -> Path:
    """The folder that a package, or a module that stands alone, lies in."""
    if package == PACKAGE:
        return Path(__file__).parents[len(__name__.split(".")) - 1]
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ValueError(f"There is no package {package!r}, which a rule loads; install it.")
    place = next(iter(spec.submodule_search_locations or []), spec.origin)
    assert place is not None, package
    return Path(place).parent
