"""Merged models as files: loaded by the libraries that they are for, they predict what the outcomes
of the experiments say.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import open_clip
import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor
from typer.testing import CliRunner

import tangent_bench
from tangent_bench import checkpoints, cli, merging, models
from tangent_bench.cli import _merging, _process
from tangent_bench.experiments import task_addition
from tangent_bench.experiments._opening import study
from tangent_bench.export import Request, Wish, _exporting, _formats, export, load_tangent
from tangent_bench.measuring import directions
from tangent_bench.measuring.results import Results
from tangent_bench.store import artefacts, layout, rows
from tangent_bench.store.layout import Mode
from tangent_bench.tangent.linearize import differentiable_attention
from tangent_bench.tangent.vectors import Stored
from tests import small
from tests.checkpoints import published
from tests.results_folder import CONFIG, CONTROL, TASKS, fill, own_model, save_vector

MODES = ("standard-network", "standard-tangent")
METHODS = {
    "task_arithmetic": merging.find("task_arithmetic"),
    "weight_average": merging.find("weight_average"),
    "ties": merging.find("ties", {"keep": 0.4}),
    "lines+tsv_m": merging.find("lines+tsv_m"),
}


class Run(NamedTuple):
    """A results folder with the outcomes of addition, and the model that it is of."""

    root: Path
    custom: dict[str, Any]
    results: Results


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Run:
    custom = own_model(tmp_path_factory.mktemp("model"))
    root = tmp_path_factory.mktemp("template")
    tower, _ = fill(root, custom)
    results = Results(root, "mine", "pretrained", 5, custom)
    for merger in METHODS.values():
        if not merger.is_sum:
            _merge(results, merger, tower.digest)
        for mode in MODES:
            _outcome(results, merger, mode)
    return Run(root, custom, results)


def _merge(results, merger, digest) -> None:
    """The direction of a method, and what it changes."""
    made = directions.merge(results, merger, "standard", TASKS)
    path = results.root / layout.merged("mine", "pretrained", "standard", merger.label, 5)
    artefacts.save(path, "vector", {k: v.numpy() for k, v in made.items()}, theta0=digest)
    found = directions.encode(results, merger, "standard", TASKS, CONTROL, 7, each=False)
    path = results.root / layout.merged_features("mine", "pretrained", "standard", merger.label, 5)
    artefacts.save(path, "features", found, theta0=digest)


def _outcome(results, merger, mode) -> None:
    """What a job of addition leaves."""
    made = study(results, "task_addition", Mode.parse(mode), CONFIG, merger)
    task_addition.run(made)
    label = "" if merger.name == CONFIG["method"] else merger.label
    place = ("task_addition", "mine", "pretrained", mode, 5)
    tensors, about = made.sidecar()
    file = results.root / layout.outcome(*place, "safetensors", label)
    artefacts.save(file, "outcome", tensors, **about)
    rows.write(file.with_suffix(".csv"), rows.frame(made.rows))


@pytest.fixture
def run(template, tmp_path) -> Run:
    """A copy to write into."""
    root = tmp_path / "results"
    shutil.copytree(template.root, root)
    return template._replace(root=root)


def asked(run: Run, method: str, out: Path, **further: Any) -> Request:
    """A request for a model of a results folder."""
    wish = Wish(**{"mode": "standard-network"} | further.pop("wish", {}))
    merger = METHODS.get(method) or merging.find(method)
    request = {"results": run.root, "wish": wish, "custom_models": run.custom}
    return Request(merger, out, **request | further)


def predicted(run: Run, label: str, mode: str, alpha: float, task: str) -> np.ndarray:
    """What the outcomes say of the test images of a task, at a coefficient."""
    folder = "" if label == "task_arithmetic" else label
    place = ("task_addition", "mine", "pretrained", mode, 5)
    arrays, about = artefacts.load(
        run.root / layout.outcome(*place, "safetensors", folder), "outcome"
    )
    points = json.loads(about["points"])[f"addition/{task}/test"]
    (number,) = [
        number
        for number, point in enumerate(points)
        if sum(point.values()) == pytest.approx(alpha * _sum(label))
    ]
    return arrays[f"predictions/addition/{task}/test"][number]


def _sum(label: str) -> float:
    """The coefficients of a point at α = 1, added up."""
    return 2.0 if label == "task_arithmetic" else 1.0


def classes(run: Run, task: str, encode: Callable[[Tensor], Tensor]) -> np.ndarray:
    """The classes that an encoder sees in the test images of a task."""
    images = run.results.prepared(task, "test").tensor()
    with torch.no_grad():
        logits = encode(images) @ torch.from_numpy(run.results.head(task)).T
    return logits.argmax(1).numpy()


def of_open_clip(run: Run, out: Path) -> torch.nn.Module:
    """The file as open_clip itself loads it."""
    open_clip.add_model_config(Path(run.custom["mine"]["config"]))
    return open_clip.create_model(run.custom["mine"]["architecture"], pretrained=str(out)).eval()


# Predictions


@pytest.mark.parametrize("method", METHODS)
def test_open_clip_predicts_what_the_outcomes_say(method, template, tmp_path):
    out = tmp_path / "a.safetensors"
    merged = export(asked(template, method, out)).merged
    encode = of_open_clip(template, out).encode_image
    label, alpha = METHODS[method].label, merged.about["alpha"]
    assert merged.about["alpha_selected"]
    for task in TASKS:
        expected = predicted(template, label, "standard-network", alpha, task)
        assert classes(template, task, encode).tolist() == expected.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_the_function_of_a_tangent_mode_predicts_what_the_outcomes_say(method, template, tmp_path):
    out = tmp_path / "a.safetensors"
    merged = export(asked(template, method, out, wish={"mode": "standard-tangent"})).merged
    model = load_tangent(out)
    label, alpha = METHODS[method].label, merged.about["alpha"]
    for task in TASKS:
        expected = predicted(template, label, "standard-tangent", alpha, task)
        assert classes(template, task, model.encode_image).tolist() == expected.tolist()


def test_a_coefficient_by_number_is_that_point_of_the_outcomes(template, tmp_path):
    out = tmp_path / "a.safetensors"
    export(asked(template, "task_arithmetic", out, alpha=1.0))
    encode = of_open_clip(template, out).encode_image
    for task in TASKS:
        expected = predicted(template, "task_arithmetic", "standard-network", 1.0, task)
        assert classes(template, task, encode).tolist() == expected.tolist()


@pytest.mark.parametrize("kind", ["CLIPVisionModelWithProjection", "CLIPVisionModel"])
def test_transformers_embeds_as_open_clip_does(kind, template, tmp_path):
    transformers = pytest.importorskip("transformers")
    files = tmp_path / "a.safetensors", tmp_path / "hf"
    for out, name in zip(files, ("open_clip", "huggingface"), strict=True):
        export(asked(template, "ties", out, alpha=0.5, format=name))
    theirs = getattr(transformers, kind).from_pretrained(files[1]).eval()
    ours = of_open_clip(template, files[0])
    images = template.results.prepared("one", "test").tensor()
    with torch.no_grad():
        expected = ours.encode_image(images)
        found = theirs(images)
        if kind == "CLIPVisionModel":
            embeddings = found.pooler_output @ ours.visual.proj
        else:
            embeddings = found.image_embeds
    assert float((embeddings - expected).abs().max() / expected.abs().max()) < 1e-5


def test_the_pictures_of_transformers_are_those_of_the_model(template, tmp_path):
    transformers = pytest.importorskip("transformers")
    export(asked(template, "ties", tmp_path / "hf", alpha=0.5, format="huggingface"))
    processor = transformers.CLIPImageProcessor.from_pretrained(tmp_path / "hf")
    pixels = small.pixels(2, 32, "pictures")
    found = processor(list(pixels), return_tensors="pt")["pixel_values"]
    expected = template.results.network.prepare(pixels).tensor()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_the_outcomes_tell_models_apart(template):
    """Were all selected coefficients 0, or all predictions the same, much would go unnoticed."""
    chosen = set()
    for merger in METHODS.values():
        for mode in MODES:
            label = "" if merger.name == CONFIG["method"] else merger.label
            place = ("task_addition", "mine", "pretrained", mode, 5)
            table = rows.read(template.root / layout.outcome(*place, "csv", label))
            alpha = float(table.loc[table["metric"] == "selected_coefficient", "value"].iloc[0])
            found = predicted(template, merger.label, mode, alpha, "one")
            chosen.add((merger.name, mode, alpha, *found.tolist()))
    assert len({alpha for _, _, alpha, *_ in chosen} - {0.0}) > 1
    predictions = {tuple(found) for _, _, _, *found in chosen}
    at_theta0 = tuple(classes(template, "one", template.results.network.module).tolist())
    assert len(predictions - {at_theta0}) > 4


# What stands in the files


def test_weights_are_theta0_and_alpha_times_the_direction(template, tmp_path):
    out = tmp_path / "a.safetensors"
    export(asked(template, "ties", out, alpha=0.7))
    state = load_file(out)
    theta0 = template.results.network.theta0
    direction = Stored(
        template.root / layout.merged("mine", "pretrained", "standard", METHODS["ties"].label, 5)
    )
    for name, value in theta0.items():
        expected = value.double() + 0.7 * direction[name].double()
        torch.testing.assert_close(
            state.pop(f"visual.{name}").double(), expected, rtol=0, atol=1e-6
        )
    original = load_file(template.custom["mine"]["weights"])
    assert all(torch.equal(value, original[name]) for name, value in state.items())


def test_our_own_layouts_read_back_alpha_times_the_direction(template, tmp_path):
    network = models.create(models.find("mine", template.custom))
    written = {
        "state_dict": (tmp_path / "a.safetensors", "open_clip"),
        "fusionbench": (tmp_path / "hf", "huggingface"),
    }
    for name, (out, kind) in written.items():
        merged = export(asked(template, "ties", out, alpha=0.5, format=kind)).merged
        tau = checkpoints.load(name, out, network)
        theta0 = template.results.network.theta0
        for key, value in tau.items():
            expected = merged.tower[key].double() - theta0[key].double()
            assert torch.equal(value.double(), expected.float().double())


@pytest.mark.parametrize("mode", MODES)
def test_the_header_says_what_was_merged(mode, template, tmp_path):
    out = tmp_path / "a.safetensors"
    export(asked(template, "ties", out, alpha=0.7, wish={"mode": mode}))
    kind = "tangent model" if "tangent" in mode else "merged model"
    _, about = artefacts.load(out, kind)
    path = layout.vector("mine", "pretrained", "standard", "one", 5)
    expected = {
        "tasks": list(TASKS),
        "method": "ties",
        "hyper_parameters": {"ties.keep": 0.4},
        "alpha": 0.7,
        "alpha_selected": False,
        "model": "mine",
        "architecture": "test-small",
        "init": "pretrained",
        "mode": mode,
        "seed": 5,
        "theta0": template.results.network.digest,
        "tangent_bench": tangent_bench.__version__,
    }
    assert {key: about[key] for key in expected} == expected
    assert about["vectors"]["one"] == Stored(template.root / path).about["sha256"]
    with safe_open(out, framework="pt") as file:
        assert (file.metadata().get("format") == "pt") == (kind == "merged model")


def test_a_tangent_model_is_the_sum_of_f_and_its_product(template, tmp_path):
    """f_lin by a generic product in float64, of the file's own tensors."""
    out = tmp_path / "a.safetensors"
    export(asked(template, "task_arithmetic", out, alpha=0.3, wish={"mode": "standard-tangent"}))
    model = load_tangent(out)
    images = template.results.prepared("one", "test").tensor()[:3]
    network = models.create(models.find("mine", template.custom)).visual.double()
    theta0 = {name: value.double() for name, value in model.theta0.items()}
    state = load_file(out)
    tau = {name: state[f"tau/{name}"].double() for name in theta0}

    def function(theta):
        return torch.func.functional_call(network, theta, (images.double(),))

    with differentiable_attention():
        base, change = torch.func.jvp(function, (theta0,), (tau,))
    torch.testing.assert_close(
        model.encode_image(images).double(), base + change, rtol=0, atol=1e-5
    )
    tokens = models.tokenizer(models.find("mine", template.custom))(["a digit"])
    original = models.create(models.find("mine", template.custom))
    assert torch.equal(model.encode_text(tokens), original.encode_text(tokens))
    assert model.about["alpha"] == 0.3


