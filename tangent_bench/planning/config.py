"""The config as the Snakefile sees it: validated against the schema and against the plug-ins.

Imports neither torch nor open_clip.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType

from tangent_bench import experiments, merging, models, registry
from tangent_bench.figures._entities import model_title, task_title
from tangent_bench.planning import config_models, config_schema
from tangent_bench.store import layout, places
from tangent_bench.store.layout import JOINT, Mode

RESERVED = {JOINT, "all", "own", "each"}  # words of the columns `sources` and `task`
_OWN_SECTIONS = {"tasks": "custom_tasks", "models": "custom_models"}
_PATHS = {
    "custom_models": ("weights", "config", "merges"),
    "custom_tasks": ("folder",),
    "checkpoints": ("folder",),
}


def validate(config: Mapping) -> dict:
    """The config, if it is valid.

    Raises:
        ValueError: one sentence with the key, the value given, what is allowed, and the nearest
            name for a misspelt one.
    """
    config_schema.require(config)
    config = dict(config)
    for folder, name in _names(config):
        _require_plugin(config, folder, name)
    _require_method(config)
    _require_methods(config)
    _require_experiments(config)
    _require_tasks(config)
    _require_titles(config)
    config_models.require(config)
    _require_recipes(config)
    _require_paths(config)
    config = _at_home(config)
    _require_weights_file(config)
    _require_joint(config)
    for training in config["trainings"]:
        _require_others(config, training)
    for training in config["checkpoints"]:
        _require_checkpoints(config, training)
    for text in config["modes"]:
        _require_mode(text, config["trainings"])
    _require_inits(config)
    _require_coefficients(config)
    _require_batches(config)
    _require_measured(config)
    _require_needs(config)
    return config


def _names(config: Mapping) -> Iterator[tuple[str, str]]:
    """(folder of plug-ins, name in it) of all that the config names."""
    layouts = [entry["layout"] for entry in config["checkpoints"].values()]
    families = [*config["pretraining"]["families"], *config["rebuilding"]["families"]]
    names = {
        "tasks": [*config["tasks"], config["control"]],
        "models": [*config["models"], *config["pretraining"]["models"]],
        "training": config["trainings"],
        "methods": [config["method"]],
        "experiments": config["experiments"],
        "checkpoints": layouts,
        "corpus": families,
    }
    for folder, of_folder in names.items():
        for name in of_folder:
            yield folder, name


def _require_plugin(config: Mapping, folder: str, name: str) -> None:
    """A name has a file, or an entry among the config's own."""
    section = _OWN_SECTIONS.get(folder)
    own = config[section] if section else {}
    rebuilt = models.REBUILT.fullmatch(name) if folder == "models" else None
    of_file = rebuilt["base"] if rebuilt else name
    if folder == "models":
        known = models.names()
    else:
        folders = registry.TASKS if folder == "tasks" else (folder,)
        known = [name for each in folders for name in registry.names(each)]
    if name not in own and of_file not in known:
        names = [*own, *known]
        raise ValueError(
            f"Config: {name!r} is not among the {folder}: {', '.join(sorted(names))}."
            f"{registry.did_you_mean(name, names)}"
        )


def _require_method(config: Mapping) -> None:
    """The method of all experiments is a sum that can be taken backwards."""
    name = config["method"]
    method = merging.find(name)
    if not method.is_sum or not method.negates:
        raise ValueError(
            f"Config: 'method' is {name!r}, but all experiments need one whose direction is a "
            "fixed sum of the vectors and has a coefficient: task_arithmetic. "
            f"Name {name!r} under `methods`."
        )


def _require_methods(config: Mapping) -> None:
    """Further methods have experiments that merge."""
    try:
        methods = merging.asked(config["methods"])
        for merger in methods.values():
            merger.require_tasks(config["tasks"])
    except ValueError as sentence:
        raise ValueError(f"Config: {sentence}") from None
    merges = [experiments.scope_of(name).merges for name in config["experiments"]]
    if methods and not any(merges):
        raise ValueError(
            "Config: 'methods' are run with task_addition and task_negation, but `experiments` has "
            "neither."
        )


def _require_experiments(config: Mapping) -> None:
    if not config["experiments"] and not config["joins"]:
        raise ValueError(
            "Config: 'experiments' and 'joins' are both empty; name at least one experiment or "
            "preset."
        )


def _require_tasks(config: Mapping) -> None:
    if config["control"] in config["tasks"]:
        raise ValueError(
            f"Config: the control {config['control']!r} is also among the tasks; a control must be "
            "another task."
        )
    reserved = sorted(RESERVED & config["custom_tasks"].keys())
    if reserved:
        raise ValueError(
            f"Config: 'custom_tasks.{reserved[0]}' means something else in result rows; rename the "
            "task."
        )


