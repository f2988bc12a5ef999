"""The config: default.yaml and the schema agree, and everything wrong is one sentence with key,
value and way out.
"""

from __future__ import annotations

import copy
import difflib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tangent_bench import registry
from tangent_bench.planning.config import validate
from tangent_bench.planning.config_schema import schema, typed
from tangent_bench.planning.recipes import recipe

FOLDER = Path(__file__).parents[1] / "config"
DEFAULT = yaml.safe_load((FOLDER / "default.yaml").read_text(encoding="utf-8"))
PRESETS = sorted(
    p.stem for p in FOLDER.glob("*.yaml") if not p.stem.startswith(("default", "sweep"))
)
FREE = (".families.",)  # maps whose keys are names
MAPS = {key for key, value in DEFAULT.items() if isinstance(value, dict) and value}
TASK = {"folder": "images", "templates": ["a {}"]}


def changed(path: str, value: object) -> dict:
    """The default config with one key (dotted) set."""
    config = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    place = config
    for part in parents:
        place = place[part]
    place[last] = value
    return config


def merged(base: dict, preset: dict) -> dict:
    """As Snakemake merges config files: maps deeply, lists whole."""
    out = dict(base)
    for key, value in preset.items():
        out[key] = (
            merged(out[key], value)
            if isinstance(value, dict) and isinstance(out.get(key), dict)
            else value
        )
    return out


def sentence(config: dict) -> str:
    with pytest.raises(ValueError) as caught:
        validate(config)
    text = str(caught.value)
    assert "\n" not in text and 10 < len(text) < 900
    return text


def keys(value: object, prefix: str = "") -> set[str]:
    if not isinstance(value, dict) or prefix.endswith(FREE):
        return set()
    return {f"{prefix}{k}" for k in value} | {
        deep for k, v in value.items() for deep in keys(v, f"{prefix}{k}.")
    }


def properties(part: dict, prefix: str = "") -> set[str]:
    named = part.get("$ref", "").removeprefix("#/$defs/")
    found = (schema()["$defs"][named] if named else part).get("properties", {})
    return {f"{prefix}{k}" for k in found} | {
        deep for k, v in found.items() for deep in properties(v, f"{prefix}{k}.")
    }


def objects(part: object, where: str = ""):
    """Every part of the schema that describes a map."""
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield where, part
        for key, value in part.items():
            yield from objects(value, f"{where}/{key}")


def test_default_and_schema_have_the_same_keys():
    assert keys(DEFAULT) == properties(schema())
    assert validate(DEFAULT) == DEFAULT


def test_schema_is_closed_and_complete_at_every_level():
    found = dict(objects(schema()))
    shared = [where for where in found if where.startswith("/$defs/")]
    nested = [
        key for place in MAPS for key, value in DEFAULT[place].items() if isinstance(value, dict)
    ]
    by_name = sum(
        str(part).count(f"#/$defs/{where.rpartition('/')[2]}'")
        for where in shared
        for part in [schema()]
    )
    own = 2 * len({"custom_tasks", "custom_models", "recipes", "sweep"}) + len(
        ["checkpoints", "entry", "files", "out_of_scope", "splits"]
    )
    maps = 1 + len(MAPS) + len(nested) + own
    assert len(found) - len(shared) + by_name == maps
    for where, part in found.items():
        assert part.get("additionalProperties") not in (None, True), where
        if part.get("properties") and not any(
            free in where for free in ("custom_", "out_of_scope", "recipes", "sweep")
        ):
            assert sorted(part["required"]) == sorted(part["properties"]), where


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_say_only_what_differs(name):
    preset = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert keys(preset) <= keys(DEFAULT) | {
        k for k in keys(preset) if k.startswith(("custom_", "checkpoints."))
    }
    validate(merged(DEFAULT, preset))


@pytest.mark.parametrize("path", sorted(keys(DEFAULT)))
def test_missing_keys_are_named(path):
    config = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    place = config
    for part in parents:
        place = place[part]
    del place[last]
    assert repr(last) in sentence(config)


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("tassks", "tasks"),
        ("control_treshold", "control_threshold"),
        ("training.learning_rat", "learning_rate"),
        ("joint_training.step", "steps"),
        ("training_modes.tau_jb", "tau_jp"),
        ("training_modes.tak.probe", "probes"),
        ("training_modes.lora.rnak", "rank"),
        ("coefficients.frist", "first"),
        ("data.max_tests", "max_test"),
        ("bootstrap.replicate", "replicates"),
        ("evaluation.batchsize", "batch_size"),
        ("pretraining.num_image", "num_images"),
    ],
)
def test_misspelt_key_is_named_with_the_nearest(path, nearest):
    text = sentence(changed(path, 1))
    assert (
        f"unknown key {path!r}" in text
        and f"Did you mean {nearest!r}?" in text
        and "allowed here: " in text
    )


