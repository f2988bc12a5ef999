"""Models: one file for each, all of them open_clip's; the embedded tiny CLIP is a config and weights like any other.

Only the image tower is fine-tuned; the text tower makes the heads. θ0 is *defined* as the stored weights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from tangent_bench import registry
from tangent_bench.jobs import provenance
from tangent_bench.models import _open_clip, _weights

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
        weights: a file (safetensors, or a pickled state dict), or a tag that open_clip knows ("openai"), whose file is
            looked for (`_weights.py`); None leaves it random.
        merges: a tokenizer merges file for a truncated vocabulary, or None for open_clip's own.
        source: who trained it, on what; licence included.
        sealed: whether the weights are a file of `artefacts.save`, whose digest is checked at every read.
        along: a folder with towers along the pre-training, step-11.safetensors at 11 % of its steps, or None.
        hub: where open_clip has the weights of a tag from, a repository of the Hugging Face hub, or None.
    """

    title: str
    architecture: str
    weights: str | None
    config: str | None = None
    merges: str | None = None
    source: str = ""
    sealed: bool = False
    along: str | None = None
    hub: str | None = None


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
        return replace(
            model, title=title, weights=f"{towers}/step-100.safetensors", sealed=True, along=towers
        )
    return registry.load("models", name).MODEL


def base_name(name: str) -> str:
    """The plug-in that a model's name stands for: "tiny" of "tiny-pre0"."""
    rebuilt = REBUILT.fullmatch(name)
    return rebuilt["base"] if rebuilt else name


def _register(model: Model):
    """The module open_clip, which knows the model's architecture from here on."""
    open_clip = _open_clip.imported(model.architecture, model.config)
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
    return open_clip


def weights_file(model: Model) -> Path | None:
    """The file of a model's weights as far as it is known without open_clip: a path, or a tag's file in the folder
    $TANGENT_BENCH_WEIGHTS. What is no file (yet) is a tag to be found on the hub, or made by the DAG.
    """
    if model.weights is None:
        return None
    path = Path(model.weights)
    return path if path.is_file() else _weights.in_folder(model.architecture, model.weights) or path


def create(model: Model, init: str = "pretrained", seed: int = 0):
    """An open_clip model in `eval()`, float32, on the CPU, without gradients; a job's record names its weights.

    Args:
        model: architecture and weights, from `find`.
        init: "pretrained" loads the weights; "random" draws them with `seed`; "step-11" takes the image tower that the
            pre-training had at 11 % of its steps, beside the final text tower; "whole-11" takes both towers from there;
            "shuffled-100" is the image tower of the same pre-training with the captions of other pictures.
        seed: of random weights.

    Raises:
        ValueError: unknown architecture, weights that are missing, damaged, pickled with more than tensors or of
            another architecture, or a QuickGELU mismatch (open_clip only warns).
    """
    _register(model)
    if init.startswith("whole-"):
        model = replace(model, weights=str(_tower_file(model, init.replace("whole", "step"))))
    files, tag = [], {}
    if init != "random" and model.weights is not None:
        tag = _require_weights(model)
        files.append(_found(model, tag))
    network = _built(model, files[0] if files else None, tag, seed)
    if init.startswith(("step-", "shuffled-")):
        files.append(_tower_file(model, init))
        _take_tower(files[-1], network.visual)
    network.eval().requires_grad_(False)
    name = f"{init}, seed {seed}" if init == "random" else init
    provenance.add_network(f"{model.title}, {name}", files, lambda: _digest(network.visual))
    return network