def _require_titles(config: Mapping) -> None:
    """What the user calls tasks and models tells them from all others in tables and figures."""
    evaluated = (*config["tasks"], config["control"], "all")
    _require_own_titles(config["custom_tasks"], "custom_tasks", evaluated, task_title)
    _require_own_titles(config["custom_models"], "custom_models", config["models"], model_title)


def _require_own_titles(
    entries: Mapping, section: str, shown: Sequence[str], title_of: Callable[[str], str]
) -> None:
    """Raise ValueError if an entry of the user's own is shown as another name is."""
    own = {name: entry["title"] for name, entry in entries.items() if "title" in entry}
    if not own:
        return
    titles = {name: title_of(name) for name in shown}
    titles |= {name: title for name, title in own.items() if name in titles}
    for name in own.keys() & titles.keys():
        for other, title in titles.items():
            if other != name and title == own[name]:
                raise ValueError(
                    f"Config: '{section}.{name}.title' is {title!r}, but so is {other!r} called in "
                    "tables and figures; choose another title."
                )


def _require_weights_file(config: Mapping) -> None:
    """A folder has weights, and no file is one shard of several."""
    for name in config["models"]:
        if name in config["custom_models"]:
            models.weights_file(models.find(name, config["custom_models"]))


def _require_recipes(config: Mapping) -> None:
    """Recipes, and settings that are tried, are of models that exist, of any preset."""
    for name in [*config["recipes"], *config["sweep"]]:
        _require_plugin(config, "models", name)
    weighted = [name for name, tried in config["sweep"].items() if "weights" in tried]
    for training in config["trainings"] if weighted else []:
        if "weight" not in config["training_modes"].get(training, {}):
            raise ValueError(
                f"Config: 'sweep.{weighted[0]}.weights' are of penalties, and {training!r} has "
                "none; leave it out of `trainings`, or the weights out of the sweep."
            )


def _require_paths(config: Mapping) -> None:
    """Every path is short enough for any file system."""
    for key, path in _paths(config):
        long_part = any(len(part.encode()) > 200 for part in path.split("/"))
        if long_part or len(path.encode()) > 2000:
            raise ValueError(
                f"Config: {key!r} is {config_schema.short(path)}, expected a path of at most 2,000 "
                "bytes, 200 of them between two slashes."
            )


def _at_home(config: dict) -> dict:
    """The config with every ~ of a path expanded."""
    config = copy.deepcopy(config)
    config["results"] = _home_of("results", config["results"])
    for section, keys in _PATHS.items():
        for name, entry in config[section].items():
            for key in keys:
                if entry.get(key):
                    entry[key] = _home_of(f"{section}.{name}.{key}", entry[key])
    return config


def _home_of(key: str, path: str) -> str:
    try:
        return places.at_home(path)
    except ValueError as sentence:
        raise ValueError(f"Config: {key!r}: {sentence}") from None


def _paths(config: Mapping) -> Iterator[tuple[str, str]]:
    """(key, path) of all paths in the config."""
    yield "results", config["results"]
    for section, keys in _PATHS.items():
        for name, entry in config[section].items():
            for key in keys:
                if entry.get(key):
                    yield f"{section}.{name}.{key}", entry[key]
            for task, file in entry.get("files", {}).items():
                yield f"{section}.{name}.files.{task}", file


def _require_joint(config: Mapping) -> None:
    """Joint training is done with trainings of the run."""
    for training in sorted(config["joint_training"]["trainings"]):
        if training not in config["trainings"]:
            raise ValueError(
                f"Config: 'joint_training.trainings' has {training!r}, which is not among "
                f"trainings {config['trainings']}."
            )


def _require_others(config: Mapping, training: str) -> None:
    """A training that spares other tasks has some to spare."""
    if training in config["checkpoints"]:
        return
    if not registry.load("training", training).TRAINING.needs_others:
        return
    if training in config["joint_training"]["trainings"]:
        raise ValueError(
            f"Config: 'joint_training.trainings' has {training!r}, which spares the tasks that a "
            "vector is not trained on, but joint training leaves none; take it out there."
        )
    if len(config["tasks"]) == 1:
        raise ValueError(
            f"Config: training {training!r} spares other tasks, but `tasks` has only "
            f"{config['tasks'][0]!r}; name two or more."
        )