def test_a_tangent_file_is_a_model_at_theta0_for_whoever_reads_weights(template, tmp_path):
    out = tmp_path / "a.safetensors"
    export(asked(template, "ties", out, wish={"mode": "standard-tangent"}))
    entry = {**template.custom["mine"], "weights": str(out)}
    network = models.create(models.find("mine", {"mine": entry}))
    original = models.create(models.find("mine", template.custom))
    for name, value in network.state_dict().items():
        assert torch.equal(value, original.state_dict()[name])


@pytest.mark.parametrize(
    ("name", "words"), [("other.safetensors", "Missing file"), ("a.safetensors", "expected 'tan")]
)
def test_what_is_no_tangent_model_is_refused(name, words, template, tmp_path):
    export(asked(template, "ties", tmp_path / "a.safetensors"))
    with pytest.raises(ValueError, match=words):
        load_tangent(tmp_path / name)


# FusionBench


def _with_projection_of_theta0(run: Run, task: str, value: float) -> None:
    path = run.root / layout.vector("mine", "pretrained", "standard", task, 5)
    arrays, about = artefacts.load(path, "vector")
    arrays["proj"] = np.full_like(arrays["proj"], value)
    save_vector(run.root, task, arrays, about["theta0"])


def test_fusionbench_has_no_projection_and_takes_none_that_moved(run, tmp_path):
    for task in TASKS:
        _with_projection_of_theta0(run, task, 0.0)
    out = tmp_path / "a"
    request = asked(run, "task_arithmetic", out, alpha=0.5, format="fusionbench")
    merged = export(request).merged
    tensors = load_file(out / "model.safetensors")
    assert all(name.startswith("vision_model.") for name in tensors)
    assert json.loads((out / "config.json").read_text())["architectures"] == ["CLIPVisionModel"]
    tau = checkpoints.load("fusionbench", out, models.create(models.find("mine", run.custom)))
    theta0 = run.results.network.theta0
    assert all(
        torch.equal(v, (merged.tower[k].double() - theta0[k].double()).float())
        for k, v in tau.items()
    )
    _with_projection_of_theta0(run, "two", 0.1)
    words = "projection of the pre-trained CLIP, and the vector of 'two' changes it"
    with pytest.raises(ValueError, match=words):
        export(asked(run, "task_arithmetic", tmp_path / "b", alpha=0.5, format="fusionbench"))
    assert not (tmp_path / "b").exists()


