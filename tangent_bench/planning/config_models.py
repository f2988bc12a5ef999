"""Whether what a config says of models, heads and images fits together.

Imports neither torch nor open_clip.
"""

from __future__ import annotations

from collections.abc import Mapping

from tangent_bench import experiments, models, registry
from tangent_bench.models import Model
from tangent_bench.store import layout

_OF_TIMM = ("side",)
_OF_OPEN_CLIP = ("config", "merges")
_IMAGES = "images"
_FOLDERS = {"images": "tasks", "texts": "texts"}  # of the tasks with them


def require(config: Mapping) -> None:
    """Raise unless each model can have the heads and the vectors that a run wants of it.

    Raises:
        ValueError: one sentence with the model or task, and what to do.
    """
    for name, entry in config["custom_models"].items():
        _require_keys(name, entry)
    _require_same_inputs(config)
    if config["heads"] == layout.PROBE:
        _require_training_images(config)
        _require_no_comparison(config)
    for name in config["models"]:
        model = models.find(name, config["custom_models"])
        _require_weights(name, model, config)
        if not model.is_clip:
            _require_no_clip(name, model, config)


def _require_keys(name: str, entry: Mapping) -> None:
    """An entry has no key of another library."""
    library = entry.get("library", "open_clip")
    others = _OF_TIMM if library == "open_clip" else _OF_OPEN_CLIP
    for key in others:
        if entry.get(key) is not None:
            raise ValueError(
                f"Config: 'custom_models.{name}.{key}' is given, but a model of {library} has no "
                f"such key; take it out, or name another library."
            )


def _require_same_inputs(config: Mapping) -> None:
    """Every model reads what every task has, images or texts; tokens are those of one model."""
    if not config["experiments"]:
        return
    for name in config["models"]:
        is_reader = models.reads_texts(models.find(name, config["custom_models"]))
        if is_reader and len(config["models"]) > 1:
            raise ValueError(
                f"Config: 'models' has {len(config['models'])}, of which {name!r} reads texts, "
                "whose tokens are stored as one model reads them; name it alone, and put presets "
                "together by `joins`."
            )
        for task in experiments.evaluated(config):
            _require_input(name, "texts" if is_reader else _IMAGES, task, config)


def _require_input(name: str, reads: str, task: str, config: Mapping) -> None:
    """A task has what a model reads."""
    if _what(task, config) != reads:
        known = ", ".join(registry.names(_FOLDERS[reads])[:3])
        raise ValueError(
            f"Config: model {name!r} reads {reads}, but task {task!r} has {_what(task, config)}; "
            f"name tasks of {reads}, the control too ({known}, ...), or another model."
        )


def _what(task: str, config: Mapping) -> str:
    """What a task has, images or texts."""
    is_text = task not in config["custom_tasks"] and registry.task_folder(task) == "texts"
    return "texts" if is_text else _IMAGES


def _require_weights(name: str, model: Model, config: Mapping) -> None:
    """Rows of random weights say that they are random."""
    own = name in config["custom_models"]
    if not own and (name in registry.names("models") or models.REBUILT.fullmatch(name)):
        return
    if model.weights is None and config["inits"] != ["random"]:
        place = f"'custom_models.{name}.weights' is null"
        if not own:
            place = f"model {name!r} has no weights"
        raise ValueError(
            f"Config: {place}, so that they are random, but `inits` is {config['inits']}; write "
            "`inits: [random]`, or give weights."
        )


def _require_no_clip(name: str, model: Model, config: Mapping) -> None:
    """A model that is none of open_clip's is asked for nothing that takes one."""
    if config["heads"] == layout.PROMPTS and not models.reads_texts(model):
        raise ValueError(
            f"Config: model {name!r} has no text tower, so that no prompts make its heads; set "
            "`heads: probe`, which fits them on training images."
        )
    if config["checkpoints"]:
        raise ValueError(
            f"Config: 'checkpoints' are of image encoders of open_clip, but model {name!r} is of "
            f"{model.library}; fine-tune it here."
        )
    along = [init for init in config["inits"] if init not in ("pretrained", "random")]
    if along:
        raise ValueError(
            f"Config: `inits` has {along[0]!r}, a step of a pre-training, but model {name!r} has "
            "pretrained and random alone."
        )


def _require_training_images(config: Mapping) -> None:
    """A probe has training images of every task, the control's included."""
    for task in experiments.evaluated(config):
        if task in config["custom_tasks"]:
            continue
        if "train" not in registry.task(task).TASK.splits:
            raise ValueError(
                f"Config: `heads` is probe, but task {task!r} has no training images to fit one "
                "on; name a task that has some (a control too), or set `heads: prompts`."
            )


def _require_no_comparison(config: Mapping) -> None:
    """No experiment compares initialisations by heads that they share."""
    for name in config["experiments"]:
        if experiments.scope_of(name).min_inits > 1:
            raise ValueError(
                f"Config: experiment {name!r} compares initialisations under heads of one text "
                "tower, but `heads` is probe, which fits each its own; set `heads: prompts`."
            )
