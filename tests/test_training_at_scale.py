"""Batches in pieces, reduced precision, and training that was cut off and goes on."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from tangent_bench.finetuning import step
from tangent_bench.finetuning.loop import finetune
from tangent_bench.finetuning.saving import Saving
from tangent_bench.finetuning.step import Part, pieces
from tangent_bench.store import artefacts
from tests import small
from tests.test_loop import RECIPE, SEED, SIDE, distance, encoder, normalise, source, start, train

PIECES = replace(RECIPE, batch_size=7, micro_batch_size=3)


def parts(*sizes: int) -> list[Part]:
    return [Part(torch.arange(n).float(), torch.arange(n), torch.zeros(2, 2)) for n in sizes]


def test_pieces_are_no_larger_than_asked_and_hold_every_image_once():
    found = pieces(parts(7), PIECES)
    assert [len(part.labels) for (part,) in found] == [3, 2, 2]
    assert torch.cat([part.images for (part,) in found]).tolist() == list(range(7))
    assert [part.weight for (part,) in found] == pytest.approx([3 / 7, 2 / 7, 2 / 7])
    whole = parts(7)
    assert pieces(whole, replace(PIECES, micro_batch_size=None)) == [whole]
    assert pieces(whole, replace(PIECES, micro_batch_size=7)) == [whole]
    assert [part.weight for (part,) in pieces(parts(7), replace(PIECES, accumulation="sum"))] == [
        1.0
    ] * 3


@pytest.mark.parametrize("names", [("stripes",), ("stripes", "dots")])
def test_pieces_add_up_to_the_gradient_of_the_whole_batch(names):
    """Seven images or three of each task, in unequal pieces."""
    sources = [source(name) for name in names]
    whole, losses = train(sources, replace(PIECES, micro_batch_size=None, clip_norm=0.05))
    cut, same = train(sources, replace(PIECES, clip_norm=0.05))
    assert distance(whole, cut) < 1e-7 and losses == pytest.approx(same, rel=1e-6)


def test_the_official_sum_is_the_number_of_pieces_times_the_mean():
    """With equal pieces: the same after Adam, which forgets a factor, but not after clipping at a
    length between.
    """
    equal = replace(PIECES, batch_size=6, steps=3)
    mean, losses = train(recipe=equal)
    summed, same = train(recipe=replace(equal, accumulation="sum"))
    assert distance(mean, summed) < 1e-5 and losses[0] == pytest.approx(same[0], rel=1e-9)
    frozen = replace(equal, steps=1, warmup_steps=0)

    def gradient_norm(recipe):
        norms = []
        original = step.clip_grad_norm_
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(step, "clip_grad_norm_", lambda p, n: norms.append(original(p, n)))
            train(recipe=recipe)
        return float(norms[0])

    assert gradient_norm(replace(frozen, accumulation="sum")) == pytest.approx(
        2 * gradient_norm(frozen), rel=1e-6
    )


def test_more_pieces_than_images_of_a_task_are_refused():
    with pytest.raises(
        ValueError,
        match="micro_batch_size 2 cuts a batch of 6 images into 3 pieces.*only 2 of them",
    ):
        train([source("a"), source("b"), source("c")], replace(RECIPE, micro_batch_size=2))


@pytest.mark.parametrize("key", ["accumulation", "precision"])
def test_unknown_words_are_refused(key):
    with pytest.raises(ValueError, match=f"training.{key} is 'half', expected one of"):
        train(recipe=replace(RECIPE, **{key: "half"}))


class CutOff(Exception):
    pass


def until(step: int):
    """The encoder, which gives up at a step."""
    seen = []

    def give_up(theta, images):
        seen.append(len(images))
        if len(seen) > step:
            raise CutOff
        return encoder(theta, images)

    return give_up


def kept(path, key="one", every=0.0) -> Saving:
    return Saving(path, {"recipe": key}, every)


def go(saving, model=encoder, theta0=None, recipe=RECIPE):
    return finetune(
        model, theta0 or start(), [source(), source("dots")], recipe, SEED, normalise, SIDE, saving
    )


@pytest.mark.parametrize("step", [0, 1, 3, 4])
@pytest.mark.parametrize("decay", ["zero", "initialisation"])
def test_what_was_cut_off_goes_on_to_the_same_bits(tmp_path, step, decay, caplog):
    recipe, file = (
        replace(RECIPE, decay_towards=decay, clip_norm=0.1),
        tmp_path / "state.safetensors",
    )
    whole, losses = go(None, recipe=recipe)
    with pytest.raises(CutOff):
        go(kept(file), until(step), recipe=recipe)
    counted = []
    with caplog.at_level(logging.INFO):
        theta, same = go(
            kept(file), lambda t, x: (counted.append(1), encoder(t, x))[1], recipe=recipe
        )
    assert len(counted) == RECIPE.steps - step, "what is done is not done again"
    assert ("taken up after step" in caplog.text) is (step > 0)
    assert same == losses and all(torch.equal(theta[k], whole[k]) for k in whole)


def test_a_finished_run_is_only_read(tmp_path):
    file = tmp_path / "state.safetensors"
    whole, losses = go(kept(file))
    theta, same = go(kept(file), until(0))
    assert same == losses and all(torch.equal(theta[k], whole[k]) for k in whole)
    kept(file).drop()
    assert not file.exists()
    kept(file).drop()


def test_it_is_saved_only_now_and_then(tmp_path):
    go(kept(tmp_path / "state.safetensors", every=60.0))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["other run", "truncated", "flipped", "other kind"])
def test_what_cannot_be_taken_up_is_said_and_training_begins_anew(tmp_path, caplog, damage):
    file = tmp_path / "state.safetensors"
    with pytest.raises(CutOff):
        go(kept(file), until(3))
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[-5] ^= 1
        file.write_bytes(content)
    elif damage == "other kind":
        artefacts.save(file, "vector", {"x": np.zeros(1)})
    with caplog.at_level(logging.INFO):
        theta, losses = go(kept(file, "two" if damage == "other run" else "one"))
    assert "begins anew" in caplog.text and str(file) in caplog.text
    whole, same = go(None)
    assert losses == same and all(torch.equal(theta[k], whole[k]) for k in whole)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("training", ["standard", "linear"])
def test_reduced_precision_is_near_and_keeps_weights_in_float32(
    tmp_path, precision, training, monkeypatch, caplog
):
    from tangent_bench import registry
    from tangent_bench.tangent import linearize, products

    products.say_if_slow.cache_clear()
    monkeypatch.setattr(products, "knows", lambda precision: precision == "float32")

    network = small.vit(tmp_path, torch.float32)
    theta0 = linearize.parameters(network)
    model = registry.load("training", training).encoder(network, theta0)
    about = small.normal("head", shape=(3, 6)).float()
    sources = [replace(source(), images=small.pixels(20, 32, "x"), head=about)]
    recipe = replace(RECIPE, learning_rate=1e-3, clip_norm=1.0, precision=precision)

    def run(recipe):
        return finetune(model, theta0, sources, recipe, SEED, lambda x: x * 2 - 1, 32)

    full, exact = run(replace(recipe, precision="float32"))
    assert "no instructions" not in caplog.text
    reduced, near = run(recipe)
    assert f"no instructions for {precision}" in caplog.text
    products.say_if_slow.cache_clear()
    assert near == pytest.approx(exact, rel=0.05) and near != exact, (
        "another precision was really used"
    )
    assert all(value.dtype == torch.float32 for value in reduced.values())
    moved = {k: full[k] - theta0[k] for k in full}
    off = sum(float((reduced[k] - full[k]).square().sum()) for k in full) ** 0.5
    assert off < 0.5 * sum(float(v.square().sum()) for v in moved.values()) ** 0.5
