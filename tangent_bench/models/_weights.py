"""The file with the weights of a tag of open_clip's, such as "openai": in a folder of the user's, the hub's cache, or
downloaded.

Below $TANGENT_BENCH_WEIGHTS it is `<architecture>/<tag>.safetensors` (or .pt, .bin: a state dict), or what `hf download
... --local-dir $TANGENT_BENCH_WEIGHTS/<architecture>/<tag>` leaves there. The hub is asked once, with a short time-out:
open_clip itself would try for minutes where there is no network.
Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

ROOT = "TANGENT_BENCH_WEIGHTS"
SAFE, PICKLED = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)  # names on the hub, the first preferred
SECONDS = 10.0  # to wait for the hub's first answer


def in_folder(architecture: str, tag: str) -> Path | None:
    """The file of a tag below $TANGENT_BENCH_WEIGHTS, or None."""
    if not (root := os.environ.get(ROOT)):
        return None
    folder = Path(root) / architecture
    names = f"{tag}.safetensors", f"{tag}/{SAFE}", f"{tag}/{PICKLED}", f"{tag}.pt", f"{tag}.bin"
    return next((folder / name for name in names if (folder / name).is_file()), None)


def from_hub(title: str, architecture: str, tag: str, address: str) -> Path:
    """The file of a tag in the hub's cache, else downloaded into it.

    Args:
        address: open_clip's `hf_hub` of the tag, "<owner>/<repository>/[<file>]"; "" if it is not on the hub.

    Raises:
        ValueError: it is neither here nor to be had; the sentence says how to get it.
    """
    repository, _, name = address.rpartition("/")
    names = [SAFE, PICKLED] if not name else [f"{name.rpartition('.')[0]}.safetensors", name]
    try:
        return _cached(repository, names) or _downloaded(repository, names)
    except ConnectionError as reason:
        raise ValueError(_missing(title, architecture, tag, repository, names, reason)) from None


def _cached(repository: str, names: list[str]) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(repository, name) for name in names) if repository else ()
    return next((Path(file) for file in found if isinstance(file, str)), None)


def _downloaded(repository: str, names: list[str]) -> Path:
    """Raises ConnectionError, with the reason, if the hub has no such file or does not answer."""
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
    """What is missing, and the command that gets it."""
    from huggingface_hub.constants import HF_HUB_CACHE

    root = os.environ.get(ROOT)
    place = f"{root or f'${ROOT}'}/{architecture}/{tag}.safetensors"
    command = (
        f"hf download {repository} {names[0]} (or {names[1]})" if repository else "download them"
    )
    return (
        f"Model {title!r}: its weights {tag!r} are not on this machine: neither at {place}"
        f"{'' if root else ' (that variable is not set)'} nor in the hub's cache {HF_HUB_CACHE}, and the hub gave none "
        f"({reason}). Where there is a network: {command}; and bring the file to either place, or name it as "
        f"`weights` of a model of your own (custom_models)."
    )


def require_no_program(title: str, file: Path) -> None:
    """Raise unless a file is weights alone; OpenAI's own .pt files are programs in TorchScript with their weights.

    Raises:
        ValueError: it is an archive of TorchScript.
    """
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Model {title!r}: {file} is truncated or damaged ({error}); download it again."
        ) from None
    if any(name.endswith("/constants.pkl") for name in names):
        raise ValueError(
            f"Model {title!r}: {file} is a TorchScript archive, a program that would have to be run to be read; "
            f"give the same weights as safetensors (open_clip has copies of OpenAI's on the hub: {SAFE})."
        )