# Choices


def test_tasks_and_their_coefficient_are_those_that_were_added(template, tmp_path):
    table = rows.read(
        template.root / layout.outcome("task_addition", "mine", "pretrained", MODES[1], 5)
    )
    subset = table[(table["task"] == "own") & (table["metric"] == "accuracy_tuned")]
    expected = dict(zip(subset["sources"], subset["coefficient"]))
    assert expected
    for tasks, alpha in expected.items():
        wish = {"mode": MODES[1], "tasks": tasks.split("+")[::-1]}
        request = asked(template, "task_arithmetic", tmp_path / f"{tasks}.safetensors", wish=wish)
        about = export(request).merged.about
        assert (about["tasks"], about["alpha"]) == (tasks.split("+"), alpha)


def test_vectors_by_name_make_the_same_model(template, tmp_path):
    files = [
        template.root / layout.vector("mine", "pretrained", "standard", task, 5) for task in TASKS
    ]
    by_name = asked(
        template,
        "ties",
        tmp_path / "a.safetensors",
        results=None,
        vectors=files,
        alpha=0.5,
        wish={"model": "mine", "mode": None},
    )
    about = export(by_name).merged.about
    assert about["tasks"] == list(TASKS) and about["mode"] == "unknown-network"
    export(asked(template, "ties", tmp_path / "b.safetensors", alpha=0.5))
    first, second = (load_file(tmp_path / f"{name}.safetensors") for name in "ab")
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("name", ["peft", "state_dict"])
def test_checkpoints_of_others_by_name(name, template, tmp_path):
    """Adapters and state dicts whose τ is known, as folders of the hub and as files."""
    network = models.create(models.find("mine", template.custom))
    theta0 = {key: value.detach() for key, value in network.visual.named_parameters()}
    theta = published.fine_tuned(network)
    if name == "peft":
        paths = [tmp_path / "one", tmp_path / "two"]
        for path in paths:
            path.mkdir()
            published.adapter(theta, theta0, path / "adapter_model.safetensors")
    else:
        make = lambda: models.create(models.find("mine", template.custom))  # noqa: E731
        paths = [tmp_path / task / "model.safetensors" for task in TASKS]
        for path in paths:
            path.parent.mkdir()
            published.state_dict(make, theta, path)
    request = asked(
        template,
        "task_arithmetic",
        tmp_path / "a.safetensors",
        results=None,
        vectors=paths,
        layout=name,
        alpha=0.25,
        wish={"model": "mine", "mode": None},
    )
    merged = export(request).merged
    assert merged.about["tasks"] == list(TASKS) and merged.about["mode"] == f"{name}-network"
    key = "transformer.resblocks.1.attn.in_proj_weight"
    expected = theta0[key].double() + 0.5 * (theta[key].double() - theta0[key].double())
    torch.testing.assert_close(merged.tower[key].double(), expected, rtol=0, atol=1e-7)
    first, second = (merged.about["vectors"][task] for task in TASKS)
    assert first == second, "they are digests of the vectors"


