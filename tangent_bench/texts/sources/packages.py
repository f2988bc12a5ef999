"""Packages that texts are taken from, read without running them; `packages.csv` pins them."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import zipfile
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).parents[1] / "packages.csv"


class Pin(NamedTuple):
    """A line of `packages.csv`.

    Attributes:
        package: its name on PyPI.
        version: that the texts were taken from.
        file: name of the wheel; "" for a package that tangent_bench installs anyhow.
        sha256: of the wheel.
        task: that its texts are in.
        licence: of the texts.
        whose: whose they are.
    """

    package: str
    version: str
    file: str
    sha256: str
    task: str
    licence: str
    whose: str


@cache
def pins() -> dict[str, Pin]:
    """Name → package, of all that texts are taken from."""
    with open(TABLE, encoding="utf-8", newline="") as lines:
        rows = [Pin(*line) for line in list(csv.reader(lines))[1:]]
    return {row.package: row for row in rows}


def wheels() -> str:
    """The wheels as pip takes them, with the hashes of their files, one a line."""
    lines = []
    for pin in pins().values():
        if pin.file:
            lines.append(f"{pin.package}=={pin.version} --hash=sha256:{pin.sha256}\n")
    return "".join(lines)


class Wheel:
    """The files in a wheel.

    Args:
        folder: where the wheel is.
        package: its name.

    Raises:
        ValueError: the wheel is missing, or is not the one that the texts were taken from.
    """

    def __init__(self, folder: Path, package: str) -> None:
        pin = pins()[package]
        path = folder / pin.file
        if not path.is_file():
            raise ValueError(
                f"There is no {path}: `make texts` downloads {package} {pin.version}, and builds "
                "the tables."
            )
        self._content = path.read_bytes()
        if hashlib.sha256(self._content).hexdigest() != pin.sha256:
            raise ValueError(
                f"{path} is not the file that {TABLE.name} names: its sha256 is not {pin.sha256}. "
                f"Download {package} {pin.version} again, or pin the new file there."
            )

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(self._content))

    def names(self) -> list[str]:
        """The names of its files, sorted."""
        return sorted(self._archive.namelist())

    def read(self, name: str) -> bytes:
        """The content of a file in it."""
        return self._archive.read(name)

    def text(self, name: str) -> str:
        """The content of a text file in it."""
        return self.read(name).decode("utf-8")


def installed(package: str, module: str) -> Path:
    """The folder of an installed package's `module`, which is not imported.

    Raises:
        ValueError: it is not installed, or in another version than the texts were taken from.
    """
    pin = pins()[package]
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"{package} is not installed: `make install` brings {pin.version}.")
    version = metadata.version(package)
    if version != pin.version:
        raise ValueError(
            f"{package} {version} is installed, but its texts were taken from {pin.version}: "
            f"install that one, or pin the new one in {TABLE.name}."
        )
    return Path(spec.submodule_search_locations[0])
