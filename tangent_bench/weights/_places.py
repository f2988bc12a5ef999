"""Where weights lie: in a file, in a folder of the hub, or in shards that an index names."""

from __future__ import annotations

import json
import re
from pathlib import Path

# Files of a folder of the hub, in order of preference: of transformers, of open_clip.
TRANSFORMERS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
# Of LoRA adapters, as PEFT saves them.
ADAPTERS = ("adapter_model.safetensors", "adapter_model.bin")
ADAPTER_CONFIG = "adapter_config.json"
INDEX = ".index.json"
_SHARD = re.compile(r"-\d{5}-of-(\d{5})(?=\.)")
EXPECTED = "model.safetensors, pytorch_model.bin, open_clip's names of them, or an index of shards"
MERGE = (
    "which is no weights without those that it adapts; merge it into them first (PEFT: "
    "merge_and_unload), and save the result"
)
ADAPTER = (
    f"is a LoRA adapter, {MERGE}; or, for a vector, read it by layout 'peft' under `checkpoints`"
)


def find(path: Path, prefer_open_clip: bool = False, adapter: bool = False) -> Path:
    """The file of weights that a path means: itself, or the one in a folder of the hub.

    Args:
        path: a file or a folder.
        prefer_open_clip: whether files with open_clip's names come first in a folder with both.
        adapter: whether a LoRA adapter is looked for, in place of whole weights.

    Raises:
        ValueError: there is no such file or folder, the folder has no weights, or the file is one
            shard of several.
    """
    if path.is_dir():
        return _adapter_in(path) if adapter else _in_folder(path, prefer_open_clip)
    if not path.is_file():
        raise ValueError(
            f"There is no {path}; expected a file of weights, or a folder with {EXPECTED}."
        )
    _require_no_shard(path)
    return path


def _in_folder(folder: Path, prefer_open_clip: bool) -> Path:
    names = (*OPEN_CLIP, *TRANSFORMERS) if prefer_open_clip else (*TRANSFORMERS, *OPEN_CLIP)
    for name in names:
        if (folder / name).is_file():
            return folder / name
    if (folder / ADAPTER_CONFIG).is_file():
        raise ValueError(f"{folder} {ADAPTER}.")
    raise ValueError(f"{folder} is a folder without weights; expected {EXPECTED}.")


def _adapter_in(folder: Path) -> Path:
    """The file of a LoRA adapter in the folder that PEFT saved it in."""
    for name in ADAPTERS:
        if (folder / name).is_file():
            return folder / name
    raise ValueError(
        f"{folder} is a folder without weights of a LoRA adapter; expected {' or '.join(ADAPTERS)} "
        f"and {ADAPTER_CONFIG}, as PEFT's save_pretrained leaves them."
    )


def _require_no_shard(path: Path) -> None:
    """Raise if a file is one shard of several, whose index must be given."""
    shard = _SHARD.search(path.name)
    if shard and int(shard[1]) > 1:
        index = path.with_name(f"{_SHARD.sub('', path.name)}{INDEX}")
        raise ValueError(
            f"{path} is one of {int(shard[1])} shards; give {index.name} beside it, or the folder."
        )


def parts(file: Path) -> list[Path]:
    """All files that the weights are in.

    The file itself; of an index its shards as well, of a LoRA adapter its config.

    Raises:
        ValueError: an index that cannot be read.
    """
    if file.name.endswith(INDEX):
        return [file, *dict.fromkeys(shards(file).values())]
    config = file.with_name(ADAPTER_CONFIG)
    return [file, config] if config.is_file() else [file]


def shards(index: Path) -> dict[str, Path]:
    """Name of a tensor → the shard that it is in.

    Raises:
        ValueError: it is no index, or names a shard that is not beside it.
    """
    try:
        content = json.loads(index.read_text(encoding="utf-8"))
        names = dict(content["weight_map"])
    except (OSError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"{index} is no index of shards ({type(error).__name__}: {error}); download it again."
        ) from None
    found = {}
    for name, file in names.items():
        # A path would lead out of the folder.
        if not isinstance(file, str) or Path(file).name != file or "\\" in file:
            raise ValueError(
                f"{index} names {str(file)[:80]!r} as a shard, expected a file beside it; download "
                "it again."
            )
        found[str(name)] = index.with_name(file)
    absent = sorted({file.name for file in found.values() if not file.is_file()})
    if absent:
        raise ValueError(
            f"{index} names {absent[0]!r} ({len(absent)} of its shards), which is not beside it; "
            "download it there."
        )
    return found