def test_a_method_that_looks_at_images_finds_them_in_the_results(template, tmp_path):
    merger = merging.find("adamerging", {"steps": 2})
    request = asked(template, "ties", tmp_path / "a.safetensors", alpha=1.0)
    about = export(Request(**{**vars(request), "merger": merger})).merged.about
    assert about["hyper_parameters"]["adamerging.steps"] == 2


def test_a_method_that_looks_at_heads_finds_probes_as_well(run, tmp_path):
    """A folder whose heads are probes: the same numbers at another place make the same model."""
    merger = merging.find("adamerging", {"steps": 2})

    def tower() -> dict[str, Tensor]:
        request = asked(run, "ties", tmp_path / "a.safetensors", alpha=1.0, force=True)
        return export(Request(**{**vars(request), "merger": merger})).merged.tower

    prompts = tower()
    heads = (run.root / layout.head("mine", "pretrained", "any")).parent
    probes = (run.root / layout.head("mine", "pretrained", "any", layout.PROBE)).parent
    probes.parent.mkdir(parents=True)
    heads.rename(probes)
    torch.testing.assert_close(tower(), prompts, rtol=0, atol=0)
    heads.mkdir()
    (heads / "one.safetensors").touch()
    with pytest.raises(ValueError, match="heads of prompts and of probes for 'mine'.*move away"):
        tower()
    export(asked(run, "ties", tmp_path / "b.safetensors", alpha=1.0))  # which looks at none