@pytest.mark.parametrize(
    ("folder", "entry", "nearest"),
    [
        ("custom_tasks", {**TASK, "template": ["a {}"]}, "templates"),
        ("custom_models", {"architecture": "a", "weights": "b", "weigths": "c"}, "weights"),
    ],
)
def test_misspelt_key_of_a_custom_entry_is_named(folder, entry, nearest):
    text = sentence(changed(folder, {"mine": entry}))
    assert f"unknown key '{folder}.mine." in text and f"Did you mean {nearest!r}?" in text


def test_numbers_that_yaml_takes_for_text_are_explained():
    rate = yaml.safe_load("1e-5")
    assert rate == "1e-5"
    text = sentence(changed("training.learning_rate", rate))
    assert "'training.learning_rate' is '1e-5', expected number" in text and "write 1.0e-5" in text


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("training.steps", "many", "expected integer"),
        ("training.steps", 10.5, "expected integer"),
        ("training.steps", True, "expected integer"),
        ("training", 3, "expected object"),
        ("seeds", 0, "expected array"),
        ("seeds", ["0"], "'seeds.0' is '0', expected integer"),
        ("tasks", "mnist", "expected array"),
        ("joint_training.trainings", "standard", "expected array"),
        ("data.max_train", "all", "expected integer or null"),
        ("training.decay_towards", "nowhere", "expected one of zero, initialisation"),
        ("inits", ["step-x"], "'inits.0'"),
    ],
)
def test_wrong_type_is_named_with_value_and_what_is_expected(path, value, expected):
    text = sentence(changed(path, value))
    assert path in text and expected in text and (isinstance(value, list) or repr(value) in text)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("training.steps", 0),
        ("training.learning_rate", -1.0),
        ("training.crop_scale", 1.5),
        ("training_modes.tau_jp.weight", -0.1),
        ("training_modes.lora.rank", 0),
        ("training_modes.tak.probes", 0),
        ("control_threshold", 1.01),
        ("bootstrap.replicates", 10),
        ("coefficients.count", 1),
        ("seeds", []),
        ("seeds", [0, 0]),
        ("tasks", []),
        ("tasks", ["mnist", "mnist"]),
        ("preset", "a/b"),
        ("results", ""),
        ("custom_tasks", {"mine": {**TASK, "templates": ["a photo"]}}),
        ("custom_tasks", {"mine": {**TASK, "templates": ["{} or {}"]}}),
        ("custom_tasks", {"a b": TASK}),
        ("custom_tasks", {"mine": {"folder": "images"}}),
    ],
)
def test_value_out_of_range_is_named(path, value):
    text = sentence(changed(path, value))
    assert path in text and "Config: " in text


@pytest.mark.parametrize(
    ("path", "value", "folder", "wrong", "nearest"),
    [
        ("tasks", ["mnist", "icns"], "tasks", "icns", "icons"),
        ("control", "composition", "tasks", "composition", "compositions"),
        ("trainings", ["standard", "lineal"], "training", "lineal", "linear"),
        ("models", ["tinny"], "models", "tinny", "tiny"),
        ("experiments", ["task_adition"], "experiments", "task_adition", "task_addition"),
        ("method", "task_arithmetik", "methods", "task_arithmetik", "task_arithmetic"),
    ],
)
def test_unknown_plugin_is_named_with_the_nearest(path, value, folder, wrong, nearest):
    text = sentence(changed(path, value))
    assert repr(wrong) in text and f"Did you mean {nearest!r}?" in text
    assert all(name in text for name in registry.names(folder))


