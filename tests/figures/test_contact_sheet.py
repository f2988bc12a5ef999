"""The contact sheet shows images of each class where it says so."""

import numpy as np
import pytest

from tangent_bench.figures._contact_sheet import (
    BLOCK,
    EXAMPLES,
    GAP,
    HEADING,
    MARGIN,
    NAME,
    SIDE,
    sheet,
)


def images(num_classes, each=10):
    labels = np.tile(np.arange(num_classes), each)
    pixels = np.broadcast_to(
        (labels * 20 + 10).astype(np.uint8)[:, None, None, None], (len(labels), 8, 8, 3)
    )
    return np.ascontiguousarray(pixels), labels


def test_each_class_has_its_own_images_below_its_name():
    pixels, labels = images(4)
    picture = np.asarray(sheet(pixels, labels, ["a", "b", "c", "d"], "Four"))
    for k in range(4):
        left, top = k // 2 * BLOCK[0] + MARGIN, HEADING + k % 2 * BLOCK[1] + NAME
        for i in range(EXAMPLES):
            x = left + i * (SIDE + GAP)
            assert (picture[top : top + SIDE, x : x + SIDE] == 20 * k + 10).all()


def test_long_names_stay_in_their_column_and_empty_classes_empty():
    pixels, labels = images(2)
    picture = np.asarray(sheet(pixels, labels, ["word " * 60, "b", "nothing of this"], "Three"))
    assert (picture[HEADING : HEADING + NAME, BLOCK[0] - MARGIN : BLOCK[0] + MARGIN] == 255).all()
    assert (picture[HEADING + NAME :, BLOCK[0] + MARGIN :] == 255).all()


def test_label_without_name():
    with pytest.raises(ValueError, match="Label 3 has no name"):
        sheet(*images(4), ["a", "b", "c"], "x")