@pytest.mark.parametrize(
    ("alpha", "is_said"), [(0.3, False), (1.0, False), (1.5, True), (-1.0, True)]
)
def test_a_coefficient_outside_of_the_grid_is_taken_and_said(alpha, is_said, template, tmp_path):
    written = export(asked(template, "task_arithmetic", tmp_path / "a.safetensors", alpha=alpha))
    assert written.merged.about["alpha"] == alpha
    assert written.note == (
        f"α = {alpha:g} lies outside of the grid of 'task_arithmetic', 0 to 1, on which it would "
        "have been selected."
        if is_said
        else ""
    )


# What is refused, before anything is merged

SECOND = {"model": None, "mode": "standard-network"}
WRONG: dict[str, tuple[dict, str]] = {
    "no source": ({"results": None}, "either a results folder"),
    "two sources": ({"vectors": [Path("a")]}, "either a results folder"),
    "no folder": ({"results": Path("nowhere")}, "no folder nowhere"),
    "several modes": (
        {"wish": {"mode": None}},
        "2 kinds of models .mine, standard-network; mine, standard-tangent.; name one by --mode",
    ),
    "another mode": ({"wish": {"mode": "linear-tangent"}}, "nothing of mode 'linear-tangent'; the"),
    "another model": ({"wish": {"model": "tiny"}}, "nothing of model 'tiny', mode 'standard-n"),
    "another seed": ({"wish": {"seed": 3}}, r"no vectors of seed 3; it has seeds \[5\]"),
    "an unknown task": (
        {"wish": {"tasks": ["one", "twoo"]}, "alpha": 1.0},
        "vectors are there of one, two. Did you mean 'two'",
    ),
    "tasks without a selection": ({"wish": {"tasks": ["one"]}}, "For one no coefficient was sel"),
    "not finite": ({"alpha": float("nan")}, "alpha is nan"),
    "a format in a tangent mode": (
        {"format": "open_clip", "wish": {"mode": "standard-tangent"}},
        "f_lin.* which open_clip does not compute.*--mode standard-network",
    ),
    "a file for a folder": ({"format": "huggingface"}, "is to be a folder"),
    "a folder for a file": ({"out": "a"}, "ends in .safetensors"),
    "selected by name": (
        {"results": None, "vectors": [Path("a")], "wish": {"model": "mine"}},
        "give --results, or --alpha a number",
    ),
    "an unknown layout": (
        {
            "results": None,
            "vectors": [Path("a")],
            "layout": "peftt",
            "alpha": 1.0,
            "wish": {"model": "mine"},
        },
        "Unknown name 'peftt' in 'checkpoints'.*Did you mean 'peft'",
    ),
    "a layout of results": ({"layout": "peft"}, "leave --layout out"),
    "no model by name": (
        {"results": None, "vectors": [Path("a")], "alpha": 1.0},
        "give --model and no --tasks",
    ),
}