@pytest.mark.parametrize("method", ["ties", "tsv_m", "weight_average"])
def test_the_method_of_all_experiments_is_a_sum_with_a_coefficient(method):
    text = sentence(changed("method", method))
    assert f"'method' is {method!r}" in text and "fixed sum" in text and "under `methods`" in text


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        (["tsv"], ["'tsv'", "Did you mean 'tsv_m'?"]),
        ([{"name": "ties", "keap": 0.1}], ["'keap'", "ties.keep"]),
        ([{"name": "ties", "keep": 2}], ["'ties.keep'", "2", "at most 1"]),
        ([{"name": "ties", "keep": "0.1"}], ["methods.0.keep", "'0.1'", "number"]),
        ([{"keep": 0.1}], ["methods.0", "name"]),
        (["ties", {"name": "ties", "keep": 0.2}], ["twice"]),
        (["lines"], ["is a wrapper"]),
        ([{"name": "scaled", "mnits": 0.4}], ["'scaled.mnits'", "Did you mean 'mnist'?"]),
        ([{"name": "scaled", "mnist": 2000}], ["'scaled.mnist'", "2000", "at most 1000"]),
        ([{"name": "scaled", "mnist": True}], ["'scaled.mnist' is True", "float"]),
    ],
)
def test_methods_are_checked_before_a_run(methods, words):
    text = sentence(changed("methods", methods))
    assert text.startswith("Config: ") and all(word in text for word in words), text


def test_methods_need_an_experiment_that_merges():
    config = merged(DEFAULT, {"methods": ["ties"], "experiments": ["single_task"]})
    assert "'methods'" in sentence(config) and "task_addition" in sentence(config)
    assert validate(merged(config, {"experiments": ["task_addition"]}))["methods"] == ["ties"]


def test_own_tasks_and_models_are_known_and_suggested():
    config = merged(DEFAULT, {"tasks": ["mnist", "beetles"], "custom_tasks": {"beetles": TASK}})
    assert validate(config)["tasks"] == ["mnist", "beetles"]
    config["tasks"] = ["beetle"]
    assert "Did you mean 'beetles'?" in sentence(config)
    config = merged(
        DEFAULT,
        {
            "models": ["mine"],
            "custom_models": {"mine": {"architecture": "RN50", "weights": "openai"}},
        },
    )
    validate(config)


@pytest.mark.parametrize("name", ["all", "own", "each", "multitask"])
def test_words_of_the_result_rows_are_no_task_names(name):
    text = sentence(merged(DEFAULT, {"tasks": ["mnist", name], "custom_tasks": {name: TASK}}))
    assert f"custom_tasks.{name}" in text and "rename" in text


def test_a_recipe_is_of_a_model_that_exists():
    own = {"steps": 50, "learning_rate": 3e-4}
    config = validate(changed("recipes", {"wide": own}))
    assert recipe(config, "wide-pre1") == DEFAULT["training"] | own
    assert recipe(config, "tiny") == DEFAULT["training"]
    assert "Did you mean 'tiny'?" in sentence(changed("recipes", {"tinny": own}))
    tried = {"learning_rates": [1e-3], "steps": [50]}
    assert "Did you mean 'tiny'?" in sentence(changed("sweep", {"tinny": tried}))
    text = sentence(changed("recipes", {"tiny": {"batch_size": 1}}))
    assert "unknown key 'recipes.tiny.batch_size'" in text


def test_weights_that_a_sweep_tries_are_of_trainings_with_a_penalty():
    tried = {"learning_rates": [1e-3], "steps": [50], "weights": [0.1]}
    text = sentence(changed("sweep", {"tiny": tried}))
    assert "'sweep.tiny.weights'" in text and "'standard' has none" in text
    validate(merged(DEFAULT, yaml.safe_load((FOLDER / "sweep_penalties.yaml").read_text())))


def test_control_among_the_tasks_is_refused():
    text = sentence(changed("tasks", ["mnist", DEFAULT["control"]]))
    assert DEFAULT["control"] in text and "must be another task" in text


@pytest.mark.parametrize(
    "mode", ["standard-networks", "tangent", "linear_tangent", "", "standard-none", "none-tangent"]
)
def test_mode_that_is_none_is_named(mode):
    assert repr(mode) in sentence(changed("modes", [mode]))


def test_joint_training_in_a_way_that_does_not_run_is_refused():
    assert "'joint_training.trainings' has 'lora'" in sentence(
        changed("joint_training.trainings", ["lora"])
    )


@pytest.mark.parametrize("name", ["tau_jp", "tak"])
def test_joint_training_spares_no_task(name):
    config = merged(
        DEFAULT, {"trainings": ["standard", name], "modes": ["none-network", f"{name}-tangent"]}
    )
    assert validate(config)["trainings"] == ["standard", name]
    text = sentence(merged(config, {"joint_training": {"trainings": ["standard", name]}}))
    assert f"'joint_training.trainings' has {name!r}" in text and "take it out" in text


