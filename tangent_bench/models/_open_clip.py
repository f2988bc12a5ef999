"""open_clip without three packages that it brings along for networks of another kind.

They cost a second and a half of processor time at the start of every job, of two and a half
(measured): transformers (text towers of the hub), timm (its image towers) and PyTorch's compiler
(one question that torchvision's box operators ask). A job whose model has such a tower imports
open_clip as usual, and so does code outside of jobs.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from tangent_bench.jobs import provenance
from tangent_bench.store import yaml_files


def imported(architecture: str, config: str | Path | None):
    """The module open_clip, for a model of this `architecture`, or of the JSON file `config`."""
    is_first = "open_clip" not in sys.modules
    if is_first and provenance.in_job() and _is_plain(description(architecture, config)):
        with _left_out():
            import open_clip
    import open_clip

    return open_clip


def description(architecture: str, config: str | Path | None) -> dict:
    """A model as open_clip's JSON says, without importing open_clip, which takes seconds.

    Args:
        architecture: open_clip's name of it.
        config: a JSON file; None takes open_clip's own.

    Returns:
        The content of the file; {} if it cannot be read.
    """
    file = Path(config) if config else _folder() / f"{architecture}.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # building the model says what is wrong with it
    return content if isinstance(content, dict) else {}


def vision(architecture: str, config: str | Path | None) -> dict:
    """What the same JSON says about the image tower; {} if there is nothing."""
    about = description(architecture, config).get("vision_cfg")
    return about if isinstance(about, dict) else {}


def require_readable(title: str, file: Path) -> None:
    """Refuse a JSON file that defines no model, before open_clip meets it.

    Args:
        title: of the model.
        file: the config of a model of the user's own.

    Raises:
        ValueError: it is not there, is no JSON, has a key twice or lacks what every model has.
    """
    if not file.is_file():
        raise ValueError(
            f"Model {title!r}: its config {file} does not exist; give an open_clip JSON file."
        )
    try:
        content = yaml_files.json_of(file)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"Model {title!r}: its config {file} cannot be read as JSON "
            f"({str(error).rstrip('.')}); give an open_clip JSON file."
        ) from None
    needed = ("embed_dim", "vision_cfg", "text_cfg")
    if not isinstance(content, dict) or not all(key in content for key in needed):
        raise ValueError(
            f"Model {title!r}: its config {file} defines no model; expected a map with "
            f"{', '.join(needed)}, as open_clip's own JSON files have."
        )


def _folder() -> Path:
    """Where open_clip keeps its models' JSON files."""
    spec = importlib.util.find_spec("open_clip")
    assert spec is not None and spec.origin is not None, "open_clip is a dependency"
    return Path(spec.origin).parent / "model_configs"


def _is_plain(config: dict) -> bool:
    """Whether both towers are open_clip's own."""
    vision = config.get("vision_cfg")
    text = config.get("text_cfg")
    if not isinstance(vision, dict) or not isinstance(text, dict):
        return False
    is_of_timm = "timm_model_name" in vision
    is_of_hub = "hf_model_name" in text or "hf_tokenizer_name" in text
    return not is_of_timm and not is_of_hub


class _CompilerUtils(ModuleType):
    """Stands for `torch._dynamo.utils`."""

    @staticmethod
    def is_compile_supported(device: object) -> bool:
        """What torchvision's box operators ask."""
        return False


@contextmanager
def _left_out() -> Iterator[None]:
    """Makes the three packages impossible to import; afterwards they can be imported again."""
    stand_ins = {
        "transformers": None,
        "timm": None,
        "torch._dynamo": ModuleType("torch._dynamo"),
        "torch._dynamo.utils": _CompilerUtils("torch._dynamo.utils"),
    }
    absent = [name for name in stand_ins if name not in sys.modules]
    for name in absent:
        # The import system reads None as "not there"; the type of sys.modules leaves it out.
        sys.modules[name] = stand_ins[name]  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def silent_about_weights() -> Iterator[None]:
    """Leaves out open_clip's warning of a network without weights, which it is to get later."""

    def is_other(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("No pretrained weights loaded")

    root = logging.getLogger()
    root.addFilter(is_other)
    try:
        yield
    finally:
        root.removeFilter(is_other)