@pytest.fixture
def nothing_is_merged(monkeypatch):
    monkeypatch.setattr(_exporting._merged, "_terms", lambda *_: pytest.fail("it was merged"))


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_said_before_anything_is_merged(
    kind, template, tmp_path, nothing_is_merged
):
    further, words = WRONG[kind]
    out = tmp_path / further.get("out", "a.safetensors")
    further = {key: value for key, value in further.items() if key != "out"}
    with pytest.raises(ValueError, match=words) as caught:
        export(asked(template, "ties", out, **further))
    assert "\n" not in str(caught.value) and str(caught.value).endswith((".", "?"))
    assert not out.exists()


def test_a_method_without_outcomes_has_no_selected_coefficient(
    template, tmp_path, nothing_is_merged
):
    with pytest.raises(ValueError, match="no outcome of 'magmax'.*there are task_ar.*; run the"):
        export(asked(template, "magmax", tmp_path / "a.safetensors"))


def test_images_are_not_to_be_had_by_name(template, tmp_path, nothing_is_merged):
    request = asked(template, "fisher", tmp_path / "a", results=None, vectors=[Path("a")])
    with pytest.raises(ValueError, match="'fisher' looks at .* images.*--results"):
        export(request)


def test_what_is_there_stays(template, tmp_path, nothing_is_merged):
    file = tmp_path / "a.safetensors"
    file.write_text("mine")
    with pytest.raises(ValueError, match="is there; give --out another name.*--force"):
        export(asked(template, "ties", file))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes").write_text("mine")
    with pytest.raises(ValueError, match="is there; give --out another name.*--force"):
        export(asked(template, "ties", tmp_path / "b", format="huggingface"))
    inputs = [
        Path(template.custom["mine"]["weights"]),
        template.root / layout.vector("mine", "pretrained", "standard", "one", 5),
    ]
    for path in inputs:
        with pytest.raises(ValueError, match="is read for this model"):
            export(asked(template, "ties", path, force=True))
    assert file.read_text() == "mine"


def test_what_is_there_is_replaced_on_demand(template, tmp_path):
    file = tmp_path / "a.safetensors"
    file.write_text("mine")
    export(asked(template, "ties", file, force=True))
    assert artefacts.load(file, "merged model")[1]["method"] == "ties"


def test_vectors_of_two_pretrainings_are_refused(run, tmp_path, nothing_is_merged):
    path = run.root / layout.vector("mine", "pretrained", "standard", "two", 5)
    arrays, about = artefacts.load(path, "vector")
    save_vector(run.root, "two", arrays, "another θ0")
    with pytest.raises(ValueError, match="were fine-tuned from different weights θ0"):
        export(asked(run, "ties", tmp_path / "a.safetensors", alpha=0.5))
    for task in TASKS:
        save_vector(run.root, task, arrays, "another θ0")
    with pytest.raises(ValueError, match="from other weights than those of 'mine' .pretrained. a"):
        export(asked(run, "ties", tmp_path / "a.safetensors", alpha=0.5))