@pytest.mark.parametrize("name", ["tau_jp", "tak"])
def test_one_task_leaves_none_to_be_spared(name):
    changes = {
        "trainings": [name],
        "modes": [f"{name}-tangent"],
        "joint_training": {"trainings": []},
    }
    text = sentence(merged(DEFAULT, {**changes, "tasks": ["mnist"]}))
    assert f"training {name!r} spares other tasks, but `tasks` has only 'mnist'" in text


def test_both_kinds_of_low_rank_changes_have_the_same_numbers():
    modes = DEFAULT["training_modes"]
    assert modes["lora"] == modes["linear_lora"]
    assert set(modes) <= set(registry.names("training"))


def test_one_initialisation_has_nothing_to_be_compared_with():
    text = sentence(changed("experiments", ["pretraining_ablation"]))
    assert "'pretraining_ablation' compares initialisations" in text and "only 'pretrained'" in text
    validate(
        merged(
            DEFAULT, {"experiments": ["pretraining_ablation"], "inits": ["random", "pretrained"]}
        )
    )


def test_mode_of_a_training_that_does_not_run_is_refused():
    text = sentence(changed("trainings", ["standard"]))
    assert "'linear-tangent'" in text and "'linear'" in text and "standard" in text


@pytest.mark.parametrize("grid", [{"first": 0.1}, {"first": -1.0}, {"last": 0.0}, {"last": -1.0}])
def test_grid_must_start_at_zero_and_rise(grid):
    text = sentence(merged(DEFAULT, {"coefficients": grid}))
    assert "must start at 0" in text and str(next(iter(grid.values()))) in text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "path", ["training.learning_rate", "control_threshold", "coefficients.last"]
)
def test_a_number_that_is_none_is_refused(path, value):
    text = sentence(changed(path, value))
    assert path in text and (str(value) in text or "finite" in text)


def test_validation_leaves_its_input_alone():
    before = copy.deepcopy(DEFAULT)
    validate(DEFAULT)
    assert before == DEFAULT


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"seeds": ["0", "1"]}, [0, 1]),
        ({"coefficients": {"count": "11"}}, 11),
        ({"training": {"learning_rate": "1e-5"}}, 1e-5),
        ({"training": {"checkpoint_activations": "True"}}, True),
        ({"data": {"max_train": "null"}}, None),
        ({"data": {"max_train": "20"}}, 20),
        ({"kernel_gap": {"path": ["0.5", "1"]}}, [0.5, 1]),
        ({"methods": [{"name": "ties", "keep": "0.1"}]}, [{"name": "ties", "keep": 0.1}]),
    ],
)
def test_text_of_the_command_line_becomes_the_number_that_is_wanted(given, expected):
    config = typed(merged(DEFAULT, given), given)
    value = config
    place = given
    while isinstance(place, dict):
        (key,) = place
        value = value[key]
        place = place[key]
    assert value == expected and type(value) is type(expected)
    validate(config)


@pytest.mark.parametrize(
    "given",
    [
        {"preset": "11"},
        {"training": {"steps": "many"}},
        {"training": {"steps": "1.5"}},
        {"seeds": ["true"]},
        {"data": {"side": "null"}},
        {"training": "5"},
    ],
)
def test_other_text_of_the_command_line_stays_text(given):
    config = merged(DEFAULT, given)
    assert typed(config, given) == config
    sentence(config)


def test_text_in_a_file_stays_text():
    config = merged(DEFAULT, {"seeds": ["0"], "training": {"steps": "5"}})
    assert typed(config, {"training": {"steps": "5"}})["seeds"] == ["0"]
    assert "take them away" in sentence(changed("seeds", ["0"]))


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.mark.slow
@given(st.sampled_from(sorted(keys(DEFAULT))), junk)
@settings(max_examples=150, deadline=None)
def test_junk_is_accepted_or_answered_by_a_sentence(path, value):
    config = changed(path, value)
    try:
        assert validate(config) == config
    except ValueError as error:
        assert str(error).startswith(("Config: ", "Mode ")) and "\n" not in str(error)


@given(st.sampled_from(sorted(MAPS)), st.text(min_size=1, max_size=12))
@settings(max_examples=50, deadline=None)
def test_no_unknown_key_passes(place, key):
    if key in DEFAULT[place]:
        return
    text = sentence(changed(f"{place}.{key}" if "." not in key else place, 1))
    assert place in text
    near = difflib.get_close_matches(key, DEFAULT[place], n=1)
    assert "." in key or not near or f"Did you mean {near[0]!r}?" in text
