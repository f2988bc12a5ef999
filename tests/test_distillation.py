"""The text tower is a student: targets and loss by hand, what it reads, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tangent_bench import corpus, models, registry
from tangent_bench.finetuning import distillation
from tangent_bench.finetuning.distillation import Distillation
from tangent_bench.seeds import generator
from tests import small

RECIPE = Distillation(
    seed=3,
    families={"glyphs": 1, "icons": 2},
    num_captions=40,
    steps=80,
    batch_size=30,
    shares=(0.5, 0.3, 0.2),
    learning_rate=1e-2,
    weight_decay=0.0,
    warmup_steps=5,
    precision="float32",
)
WORDS = ("dog", "cat", "tree", "house", "river", "cloud")


def teach(texts, precision):
    """A sentence is the sum of random directions of its letters, about a common mean."""
    letters = generator("letters").normal(size=(128, 9))
    found = np.array([letters[[ord(c) for c in text]].mean(0) for text in texts]) + 0.5
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_targets_are_the_principal_coordinates():
    rng = generator("embeddings")
    first = (rng.normal(size=(50, 7)) * np.arange(1, 8) + 3).astype(np.float32)
    second = rng.normal(size=(4, 7)).astype(np.float32)
    found = distillation.targets([first, second], 3)
    mean = first.astype(np.float64).mean(0)
    _, _, rows = np.linalg.svd(first - mean)
    for group, given in zip(found, (first, second), strict=True):
        expected = (given - mean) @ rows[:3].T
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        signs = np.sign((group * expected).sum(0))
        np.testing.assert_allclose(group * signs, expected, atol=1e-5)


def test_all_directions_keep_every_angle_about_the_mean():
    given = generator("angles").normal(size=(20, 5)).astype(np.float32)
    (found,) = distillation.targets([given], 5)
    centred = given - given.mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, centred @ centred.T, atol=1e-5)


def test_features_are_what_open_clip_projects(clip_folder):
    model = small.clip_model(clip_folder)
    network = models.create(model, "random", 5)
    tokens = models.tokenizer(model)(["a", "a dog on a red field", "", "the small letter g " * 9])
    with torch.no_grad():
        for some in (tokens, tokens[:1]):
            found = distillation.features(network, some) @ network.text_projection
            torch.testing.assert_close(found, network.encode_text(some), atol=1e-5, rtol=1e-5)


def test_a_student_learns_what_its_teacher_says(clip_folder):
    model = small.clip_model(clip_folder)
    groups = [[f"a {w}" for w in WORDS], [f"the {w}s" for w in WORDS], [f"no {w}" for w in WORDS]]
    first = distillation.distil(replace(RECIPE, steps=1, warmup_steps=1), model, groups, teach)
    made = distillation.distil(RECIPE, model, groups, teach)
    assert made.losses[0] == first.losses[0]
    assert made.losses[-10:].mean() < 0.3 * made.losses[0]
    assert min(made.agreement) > 0.7 > np.mean(first.agreement) + 0.2
    again = distillation.distil(RECIPE, model, groups, teach)
    assert all(np.array_equal(value, made.weights[name]) for name, value in again.weights.items())
    assert {value.dtype for value in made.weights.values()} == {np.dtype(np.float16)}


def test_the_loss_is_one_minus_the_cosine(clip_folder):
    """Of the first step, on one text, whose target is known."""
    model = small.clip_model(clip_folder)
    groups = [["a dog", "a cat", "a tree"], ["two dogs"], ["no dogs"]]
    recipe = replace(RECIPE, steps=1, batch_size=1, shares=(0, 0, 1))
    given = [teach(texts, "float32") for texts in groups]
    made = distillation.distil(
        recipe, model, groups, lambda texts, _: given[groups.index(list(texts))]
    )
    network = models.create(model, "random", distillation.derive("text tower", recipe.seed) % 2**31)
    with torch.no_grad():
        said = network.encode_text(models.tokenizer(model)(groups[2]))[0].numpy()
    _, _, target = distillation.targets(given, 6)
    cosine = said @ target[0] / np.linalg.norm(said)
    assert made.losses[0] == pytest.approx(1 - cosine, abs=1e-5)


def test_counts_fill_the_batch():
    for shares, size in (((0.5, 0.25, 0.25), 512), ((0.3, 0.3, 0.4), 7)):
        counts = distillation._counts(replace(RECIPE, shares=shares, batch_size=size))
        assert sum(counts) == size
        for count, share in zip(counts, shares, strict=True):
            assert abs(count - share * size) < 2


def test_captions_are_those_of_the_corpus_without_drawing():
    found = distillation.captions(RECIPE)
    assert found == sorted(set(found)) and 20 < len(found) <= 40
    for index in range(20):
        picture = corpus.sample(3, index, RECIPE.families)
        assert corpus.phrase(3, index, RECIPE.families) == picture.phrase


def test_words_and_prompts_are_what_their_sentences_say():
    words = distillation.words(["dog", "##ing", "of", "Dog", "7up", "zebra"], 0)
    assert {"dog", "zebra", "goldfish"} <= set(words)
    assert not {"##ing", "of", "Dog", "7up"} & set(words)
    prompts = set(distillation.prompts())
    mnist = registry.load("tasks", "mnist").TASK
    for template in mnist.templates:
        assert template.format(mnist.class_names[3]) in prompts
    assert not any("goldfish" in prompt for prompt in prompts)


def test_a_text_tower_of_another_architecture_is_one_sentence(clip_folder, tmp_path):
    small.text_tower(clip_folder, tmp_path / "text")
    network = models.create(models.find("tiny"), "random")
    with pytest.raises(ValueError, match="text tower of another architecture than this model's"):
        distillation.load_into(network, tmp_path / "text")
