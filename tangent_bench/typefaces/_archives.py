"""Packages that hold typefaces (wheels of PyPI, packages of Debian), read without an install."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import tarfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePath
from typing import NamedTuple

TABLE = Path(__file__).parent / "packages.csv"
INSTALLED = "matplotlib"  # comes with tangent_bench, and needs no file


class Package(NamedTuple):
    """A line of `packages.csv`.

    Attributes:
        package: its name on PyPI or in Debian.
        version: that the sheets were built from.
        file: name of the wheel or of the .deb file; "" for a package that is installed anyhow.
        sha256: of the file.
        licence: of the typefaces in it.
        copyright: whose they are.
    """

    package: str
    version: str
    file: str
    sha256: str
    licence: str
    copyright: str


@cache
def packages() -> dict[str, Package]:
    """Name → package, of all that sheets are built from."""
    with open(TABLE, encoding="utf-8", newline="") as lines:
        rows = [Package(*line) for line in list(csv.reader(lines))[1:]]
    return {row.package: row for row in rows}


@cache
def files(folder: Path, package: str) -> dict[str, bytes]:
    """File name → content of the typefaces and charmaps of a `package` whose file is in `folder`.

    Raises:
        ValueError: the file is missing, or is not the one that the sheets were built from.
    """
    entry = packages()[package]
    if package == INSTALLED:
        return dict(_installed(package))
    path = folder / entry.file
    if not path.is_file():
        raise ValueError(
            f"There is no {path}: `make typefaces` downloads {package} {entry.version}, and builds "
            "the sheets."
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise ValueError(
            f"{path} is not the file that {TABLE.name} names: its sha256 is not {entry.sha256}. "
            f"Download {package} {entry.version} again, or pin the new file there."
        )
    members = _wheel(content) if path.suffix == ".whl" else _debian(content)
    return {PurePath(name).name: data for name, data in members}


def _wheel(content: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if PurePath(name).suffix in (".ttf", ".otf", ".json"):
                yield name, archive.read(name)


def _debian(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Of a .deb file: an `ar` archive, whose last member is a tar archive of what it installs."""
    place = 8
    while place < len(content):
        header = content[place : place + 60]
        size = int(header[48:58])
        if header.startswith(b"data.tar"):
            data = io.BytesIO(content[place + 60 : place + 60 + size])
            yield from _tar(data)
        place += 60 + size + size % 2


def _tar(data: io.BytesIO) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=data) as archive:
        for member in archive:
            if member.isfile() and PurePath(member.name).suffix in (".ttf", ".otf"):
                file = archive.extractfile(member)
                assert file is not None, member.name
                yield member.name, file.read()


def _installed(package: str) -> Iterator[tuple[str, bytes]]:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations, package
    for path in Path(spec.submodule_search_locations[0]).rglob("*.ttf"):
        yield path.name, path.read_bytes()
