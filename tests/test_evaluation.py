"""Both evaluators against one image at a time, with the head as the paper writes it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from tangent_bench.images.pictures import prepare_images
from tangent_bench.measuring.evaluation import NetworkEvaluator, TangentEvaluator
from tangent_bench.tangent import features
from tangent_bench.tangent.linearize import encode, encode_linearized
from tests import small

POINTS = [
    {},
    {"a": 1.0},
    {"b": 0.4},
    {"a": -1.0},
    {"a": 0.7, "b": -1.3},
    {"b": 0.0, "a": 0.0},
    {"both": 1.0},
]
NUM_IMAGES = 40


class World:
    """Two tasks with images and heads of their own, and vectors that change predictions; float32 as
    in use.
    """

    def __init__(self) -> None:
        self.network = small.Curved().float()
        self.theta0 = {k: v.clone() for k, v in self.network.named_parameters()}
        self.vectors = {s: small.direction(self.theta0, s, size=0.5) for s in ("a", "b", "both")}
        self.inputs = {
            (t, s): small.normal("inputs", t, s, shape=(NUM_IMAGES, 3, 2, 2)).float()
            for t in ("one", "two")
            for s in ("val", "test")
        }
        self.heads = {
            t: 30 * normalize(small.normal("head", t, shape=(k, 5)), dim=1).float()
            for t, k in (("one", 4), ("two", 7))
        }

    def theta(self, point):
        theta = {k: v.clone() for k, v in self.theta0.items()}
        for source, coefficient in point.items():
            theta = {k: theta[k] + coefficient * self.vectors[source][k] for k in theta}
        return theta

    def brute_force(self, encoder, task, split, point):
        """Class and margin over the runner-up of every image, by cosines with the head's rows."""
        classes, margins = [], []
        for image in self.inputs[task, split]:
            embedding = encoder(self.theta(point), image[None])[0]
            cosines = [
                float(embedding @ h / (embedding.norm() * h.norm())) for h in self.heads[task]
            ]
            ranked = sorted(cosines)
            classes.append(cosines.index(ranked[-1]))
            margins.append(ranked[-1] - ranked[-2])
        return np.array(classes), np.array(margins)

    def linearized(self, theta, images):
        return encode_linearized(self.network, self.theta0, theta, images)

    def straight(self, theta, images):
        return encode(self.network, theta, images)

    def network_evaluator(self, encoder, batch_size=16, base=None):
        return NetworkEvaluator(
            encoder,
            self.theta0,
            self.vectors,
            lambda t: self.heads[t].numpy(),
            lambda t, s: self.inputs[t, s],
            batch_size,
            base=base,
        )

    def base(self, task, split):
        return features.base(self.network, self.theta0, self.inputs[task, split], 16)

    def tangent_evaluator(self):
        def change(task, split, source):
            return features.changes(
                self.network, self.theta0, [self.vectors[source]], self.inputs[task, split], 16
            )[0]

        return TangentEvaluator(self.base, change, lambda t: self.heads[t].numpy())


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.mark.parametrize("task", ["one", "two"])
@pytest.mark.parametrize("kind", ["tangent", "network"])
def test_predictions_are_those_of_one_image_at_a_time(world, kind, task):
    encoder = world.linearized if kind == "tangent" else world.straight
    evaluator = world.tangent_evaluator() if kind == "tangent" else world.network_evaluator(encoder)
    seen = set()
    for split in ("val", "test"):
        found = evaluator.predict(task, split, POINTS)
        assert found.dtype == np.uint16 and found.shape == (len(POINTS), NUM_IMAGES)
        for row, point in zip(found, POINTS, strict=True):
            expected, margins = world.brute_force(encoder, task, split, point)
            sure = margins > 1e-4
            assert sure.mean() > 0.9
            assert (row[sure] == expected[sure]).all(), point
            seen.add(row.tobytes())
    # Else a wrong sign or coefficient could pass: {} and the zeros are one, all others differ.
    assert len(seen) == 2 * (len(POINTS) - 1)


def test_tangent_evaluator_is_the_network_evaluator_of_the_expansion(world):
    tangent, network = world.tangent_evaluator(), world.network_evaluator(world.linearized)
    for task in ("one", "two"):
        assert (
            tangent.predict(task, "test", POINTS) != network.predict(task, "test", POINTS)
        ).mean() < 0.01


@pytest.mark.parametrize("kind", ["tangent", "network"])
def test_coefficient_zero_is_zero_shot_to_the_last_image(world, kind):
    evaluator = (
        world.tangent_evaluator() if kind == "tangent" else world.network_evaluator(world.straight)
    )
    plain, zero, mixed = evaluator.predict(
        "one", "test", [{}, {"a": 0.0, "b": -0.0}, {"b": np.float64(0.0)}]
    )
    assert np.array_equal(plain, zero) and np.array_equal(plain, mixed)
    other = (
        world.tangent_evaluator() if kind == "network" else world.network_evaluator(world.straight)
    )
    assert np.array_equal(plain, other.predict("one", "test", [{}])[0]), (
        "θ0 is one model, whatever evaluates it"
    )


