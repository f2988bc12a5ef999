"""open_clip without three packages that it brings along for networks of another kind: a second and a half of processor
time at the start of every job, of two and a half (measured).

They are transformers (text towers of the hub), timm (its image towers) and PyTorch's compiler (one question that
torchvision's box operators ask). A job whose model has such a tower, and what is no job, imports open_clip as usual.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from tangent_bench.jobs import provenance


def imported(architecture: str, config: str | Path | None):
    """The module open_clip, for a model of this name, or of this JSON file."""
    if (
        "open_clip" not in sys.modules
        and provenance.in_job()
        and _is_plain(description(architecture, config))
    ):
        with _left_out():
            import open_clip
    import open_clip

    return open_clip


def description(architecture: str, config: str | Path | None) -> dict:
    """A model as open_clip's JSON says, without importing open_clip (seconds); {} where there is none."""
    folder = Path(importlib.util.find_spec("open_clip").origin).parent / "model_configs"
    file = Path(config) if config else folder / f"{architecture}.json"
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # building the model says what is wrong with it
    return about if isinstance(about, dict) else {}


def _is_plain(about: dict) -> bool:
    """Whether both towers are open_clip's own."""
    vision, text = (about.get(key) for key in ("vision_cfg", "text_cfg"))
    if not isinstance(vision, dict) or not isinstance(text, dict):
        return False
    return (
        "timm_model_name" not in vision and not {"hf_model_name", "hf_tokenizer_name"} & text.keys()
    )


@contextmanager
def _left_out() -> Iterator[None]:
    """While this lasts the three cannot be imported; afterwards they can."""
    compiler, asked = ModuleType("torch._dynamo"), ModuleType("torch._dynamo.utils")
    asked.is_compile_supported = lambda device: False
    absent = {
        "transformers": None,
        "timm": None,
        "torch._dynamo": compiler,
        "torch._dynamo.utils": asked,
    }
    absent = {name: module for name, module in absent.items() if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
