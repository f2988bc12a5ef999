"""The config as the Snakefile sees it: validated against the schema and against the plug-ins that exist.

Imports neither torch nor open_clip.
"""

from __future__ import annotations

from collections.abc import Mapping

from tangent_bench import merging, models, registry
from tangent_bench.planning import config_schema
from tangent_bench.store.layout import JOINT, Mode

RESERVED = {JOINT, "all", "own", "each"}  # words of the columns `sources` and `task`


def validate(config: Mapping) -> dict:
    """The config, if it is one.

    Raises:
        ValueError: one sentence with the key, the value given, what is allowed, and the nearest name for a misspelt
            one.
    """
    config_schema.require(config)
    config = dict(config)
    _require_plugins(config)
    return config


def _require_plugins(config: dict) -> None:
    """Every name in the config has a file, or an entry among the config's own."""
    custom = {"tasks": config["custom_tasks"], "models": config["custom_models"]}
    wanted = {
        "tasks": [*config["tasks"], config["control"]],
        "models": config["models"],
        "training": config["trainings"],
        "methods": [config["method"]],
        "experiments": config["experiments"],
        "checkpoints": [about["layout"] for about in config["checkpoints"].values()],
    }
    for folder, names in wanted.items():
        for name in names:
            rebuilt = folder == "models" and models.REBUILT.fullmatch(name)
            if name not in custom.get(folder, {}) and (
                rebuilt["base"] if rebuilt else name
            ) not in registry.names(folder):
                _unknown(folder, name, [*custom.get(folder, {}), *registry.names(folder)])
    _require_methods(config)
    if not config["experiments"] and not config["joins"]:
        raise ValueError(
            "Config: 'experiments' and 'joins' are both empty; name at least one experiment or preset."
        )
    if config["control"] in config["tasks"]:
        raise ValueError(
            f"Config: the control {config['control']!r} is also among the tasks; a control must be another task."
        )
    _require_weights(config)
    _require_paths(config)
    reserved = sorted(RESERVED & config["custom_tasks"].keys())
    if reserved:
        raise ValueError(
            f"Config: 'custom_tasks.{reserved[0]}' means something else in result rows; rename the task."
        )
    odd = sorted(set(config["joint_training"]["trainings"]) - set(config["trainings"]))
    if odd:
        raise ValueError(
            f"Config: 'joint_training.trainings' has {odd[0]!r}, which is not among trainings {config['trainings']}."
        )
    for training in config["trainings"]:
        _require_others(config, training)
    for training, about in config["checkpoints"].items():
        _require_checkpoints(config, training, about)
    for text in config["modes"]:
        _require_mode(text, config["trainings"])
    for name in config["experiments"] if len(config["inits"]) == 1 else ():
        if registry.load("experiments", name).EXPERIMENT.scope == "inits":
            raise ValueError(
                f"Config: experiment {name!r} compares initialisations, but `inits` has only {config['inits'][0]!r}; "
                "name two or more, such as random and pretrained."
            )
    grid = config["coefficients"]
    if grid["first"] != 0.0 or grid["last"] <= grid["first"]:
        raise ValueError(
            f"Config: coefficients run from {grid['first']} to {grid['last']}; they must start at 0 (zero-shot) and "
            f"rise."
        )


def _require_methods(config: dict) -> None:
    """The method of all experiments is a sum that can be taken backwards; the others merge in two of them alone."""
    usual = merging.find(config["method"])
    if not usual.is_sum or not usual.negates:
        raise ValueError(
            f"Config: 'method' is {config['method']!r}, but all experiments need one whose direction is a fixed sum of "
            f"the vectors and has a coefficient: task_arithmetic. Name {config['method']!r} under `methods`."
        )
    try:
        asked = merging.asked(config["methods"])
    except ValueError as sentence:
        raise ValueError(f"Config: {sentence}") from None
    if asked and not any(
        registry.load("experiments", e).EXPERIMENT.merges for e in config["experiments"]
    ):
        raise ValueError(
            "Config: 'methods' are run with task_addition and task_negation, but `experiments` has neither."
        )


