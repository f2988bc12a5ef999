"""A results folder: what does not belong together is refused, and what does comes back as it was
written.
"""

from __future__ import annotations

import shutil
from itertools import product

import numpy as np
import pytest
import torch

from tangent_bench import models
from tangent_bench.experiments import single_task
from tangent_bench.experiments._opening import study
from tangent_bench.measuring.results import Results
from tangent_bench.models._tower import image_tower
from tangent_bench.seeds import derive
from tangent_bench.store import artefacts, layout
from tangent_bench.store.layout import Mode
from tangent_bench.tangent.linearize import encode, encode_linearized
from tests import small
from tests.results_folder import CONFIG, NUM, TASKS, fill, own_model, save_vector


@pytest.fixture(scope="module")
def custom(tmp_path_factory):
    return own_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def template(tmp_path_factory, custom):
    root = tmp_path_factory.mktemp("template")
    return root, *fill(root, custom)


@pytest.fixture
def filled(tmp_path, custom, template):
    root, tower, tau = template
    shutil.copytree(root, tmp_path / "results")
    return Results(tmp_path / "results", "mine", "pretrained", 5, custom), tower, tau


@pytest.mark.parametrize("mode", ["none-network", "standard-network", "standard-tangent"])
def test_study_of_files_is_the_brute_force_of_its_mode(filled, mode):
    results, tower, tau = filled
    made = study(results, "single_task", Mode.parse(mode), CONFIG)
    single_task.run(made)
    encoder = {
        "network": encode,
        "tangent": lambda n, t, x: encode_linearized(n, tower.theta0, t, x),
    }
    evaluation = mode.split("-")[1]
    for source, task in ((s, t) for s in TASKS for t in TASKS):
        theta = tower.theta0 if mode.startswith("none") else small.moved(tower.theta0, tau[source])
        embeddings = encoder[evaluation](
            tower.module, theta, results.prepared(task, "test").tensor()
        )
        classes = (embeddings @ torch.from_numpy(results.head(task)).T).argmax(1).numpy()
        expected = float((classes == results.labels(task, "test").labels).mean())
        where = "" if mode.startswith("none") else source
        rows = [
            r
            for r in made.rows
            if (r.metric, r.sources, r.task, r.split) == ("accuracy", where, task, "test")
        ]
        assert [r.value for r in rows] == pytest.approx([expected])


def test_a_job_over_initialisations_reads_what_each_left(tmp_path, template, custom):
    root, inits = tmp_path / "results", ("whole-1", "pretrained")
    shutil.copytree(template[0], root)
    (root / layout.base("mine", "pretrained", "one")).parent.rename(
        root / "base/mine/whole-1"
    )  # labels of the first
    for number, (init, name) in enumerate(product(inits, ("task_addition", "disentanglement"))):
        left = {"replicates/x": np.array([float(number)]), "predictions/y": np.zeros((1, 1))}
        path = root / layout.outcome(name, "mine", init, "linear-tangent", 5, "safetensors")
        artefacts.save(path, "outcome", left)
    results, mode = Results(root, "mine", layout.EVERY, 5, custom), Mode.parse("linear-tangent")
    settings = CONFIG | {"inits": list(inits), "disentanglement": {"pairs": []}}
    made = study(results, "pretraining_ablation", mode, settings)
    keys = [("task_addition", "whole-1"), ("disentanglement", "whole-1")]
    keys += [("task_addition", "pretrained"), ("disentanglement", "pretrained")]
    assert {key: found["x"].item() for key, found in made.others.items()} == dict(
        zip(keys, range(4), strict=True)
    )
    assert all(set(found) == {"x"} for found in made.others.values())
    assert made.labels("one", "val").labels.tolist() == (np.arange(NUM) % 4).tolist()


def test_heads_are_those_of_the_text_tower_that_goes_with_the_initialisation(filled):
    results, _, _ = filled
    own = np.ones((4, 6), np.float32)
    artefacts.save(results.root / layout.head("mine", "whole-3", "one"), "head", {"head": own})
    assert np.array_equal(results.at("whole-3").head("one"), own)
    assert (
        np.array_equal(results.at("step-3").head("one"), results.head("one"))
        and (results.head("one") != own).any()
    )


