"""Models: one file for each, all of them open_clip's; the embedded tiny CLIP is a config and weights like any other.

Only the image tower is fine-tuned; the text tower makes the heads. θ0 is *defined* as the stored weights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from tangent_bench import registry

ASSETS = Path(__file__).parent / "assets"
REBUILT = re.compile(
    r"(?P<base>[a-z][a-z0-9_]*)-pre(?P<seed>\d+)"
)  # tiny-pre0: `tiny`, pre-trained by the DAG with seed 0


@dataclass(frozen=True)
class Model:
    """An open_clip model.

    Attributes:
        title: name for tables and plots.
        architecture: open_clip's name of it; `config`, if given, is a JSON file registered under that name.
        weights: a safetensors file, or a tag that open_clip knows ("openai"); None leaves it random.
        merges: a tokenizer merges file for a truncated vocabulary, or None for open_clip's own.
        source: who trained it, on what; licence included.
        sealed: whether the weights are a file of `artefacts.save`, whose digest is checked at every read.
        along: a folder with towers along the pre-training, step-11.safetensors at 11 % of its steps, or None.
    """

    title: str
    architecture: str
    weights: str | None
    config: str | None = None
    merges: str | None = None
    source: str = ""
    sealed: bool = False
    along: str | None = None


def find(name: str, custom: dict | None = None) -> Model:
    """The model `name`: an entry of the config's `custom_models`, else the plug-in file of that name.

    "tiny-pre0" is the plug-in `tiny` with the weights of a pre-training that the DAG makes, of seed 0.
    """
    if custom and name in custom:
        entry = dict(custom[name])
        return Model(**{"title": name, "architecture": name, "weights": None, **entry})
    if rebuilt := REBUILT.fullmatch(name):
        model, towers = find(rebuilt["base"]), f"results/pretraining/{name}/towers"
        title = f"{model.title}, pre-training {rebuilt['seed']}"
        return replace(model, title=title, weights=f"{towers}/step-100.safetensors", sealed=True, along=towers)
    return registry.load("models", name).MODEL


def _register(model: Model) -> None:
    import open_clip

    if model.config is not None:
        if not Path(model.config).is_file():
            raise ValueError(
                f"Model {model.title!r}: its config {model.config} does not exist; give an open_clip JSON file."
            )
        open_clip.add_model_config(Path(model.config))
    if model.architecture not in open_clip.list_models():
        raise ValueError(
            f"Unknown architecture {model.architecture!r}: open_clip has no such model, and a config file "
            f"must be named {model.architecture}.json to define it."
        )


def create(model: Model, init: str = "pretrained", seed: int = 0):
    """An open_clip model in `eval()`, float32, on the CPU, without gradients.

    Args:
        init: "pretrained" loads the weights; "random" draws them with `seed`; "step-11" takes the image tower that the
            pre-training had at 11 % of its steps, beside the final text tower; "whole-11" takes both towers from there;
            "shuffled-100" is the image tower of the same pre-training with the captions of other pictures.

    Raises:
        ValueError: unknown architecture, missing or mismatched weights, or a QuickGELU mismatch (open_clip only warns).
    """
    import open_clip
    import torch

    _register(model)
    if init.startswith("whole-"):
        model = replace(model, weights=str(_tower_file(model, init.replace("whole", "step"))))
    weights = None if init == "random" else model.weights
    if weights is not None:
        _require_weights(model, weights)
        if model.sealed:
            _require_intact(model, weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            network = open_clip.create_model(model.architecture, pretrained=weights)
        except Exception as error:  # whatever open_clip meets in a user's files
            reason = " ".join(line.strip() for line in str(error).splitlines()[:2])[:300] or type(error).__name__
            raise ValueError(
                f"Model {model.title!r}: architecture {model.architecture!r} and weights {weights!r} do not fit "
                f"together, or one of them is damaged ({reason}); give those that were saved with one another."
            ) from error
    if init.startswith(("step-", "shuffled-")):
        _take_tower(model, network.visual, init)
    return network.eval().requires_grad_(False)


def _take_tower(model: Model, tower, init: str) -> None:
    """Put the weights of an earlier step of the pre-training, or of another one, into the image tower."""
    import torch

    from tangent_bench import artefacts

    tensors, _ = artefacts.load(_tower_file(model, init), "pretraining weights")
    own = {key.removeprefix("visual."): value for key, value in tensors.items() if key.startswith("visual.")} or tensors
    tower.load_state_dict({key: torch.from_numpy(value).float() for key, value in own.items()})


def _tower_file(model: Model, init: str) -> Path:
    path = Path(model.along or "") / f"{init}.safetensors"
    if not path.is_file():
        known = sorted(file.stem for file in Path(model.along).glob("*-*.safetensors")) if model.along else []
        has = ", ".join(known) or "none"
        raise ValueError(f"Model {model.title!r} has no image tower {init!r} of its pre-training; it has {has}.")
    return path


def _require_weights(model: Model, weights: str) -> None:
    """Before anything is downloaded: a file that exists, or a tag of a network with the same activation."""
    import open_clip

    tag = open_clip.get_pretrained_cfg(model.architecture, weights)
    if not tag and not Path(weights).is_file():
        known = ", ".join(open_clip.list_pretrained_tags_by_model(model.architecture)) or "none"
        raise ValueError(
            f"Model {model.title!r}: weights {weights!r} are no file, and no tag that open_clip knows for "
            f"{model.architecture!r} (those are: {known}); check the path or rebuild them."
        )
    quick = [bool(about.get("quick_gelu", False)) for about in (tag, open_clip.get_model_config(model.architecture))]
    if tag and quick[0] != quick[1]:
        other = f"{model.architecture}-quickgelu" if quick[0] else model.architecture.removesuffix("-quickgelu")
        raise ValueError(
            f"Model {model.title!r}: weights {weights!r} were trained {'with' if quick[0] else 'without'} QuickGELU, "
            f"which architecture {model.architecture!r} {'has' if quick[1] else 'lacks'}; use {other!r}."
        )


def _require_intact(model: Model, weights: str) -> None:
    """A flipped bit changes numbers, not the shape of a file: only its digest tells."""
    from tangent_bench import artefacts

    try:
        artefacts.load(weights, "pretraining weights")
    except ValueError as error:
        raise ValueError(
            f"Model {model.title!r}: its weights are not those that were shipped ({error}); restore {weights} with git."
        ) from None


def tokenizer(model: Model):
    """Text → tokens, int64 [texts, context_length]."""
    import open_clip

    _register(model)
    options = {} if model.merges is None else {"bpe_path": str(model.merges)}
    return open_clip.get_tokenizer(model.architecture, **options)