def test_stored_features_answer_at_theta0_and_only_there(world):
    asked = []

    def encoder(theta, images):
        asked.append(theta)
        return world.straight(theta, images)

    known = world.network_evaluator(encoder, base=world.base).predict(
        "one", "test", POINTS, limit=9
    )
    away = [world.theta(point) for point in POINTS if any(point.values())]
    for a, b in zip(asked, away, strict=True):
        torch.testing.assert_close(a, b)
    assert np.array_equal(
        known, world.network_evaluator(world.straight).predict("one", "test", POINTS, limit=9)
    )
    other = world.network_evaluator(encoder, base=lambda task, split: -world.base(task, split))
    assert not np.array_equal(other.predict("one", "test", [{}], limit=9), known[:1])


def test_one_vector_at_coefficient_one_predicts_as_its_checkpoint(world):
    checkpoint = world.theta({"a": 1.0})
    expected = (
        encode(world.network, checkpoint, world.inputs["one", "test"]) @ world.heads["one"].T
    ).argmax(1)
    found = world.network_evaluator(world.straight).predict("one", "test", [{"a": 1.0}])[0]
    assert np.array_equal(found, expected.numpy())


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_batches_change_nothing(world, batch_size):
    whole = world.network_evaluator(world.straight).predict("two", "val", POINTS)
    assert np.array_equal(
        world.network_evaluator(world.straight, batch_size).predict("two", "val", POINTS), whole
    )


def test_asking_again_gives_the_same(world):
    evaluator = world.tangent_evaluator()
    first = evaluator.predict("one", "val", POINTS)
    evaluator.predict("two", "test", POINTS[::-1])
    assert np.array_equal(evaluator.predict("one", "val", POINTS[::-1]), first[::-1])


@pytest.mark.parametrize("kind", ["tangent", "network"])
def test_embeddings_are_those_of_one_image_at_a_time(world, kind):
    encoder = world.linearized if kind == "tangent" else world.straight
    evaluator = world.tangent_evaluator() if kind == "tangent" else world.network_evaluator(encoder)
    found = list(evaluator.embeddings("two", "val", POINTS, limit=17))
    assert len(found) == len(POINTS)
    for embedding, point in zip(found, POINTS, strict=True):
        images = world.inputs["two", "val"][:17]
        expected = torch.cat([encoder(world.theta(point), image[None]) for image in images])
        np.testing.assert_allclose(embedding, expected.numpy(), atol=1e-5)
    assert np.array_equal(found[0], found[5]), "all coefficients 0"
    assert np.abs(found[1] - found[0]).max() > 0.1


def test_embeddings_at_theta0_come_from_the_same_passes_as_at_other_points(world):
    """Or the rounding between two encoders, and between stored and fresh, would be a change."""

    def fast(theta, images):
        return world.straight(theta, images) * (1 + 1e-3)

    evaluator = NetworkEvaluator(
        world.straight,
        world.theta0,
        {"still": {k: torch.zeros_like(v) for k, v in world.theta0.items()}},
        lambda t: world.heads[t].numpy(),
        lambda t, s: world.inputs[t, s],
        16,
        fast=fast,
        base=lambda task, split: pytest.fail("the stored ones are of another encoder"),
    )
    start, moved = evaluator.embeddings("one", "test", [{}, {"still": 1.0}])
    assert np.array_equal(start, moved)
    np.testing.assert_allclose(start, (1 + 1e-3) * world.base("one", "test"), rtol=1e-5)


def test_a_small_change_is_not_lost_beside_the_embedding_in_the_tangent_space(world):
    evaluator = world.tangent_evaluator()
    start, moved = evaluator.embeddings("one", "test", [{}, {"a": 1e-6}])
    whole = next(evaluator.embeddings("one", "test", [{"a": 1.0}]))
    assert start.dtype == np.float64
    np.testing.assert_allclose((moved - start) / 1e-6, whole - start, rtol=1e-6, atol=1e-9)


MEAN, STD = (0.5, 0.25, 0.0), (0.5, 0.25, 2.0)


def test_images_of_the_right_size_are_only_normalised():
    images = small.pixels(2, 4, "prepare")
    found = prepare_images(images, 4, MEAN, STD)
    assert found.shape == (2, 3, 4, 4) and found.dtype == torch.float32
    for c in range(3):
        expected = (images[..., c].astype(np.float64) / 255 - MEAN[c]) / STD[c]
        np.testing.assert_allclose(found[:, c].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(48, 48), (16, 16), (36, 60), (60, 36)])
def test_other_images_are_resized_and_cropped_as_pillow_does(height, width):
    blocks = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    smooth = np.array(Image.fromarray(blocks).resize((width, height), Image.BICUBIC))
    size = 24
    scale = size / min(height, width)
    resized = Image.fromarray(smooth).resize(
        (round(width * scale), round(height * scale)), Image.BICUBIC
    )
    left, top = (resized.width - size) // 2, (resized.height - size) // 2
    expected = (
        np.asarray(resized.crop((left, top, left + size, top + size)), dtype=np.float64) / 255
    )
    found = prepare_images(smooth[None], size, (0, 0, 0), (1, 1, 1))[0].permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() < 2 / 255