def test_vector_of_other_weights_is_refused(filled):
    results, tower, tau = filled
    save_vector(results.root, "one", {k: v.numpy() for k, v in tau["one"].items()}, "0" * 64)
    with pytest.raises(
        ValueError,
        match=r"one/seed-5\.safetensors was made from other weights of 'mine'.*delete it",
    ):
        results.vector("standard", "one")


@pytest.mark.parametrize("kind", ["missing", "extra", "transposed"])
def test_vector_that_does_not_fit_the_model_is_refused(filled, kind):
    results, tower, tau = filled
    vector = {k: v.numpy() for k, v in tau["one"].items()}
    if kind == "missing":
        del vector["proj"]
    elif kind == "extra":
        vector["bias"] = np.zeros(2, np.float32)
    else:
        vector["proj"] = vector["proj"].T
    save_vector(results.root, "one", vector, tower.digest)
    key = {
        "missing": "lacks key 'proj'",
        "extra": "lacks key 'bias'",
        "transposed": "Key 'proj' has shape",
    }[kind]
    with pytest.raises(ValueError, match=f"{key}.*same model"):
        results.vector("standard", "one")


def test_features_of_other_weights_or_without_the_source_are_refused(filled):
    results, tower, _ = filled
    path = results.root / layout.features("mine", "pretrained", "standard", "one", 5)
    with pytest.raises(ValueError, match="has no features of 'three'; it has one, two"):
        results.change("standard", "one", "val", "three")
    tensors, _ = artefacts.load(path, "features")
    artefacts.save(path, "features", tensors, theta0="0" * 64, vectors=list(TASKS))
    fresh = Results(results.root, "mine", "pretrained", 5, results._custom_models)
    with pytest.raises(ValueError, match="made from other weights of 'mine' than f0; delete it"):
        fresh.change("standard", "one", "val", "two")


def test_probes_are_read_where_they_lie_and_belong_to_the_theta0_of_f0(filled):
    results, _, _ = filled
    probed = Results(results.root, "mine", "pretrained", 5, results._custom_models, heads="probe")
    head = np.eye(4, 6, dtype=np.float32)
    path = layout.head("mine", "pretrained", "one", layout.PROBE)
    artefacts.save(results.root / path, "head", {"head": head})
    assert np.array_equal(probed.head("one"), head)
    assert not np.array_equal(results.head("one"), head)
    probed.require_current("one")
    base = results.root / layout.base("mine", "pretrained", "one")
    tensors, about = artefacts.load(base, "base features")
    facts = {"num_classes": about["num_classes"], "images": about["images"], "theta0": "0" * 64}
    artefacts.save(base, "base features", tensors, **facts)
    fresh = probed.at("pretrained")
    assert np.array_equal(fresh.head("one"), head)
    with pytest.raises(ValueError, match="one.safetensors was made from other weights of 'mine'"):
        fresh.require_current("one")


def test_damaged_vector_reaches_no_experiment(filled):
    results, _, _ = filled
    path = results.root / layout.vector("mine", "pretrained", "standard", "two", 5)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(artefacts.DamagedFile, match="two/seed-5.safetensors is damaged"):
        study(results, "task_addition", Mode.parse("standard-network"), CONFIG)


def test_random_tower_is_one_for_all_fine_tuning_seeds(tmp_path, custom):
    first, second = (Results(tmp_path, "mine", "random", seed, custom).network for seed in (0, 1))
    assert first.digest == second.digest
    assert first.digest != Results(tmp_path, "mine", "pretrained", 0, custom).network.digest
    seed = derive("random init", "test-small", 0) % 2**31
    expected = models.create(models.find("mine", custom), "random", seed).visual.state_dict()
    assert all(torch.equal(v, expected[k]) for k, v in first.theta0.items())


def test_tower_normalises_as_it_prepares(custom):
    tower = image_tower(models.find("mine", custom), "pretrained", 0)
    images = small.pixels(2, 32, "tower")
    plain = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    torch.testing.assert_close(tower.normalise(plain), tower.prepare(images).tensor())
    assert tower.inputs.mean == pytest.approx((0.48145466, 0.4578275, 0.40821073)), "CLIP's"