def _built(model: Model, file: Path | None, tag: dict, seed: int):
    import open_clip
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return open_clip.create_model(
                model.architecture,
                pretrained=None if file is None else str(file),
                weights_only=True,  # PyTorch's restricted reader, where the file is a pickle
                force_preprocess_cfg=tag
                or None,  # mean and std of the images; given a file, open_clip forgets its tag
            )
        except Exception as error:  # whatever open_clip meets in a user's files
            reason = (
                " ".join(line.strip() for line in str(error).splitlines()[:2])[:300]
                or type(error).__name__
            )
            raise ValueError(
                f"Model {model.title!r}: architecture {model.architecture!r} and weights {str(file)!r} do not fit "
                f"together, or one of them is damaged ({reason}); give those that were saved with one another."
            ) from error


def _digest(visual) -> str:
    """Digest of θ0, as vectors and features name it."""
    from tangent_bench.store import artefacts
    from tangent_bench.tangent.linearize import parameters

    return artefacts.digest({key: value.numpy() for key, value in parameters(visual).items()})


def _take_tower(file: Path, tower) -> None:
    """Put the weights of an earlier step of the pre-training, or of another one, into the image tower."""
    import torch

    from tangent_bench.store import artefacts

    tensors, _ = artefacts.load(file, "pretraining weights")
    own = {
        key.removeprefix("visual."): value
        for key, value in tensors.items()
        if key.startswith("visual.")
    } or tensors
    tower.load_state_dict({key: torch.from_numpy(value).float() for key, value in own.items()})


def _tower_file(model: Model, init: str) -> Path:
    path = Path(model.along or "") / f"{init}.safetensors"
    if not path.is_file():
        known = (
            sorted(file.stem for file in Path(model.along).glob("*-*.safetensors"))
            if model.along
            else []
        )
        has = ", ".join(known) or "none"
        raise ValueError(
            f"Model {model.title!r} has no image tower {init!r} of its pre-training; it has {has}."
        )
    return path


def _require_weights(model: Model) -> dict:
    """Before anything is downloaded: a file that exists, or a tag of a network with the same activation, whose entry in
    open_clip's list is returned ({} for a file).
    """
    import open_clip

    weights, architecture = model.weights, model.architecture
    tag = open_clip.get_pretrained_cfg(architecture, weights)
    if not tag and not weights_file(model).is_file():
        known = ", ".join(open_clip.list_pretrained_tags_by_model(architecture)) or "none"
        raise ValueError(
            f"Model {model.title!r}: weights {weights!r} are no file, and no tag that open_clip knows for "
            f"{architecture!r} (those are: {known}); check the path or rebuild them."
        )
    quick = [
        bool(about.get("quick_gelu", False))
        for about in (tag, open_clip.get_model_config(architecture))
    ]
    if tag and quick[0] != quick[1]:
        other = f"{architecture}-quickgelu" if quick[0] else architecture.removesuffix("-quickgelu")
        raise ValueError(
            f"Model {model.title!r}: weights {weights!r} were trained {'with' if quick[0] else 'without'} QuickGELU, "
            f"which architecture {architecture!r} {'has' if quick[1] else 'lacks'}; use {other!r}."
        )
    return tag


def _found(model: Model, tag: dict) -> Path:
    """A path, or a tag's file: in the user's folder, in the hub's cache, or downloaded; in this order."""
    file = weights_file(model)
    if not file.is_file():
        file = _weights.from_hub(
            model.title, model.architecture, model.weights, tag.get("hf_hub", "")
        )
    _weights.require_no_program(model.title, file)
    if model.sealed:
        _require_intact(model)
    return file


def _require_intact(model: Model) -> None:
    """A flipped bit changes numbers, not the shape of a file: only its digest tells."""
    from tangent_bench.store import artefacts

    try:
        artefacts.load(model.weights, "pretraining weights")
    except ValueError as error:
        raise ValueError(
            f"Model {model.title!r}: its weights are not those that were shipped ({error}); restore "
            f"{model.weights} with git."
        ) from None


def tokenizer(model: Model):
    """Text → tokens, int64 [texts, context_length]."""
    open_clip = _register(model)
    options = {} if model.merges is None else {"bpe_path": str(model.merges)}
    return open_clip.get_tokenizer(model.architecture, **options)
