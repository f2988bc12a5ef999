"""The drawing functions that tasks share, and the separation of splits."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.seeds import generator
from tangent_bench.tasks import _crops, _ground, _landforms, _solids, objects, scripts, terrain
from tangent_bench.tasks._colours import contrasting, luma
from tangent_bench.tasks._files import package_file
from tangent_bench.tasks._glyphs import glyph
from tangent_bench.tasks._photometric import jitter


def test_tiles_keep_their_distance() -> None:
    regions = _crops.tiles((200, 150), 21, _crops.SIX)
    assert len(regions) == 6
    for i, a in enumerate(regions):
        assert 0 <= a.left < a.right <= 200 and 0 <= a.top < a.bottom <= 150
        for b in regions[i + 1 :]:
            assert max(b.left - a.right, a.left - b.right, b.top - a.bottom, a.top - b.bottom) >= 21


def test_crops_stay_in_their_tiles() -> None:
    own = [r for r in _crops.tiles((200, 150), 21, _crops.SIX) if r.split == "train"]
    rng = generator("test", "crops")
    seen = set()
    for _ in range(300):
        left, top, right, bottom = _crops.draw_crop(rng, own, (10, 20)).box
        inside = [
            r.left <= left and right <= r.right and r.top <= top and bottom <= r.bottom for r in own
        ]
        assert sum(inside) == 1 and 10 <= right - left <= 20
        seen.add(inside.index(True))
    assert seen == set(range(len(own)))


@pytest.mark.parametrize("split", ["val", "test"])
def test_groups_of_letters_share_none(split: str) -> None:
    seen = set()
    sizes = set()
    for label, letters in scripts.groups(split):
        glyph_numbers = {number for letter in letters for number in letter}
        assert not glyph_numbers & seen and 0 <= label < len(scripts.TASK.class_names)
        seen |= glyph_numbers
        sizes.add(len(letters))
    assert sizes == {1, 2, 3}
    assert seen == {
        row for pool in scripts.pools(split).values() for own in pool.values() for row in own
    }


def test_text_without_ink_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves no ink"):
        glyph(" ", "DejaVuSans", 20)


def test_missing_files_are_named() -> None:
    with pytest.raises(ValueError, match="no file data/nothing.png"):
        package_file("skimage", "data/nothing.png")
    with pytest.raises(ValueError, match="'no_such_package' is not installed"):
        package_file("no_such_package", "a.png")


def test_jitter_of_nothing_is_nothing() -> None:
    images = generator("test", "jitter").integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    assert np.array_equal(jitter(images, generator("test"), (64, 64), 0, 0), images)


def test_contrasting_colours_contrast() -> None:
    rng = generator("test", "colours")
    assert all(abs(luma(contrasting(rng, (128, 128, 128), 90)) - 128) >= 90 for _ in range(20))


def surface(name: str) -> np.ndarray:
    """Heights in decimetres of a made-up landform amid 40 × 40 cells; the unit of rise is 10."""
    y, x = np.mgrid[-20:20, -20:20].astype(np.int64)  # y grows to the south
    steep = 12
    shapes = {
        "plain": 0 * x,
        "peak": -steep * (abs(x) + abs(y)),
        "ridge": -steep * abs(x),
        "valley": steep * abs(y),
    }
    shapes |= {"slope facing north": steep * y, "slope facing south": -steep * y}
    shapes |= {"slope facing east": -steep * x, "slope facing west": steep * x}
    shapes |= {"coast": np.where(x < 0, -5100, -4900), "water": 0 * x - 6000}
    return shapes[name] + 5000  # above the sea, but for these two


@pytest.mark.parametrize("name", _landforms.NAMES)
def test_landforms_are_recognised(name: str) -> None:
    labels = _landforms.landforms(surface(name), rise=10)
    corner = 20 - _landforms.WINDOW // 2
    assert _landforms.NAMES[labels[corner, corner]] == name


@pytest.mark.parametrize("name", _landforms.NAMES)
def test_every_image_of_a_landform_has_a_ground_of_its_own(name: str) -> None:
    found = terrain.windows(name, 12, generator("test", "windows", name))
    assert len({window.heights.tobytes() for window in found}) == 12
    for heights, top, left in found:
        assert _landforms.NAMES[_landforms.landforms(heights, _ground.RISE)[top, left]] == name


def test_water_cuts_ground_and_never_lifts_it() -> None:
    """Of one ground, more steps leave less."""
    rng = generator("test", "erosion")
    heights = rng.integers(0, 4000, (2, 16, 16))
    steps = np.array([0, 12]).reshape(2, 1, 1)
    heights[1] = heights[0]
    eroded = _ground._eroded(heights, steps)
    assert np.array_equal(eroded[0], heights[0])
    assert (eroded[1] <= heights[1]).all() and (eroded[1] < heights[1]).mean() > 0.5


def test_no_water_is_lost_on_its_way() -> None:
    rng = generator("test", "water")
    heights = rng.integers(0, 50, (3, 9, 9))
    padded = np.pad(heights, ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = (padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:])
    lowest = np.minimum.reduce(around)
    running = np.where(heights > lowest, rng.integers(1, 100, heights.shape), 0)
    arriving = _ground._arriving(running, lowest, around)
    assert arriving.sum() == running.sum()
    assert (arriving >= 0).all()


def test_light_comes_from_the_north_west() -> None:
    shade = {name: int(terrain.hillshade(surface(name), 10)[20, 20]) for name in _landforms.NAMES}
    assert shade["slope facing north"] > shade["slope facing south"]
    assert shade["slope facing west"] > shade["slope facing east"]


@pytest.mark.parametrize("shape", objects.SHAPES)
def test_normals_of_solids_face_the_viewer(shape: str) -> None:
    u, v = (
        axis.ravel() for axis in np.meshgrid(np.linspace(-1.2, 1.2, 25), np.linspace(-1.2, 1.2, 25))
    )
    back = np.array((0.48, -0.6, 0.64))
    right = np.array((0.6, 0.48, 0.0)) / 0.5904**0.5
    up = np.cross(back, right)
    rays = _solids.Rays(tuple(u * right[i] + v * up[i] for i in range(3)), tuple((-back).tolist()))
    hits = objects.SHAPES[shape](rays)
    normal = np.stack(hits.normal)[:, hits.hit]
    assert 0.05 < hits.hit.mean() < 0.8
    assert np.allclose((normal**2).sum(axis=0), 1.0, atol=1e-6)
    assert (back @ normal).mean() > 0.4 and (back @ normal).min() > -0.2