def _require_checkpoints(config: Mapping, training: str) -> None:
    """Every vector that is read has a file of its own."""
    where = f"Config: 'checkpoints.{training}"
    entry = config["checkpoints"][training]
    if training not in config["trainings"]:
        raise ValueError(
            f"{where}' is not among trainings {config['trainings']}; name it there too."
        )
    vectors = layout.sources(config, training)
    missing = [task for task in vectors if task not in entry["files"]]
    if missing:
        way_out = "; or take the training out of `joint_training`" if missing == [JOINT] else ""
        raise ValueError(
            f"{where}.files' has no {missing[0]!r}; give a checkpoint for each of {vectors}"
            f"{way_out}."
        )
    if config["inits"] != ["pretrained"]:
        raise ValueError(
            f"{where}' was fine-tuned from pre-trained weights, but `inits` is {config['inits']}."
        )
    paths = [f"{entry['folder']}/{file}" for file in entry["files"].values()]
    for key in ("model", "seed"):
        number = len(config[f"{key}s"])
        if number > 1 and not all(f"{{{key}}}" in path for path in paths):
            raise ValueError(
                f"{where}' gives one file to {number} {key}s; put {{{key}}} into its folder or "
                "files."
            )


def _require_mode(text: str, trainings: list[str]) -> None:
    mode = Mode.parse(text)
    if mode.training not in ("none", *trainings):
        raise ValueError(
            f"Config: mode {text!r} needs training {mode.training!r}, which is not among trainings "
            f"{trainings}."
        )
    if mode.evaluation == "none" or (mode.training == "none" and mode.evaluation != "network"):
        raise ValueError(
            f"Config: mode {text!r} evaluates nothing; expected none-network (zero-shot), or a "
            "training with -network or -tangent."
        )


def _require_inits(config: Mapping) -> None:
    """An experiment that compares initialisations has several."""
    for name in config["experiments"]:
        if len(config["inits"]) < experiments.scope_of(name).min_inits:
            raise ValueError(
                f"Config: experiment {name!r} compares initialisations, but `inits` has only "
                f"{config['inits'][0]!r}; name two or more, such as random and pretrained."
            )


def _require_coefficients(config: Mapping) -> None:
    first = config["coefficients"]["first"]
    last = config["coefficients"]["last"]
    if first != 0.0 or last <= first:
        raise ValueError(
            f"Config: coefficients run from {first} to {last}; they must start at 0 (zero-shot) "
            "and rise."
        )


def _require_batches(config: Mapping) -> None:
    """A batch of joint training, and each piece of it, has an image of every task."""
    if not set(config["joint_training"]["trainings"]) - config["checkpoints"].keys():
        return
    batch_size = config["training"]["batch_size"]
    num_tasks = len(config["tasks"])
    if batch_size < num_tasks:
        raise ValueError(
            f"Config: 'training.batch_size' is {batch_size}, but {num_tasks} tasks are trained "
            "jointly; give at least one image each, or set `joint_training: {trainings: []}`."
        )
    share = batch_size // num_tasks
    piece = config["training"]["micro_batch_size"] or batch_size
    num_pieces = math.ceil(share * num_tasks / piece)
    if share < num_pieces:
        raise ValueError(
            f"Config: 'training.micro_batch_size' is {piece}, which cuts a batch of {batch_size} "
            f"images into {num_pieces} pieces, but joint training has only {share} of each of "
            f"{num_tasks} tasks; give larger pieces or a larger batch_size."
        )


def _require_measured(config: Mapping) -> None:
    """Some experiment has a job in one of the modes; a comparison reads those of others."""
    scopes = [experiments.scope_of(name) for name in config["experiments"]]
    if scopes and not any(scope.reads or scope.modes(config) for scope in scopes):
        raise ValueError(
            f"Config: none of the experiments {', '.join(config['experiments'])} has anything to "
            f"measure in the modes {', '.join(config['modes'])}; name a mode with vectors, as "
            "standard-network."
        )


def _require_needs(config: Mapping) -> None:
    """What experiments and trainings say themselves that they need."""
    for name in config["experiments"]:
        _ask(registry.load("experiments", name), "Config: ", config)
    for training in config["trainings"]:
        if training in config["checkpoints"]:
            continue
        settings = config["training_modes"].get(training, {})
        for name in config["models"]:
            model = models.find(name, config["custom_models"])
            where = f"Config: training {training!r} cannot be done with model {name!r}: "
            _ask(registry.load("training", training), where, models.vision(model), settings)


def _ask(plugin: ModuleType, where: str, *arguments: Mapping) -> None:
    """Let a plug-in refuse a run, if it has anything to refuse."""
    if not hasattr(plugin, "require"):
        return
    try:
        plugin.require(*arguments)
    except ValueError as sentence:
        raise ValueError(f"{where}{sentence}") from None
