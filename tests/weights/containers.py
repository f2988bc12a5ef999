"""What people keep weights in: wrappers' prefixes, dicts of trainings, files and shards."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path, PosixPath

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

State = Mapping[str, Tensor]
PREFIXES = (
    "",
    "module.",
    "_orig_mod.",
    "module._orig_mod.",
    "model.",
    "_fsdp_wrapped_module.",
    "net.clip.",
    "image_encoder.model.",
)


def optimizer(state: State) -> dict:
    """The state of AdamW as `state_dict` gives it."""
    moments = {}
    for number, value in enumerate(state.values()):
        moments[number] = {
            "step": torch.tensor(3.0),
            "exp_avg": torch.zeros(tuple(value.shape)),
            "exp_avg_sq": torch.ones(tuple(value.shape)),
        }
    groups = [{"lr": 1e-5, "betas": (0.9, 0.98), "params": list(range(len(state)))}]
    return {"state": moments, "param_groups": groups}


def of_open_clip(state: State) -> dict:
    """What open_clip's training writes after an epoch."""
    return {
        "epoch": 3,
        "name": "2026_11_28-model_ViT-B-32-lr_1e-05",
        "state_dict": state,
        "optimizer": optimizer(state),
        "scaler": {"scale": 65536.0, "growth_factor": 2.0, "_growth_tracker": 5},
    }


def of_lightning(state: State) -> dict:
    """What Lightning's ModelCheckpoint writes."""
    return {
        "epoch": 3,
        "global_step": 120,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": OrderedDict(state),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val'}": {"best_model_score": torch.ones(())}},
        "optimizer_states": [optimizer(state)],
        "lr_schedulers": [],
        "hyper_parameters": {"lr": 1e-5, "folder": PosixPath("x")},
    }


def of_a_script(state: State) -> dict:
    """What people's own loops write: NumPy's numbers, settings, counts."""
    return {
        "model": state,
        "best": np.float64(0.75),
        "history": np.arange(3.0),
        "args": Namespace(lr=1e-5, folder=Path("x")),
        "counts": defaultdict(int, {"steps": 3}),
        "step": np.int64(4),
    }


CONTAINERS: dict[str, Callable[[State], object]] = {
    "bare": lambda state: state,
    "open_clip's training": of_open_clip,
    "Lightning": of_lightning,
    "a script": of_a_script,
    "model": lambda state: {"model": state},
    "state_dict": lambda state: {"state_dict": state},
    "model_state_dict": lambda state: {"model_state_dict": state, "epoch": 3},
    "two levels": lambda state: {"checkpoint": {"network": {"weights": state}}, "epoch": 3},
    "a list": lambda state: [state, optimizer(state)],
    "the same twice": lambda state: {"model": state, "state_dict": dict(state)},
    "numbers beside": lambda state: {**state, "epoch": 3, "best": np.float64(0.5)},
    "OpenAI's": lambda state: {
        **state,
        "input_resolution": torch.tensor(32),
        "context_length": torch.tensor(24),
        "vocab_size": torch.tensor(2514),
    },
    "a mask": lambda state: {**state, "attn_mask": torch.zeros(24, 24)},
}
FILES = ("archive", "older format", "safetensors", "safetensors called .pt", "shards", "bin shards")


def save(content: object, folder: Path, file: str) -> Path:
    """A file, or the index of two shards; only pickles hold more than tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    if file == "archive":
        torch.save(content, folder / "w.pt")
        return folder / "w.pt"
    if file == "older format":
        torch.save(content, folder / "w.pt", _use_new_zipfile_serialization=False)
        return folder / "w.pt"
    tensors = {name: value.clone().contiguous() for name, value in dict(content).items()}
    if file.startswith("safetensors"):
        path = folder / ("w.pt" if file.endswith(".pt") else "w.safetensors")
        save_file(tensors, path)
        return path
    return _shards(tensors, folder, "safetensors" if file == "shards" else "bin")


def _shards(tensors: State, folder: Path, ending: str) -> Path:
    names = list(tensors)
    stem = "model" if ending == "safetensors" else "pytorch_model"
    halves = (names[::2], names[1::2])
    places = {}
    for number, half in enumerate(halves, 1):
        shard = f"{stem}-{number:05}-of-00002.{ending}"
        part = {name: tensors[name] for name in half}
        save_file(part, folder / shard) if ending == "safetensors" else torch.save(
            part, folder / shard
        )
        places |= dict.fromkeys(half, shard)
    index = folder / f"{stem}.{ending}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return index


def can_hold(content: object, file: str) -> bool:
    """Whether a kind of file can hold a content."""
    if file in ("archive", "older format"):
        return True
    return isinstance(content, Mapping) and all(isinstance(v, Tensor) for v in content.values())