def test_two_vectors_of_one_task_are_refused(template, tmp_path, nothing_is_merged):
    path = template.root / layout.vector("mine", "pretrained", "standard", "one", 5)
    further = {"results": None, "vectors": [path, path], "alpha": 0.5, "wish": {"model": "mine"}}
    with pytest.raises(ValueError, match="are both vectors of 'one'"):
        export(asked(template, "ties", tmp_path / "a.safetensors", **further))


@pytest.mark.parametrize("name", ["huggingface", "fusionbench"])
def test_an_architecture_that_transformers_lacks_is_refused(name, tmp_path, nothing_is_merged):
    config = {**small.CONFIG, "vision_cfg": {**small.CONFIG["vision_cfg"], "pool_type": "avg"}}
    file = tmp_path / "test-average.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    model = models.Model("Average", file.stem, None, config=str(file))
    clip = models.create(model, "random", 3)
    ingredients = type("Parts", (), {"clip": clip, "model": model, "vectors": {}})
    with pytest.raises(ValueError, match="test-average has no counterpart.*--format open_clip"):
        _formats.NETWORKS[name].require(ingredients)
    _formats.NETWORKS["open_clip"].require(ingredients)


# The command


@pytest.fixture
def call(monkeypatch, run, tmp_path):
    """`tangent-bench merge` for the model of the run, in its folder."""
    monkeypatch.setattr(_process, "prepare", lambda: None)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"custom_models": run.custom}), encoding="utf-8")
    words = ["merge", "--configfile", str(file)]
    return lambda *more: CliRunner().invoke(cli.app, [*words, *map(str, more)])


def test_formats_of_the_command_are_those_that_there_are():
    assert [each.value for each in _merging.Format] == list(_formats.NETWORKS)


def test_the_command_says_what_it_wrote_and_how_to_load_it(call, run):
    of_run = "task_arithmetic", "--results", run.root, "--mode", "standard-network"
    done = call(*of_run, "--out", "a.safetensors")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    alpha = artefacts.load("a.safetensors", "merged model")[1]["alpha"]
    first, _, *usage = done.stdout.splitlines()
    assert first == (
        f"a.safetensors: mine, 2 vectors (one, two) merged by task_arithmetic, α = {alpha:g}, "
        "selected on validation images; Non-lin. FT (standard-network), seed 5."
    )
    program = "\n".join(line.removeprefix("    ") for line in usage)
    namespace: dict[str, Any] = {}
    exec(compile(program, "usage", "exec"), namespace)
    assert namespace["model"].visual.proj.shape == (16, 6)
    again = call(*of_run, "--out", "a.safetensors")
    assert again.exit_code == 2 and again.stderr.startswith("Error: a.safetensors is there;")


def test_the_command_in_json_and_with_files(call, run):
    files = [run.root / layout.vector("mine", "pretrained", "standard", task, 5) for task in TASKS]
    done = call(
        *("ties", "--set", "keep=0.4", "--alpha", "9", "--model", "mine", "--json"),
        *("--mode", "standard-tangent", "--out", "b.safetensors", "--vectors", *files),
    )
    assert done.exit_code == 0, done.output
    assert "outside of the grid of 'ties-" in done.stderr and "0 to 3" in done.stderr
    said = json.loads(done.stdout)
    assert (said["out"], said["alpha"], said["tasks"]) == ("b.safetensors", 9.0, list(TASKS))
    assert 'load_tangent("b.safetensors")' in said["usage"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tiess", "--alpha", "1"), "Did you mean 'ties'?"),
        (("ties", "--alpha", "chosen"), "--alpha 'chosen' cannot be read; expected 'selected'"),
        (("ties", "--set", "keep=2"), "'ties.keep' is 2"),
        (("ties", "--mode", "standard"), "nothing of mode 'standard'"),
    ],
)
def test_the_command_refuses_in_one_sentence(words, said, call, run):
    done = call(*words, "--results", run.root, "--out", "a.safetensors")
    assert done.exit_code == 2 and done.stderr.startswith("Error: ") and said in done.stderr
    assert done.stderr.count("\n") == 1