def _require_weights(config: dict) -> None:
    """Random weights are said to be random in every row."""
    for name in config["models"]:
        if config["custom_models"].get(name, {"weights": ""})["weights"] is None and config[
            "inits"
        ] != ["random"]:
            raise ValueError(
                f"Config: 'custom_models.{name}.weights' is null, so that they are random, but `inits` is "
                f"{config['inits']}; write `inits: [random]`, or give weights."
            )


def _require_paths(config: dict) -> None:
    """Whatever is asked of the file system later, it is no name that this refuses with an error of its own."""
    keys = {
        "custom_models": ("weights", "config", "merges"),
        "custom_tasks": ("folder",),
        "checkpoints": ("folder",),
    }
    paths = {"results": config["results"]}
    for section, found in keys.items():
        for name, about in config[section].items():
            paths |= {f"{section}.{name}.{key}": about[key] for key in found if about.get(key)}
            paths |= {
                f"{section}.{name}.files.{task}": file
                for task, file in about.get("files", {}).items()
            }
    for where, path in paths.items():
        if len(path.encode()) > 2000 or any(len(part.encode()) > 200 for part in path.split("/")):
            raise ValueError(
                f"Config: {where!r} is {config_schema.short(path)}, expected a path of at most 2,000 bytes, 200 of "
                "them between two slashes."
            )


def _require_others(config: dict, training: str) -> None:
    """A mode that spares other tasks has some to spare."""
    if (
        training in config["checkpoints"]
        or not registry.load("training", training).TRAINING.needs_others
    ):
        return
    if training in config["joint_training"]["trainings"]:
        raise ValueError(
            f"Config: 'joint_training.trainings' has {training!r}, which spares the tasks that a vector is not "
            "trained on, but joint training leaves none; take it out there."
        )
    if len(config["tasks"]) == 1:
        raise ValueError(
            f"Config: training {training!r} spares other tasks, but `tasks` has only {config['tasks'][0]!r}; name two "
            "or more."
        )


def _require_checkpoints(config: dict, training: str, about: dict) -> None:
    """Every vector that is read has a file of its own."""
    where = f"Config: 'checkpoints.{training}"
    if training not in config["trainings"]:
        raise ValueError(
            f"{where}' is not among trainings {config['trainings']}; name it there too."
        )
    wanted = [
        *config["tasks"],
        *([JOINT] if training in config["joint_training"]["trainings"] else []),
    ]
    if missing := [task for task in wanted if task not in about["files"]]:
        way_out = "; or take the training out of `joint_training`" if missing == [JOINT] else ""
        raise ValueError(
            f"{where}.files' has no {missing[0]!r}; give a checkpoint for each of {wanted}{way_out}."
        )
    if config["inits"] != ["pretrained"]:
        raise ValueError(
            f"{where}' was fine-tuned from pre-trained weights, but `inits` is {config['inits']}."
        )
    paths = [f"{about['folder']}/{file}" for file in about["files"].values()]
    for key in ("model", "seed"):
        if len(config[f"{key}s"]) > 1 and not all(f"{{{key}}}" in path for path in paths):
            raise ValueError(
                f"{where}' gives one file to {len(config[f'{key}s'])} {key}s; put {{{key}}} into its folder or files."
            )


def _require_mode(text: str, trainings: list[str]) -> None:
    mode = Mode.parse(text)
    if mode.training not in ("none", *trainings):
        raise ValueError(
            f"Config: mode {text!r} needs training {mode.training!r}, which is not among trainings {trainings}."
        )
    if mode.evaluation == "none" or (mode.training == "none" and mode.evaluation != "network"):
        raise ValueError(
            f"Config: mode {text!r} evaluates nothing; expected none-network (zero-shot), or a training with -network "
            "or -tangent."
        )


def _unknown(folder: str, name: str, known: list[str]) -> None:
    hint = registry.did_you_mean(name, known)
    raise ValueError(
        f"Config: {name!r} is not among the {folder}: {', '.join(sorted(known))}.{hint}"
    )
