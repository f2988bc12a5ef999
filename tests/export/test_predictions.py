"""Merged models predict what the outcomes of the experiments say, loaded by the libraries that
they are for.
"""

from __future__ import annotations

import pytest
import torch

from tangent_bench.export import export, load_tangent
from tangent_bench.store import layout, rows
from tests import small
from tests.export.merged_run import METHODS, MODES, asked, classes, of_open_clip, predicted
from tests.results_folder import CONFIG, TASKS


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
