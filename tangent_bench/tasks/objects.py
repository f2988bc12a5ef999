"""Objects: shaded solids, eight shapes in three finishes (24 fine-grained classes, as Cars)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import SIDE, Images, Task
from tangent_bench.tasks import _solids as solids
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import any_colour, contrasting, luma
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import jitter
from tangent_bench.tasks._solids import Hits, Rays

SLANT = 1 / math.sqrt(5)  # of a pyramid's sides
Faces = list[tuple[float, float, float, float]]
# fmt: off
CUBE: Faces = [
    (1, 0, 0, 0.72), (-1, 0, 0, 0.72),
    (0, 1, 0, 0.72), (0, -1, 0, 0.72),
    (0, 0, 1, 0.72), (0, 0, -1, 0.72),
]
PYRAMID: Faces = [
    (2 * SLANT, 0, SLANT, 0.45), (-2 * SLANT, 0, SLANT, 0.45),
    (0, 2 * SLANT, SLANT, 0.45), (0, -2 * SLANT, SLANT, 0.45),
    (0, 0, -1, 0.8),
]
# fmt: on
SHAPES: dict[str, Callable[[Rays], Hits]] = {
    "sphere": lambda rays: solids.ellipsoid(rays, (0.95, 0.95, 0.95)),
    "egg": lambda rays: solids.ellipsoid(rays, (0.68, 0.68, 1.12)),
    "cube": lambda rays: solids.polyhedron(rays, CUBE),
    "pyramid": lambda rays: solids.polyhedron(rays, PYRAMID),
    "cone": lambda rays: solids.marched(rays, lambda p: solids.cone(p, 0.9, 0.85)),
    "cylinder": lambda rays: solids.marched(rays, lambda p: solids.cylinder(p, 0.8, 0.66)),
    "capsule": lambda rays: solids.marched(rays, lambda p: solids.capsule(p, 0.7, 0.46)),
    "ring": lambda rays: solids.marched(rays, lambda p: solids.ring(p, 0.75, 0.3)),
}
FINISHES = ("shiny", "striped", "spotted")
TASK = Task(
    title="Objects",
    class_names=tuple(f"{finish} {shape}" for shape in SHAPES for finish in FINISHES),
    templates=("a {}", "a picture of a {}", "a photo of a {}", "a {} on a plain background"),
    kind="generated",
    source="ray-cast solids in random pose, colour and light; the splits differ in their random "
    "numbers only",
    licence="MIT (this project)",
)
NUM_IMAGES = {"train": 3000, "val": 504, "test": 1200}
CANVAS = 48  # pixels of the picture before it is reduced


def _turned(rng: np.random.Generator) -> np.ndarray:
    """A rotation, uniform about the vertical and tilted towards the viewer.

    Its rows are the camera's axes.
    """
    while True:
        x, y = (rng.integers(-1000, 1001, 2) / 1000).tolist()
        if 0.01 < x * x + y * y <= 1.0:
            break
    size = math.sqrt(x * x + y * y)
    c = x / size
    s = y / size
    tilt = int(rng.integers(25, 90)) / 100  # tangent of the viewer's height above the horizon
    low = 1 / math.sqrt(1 + tilt * tilt)
    high = tilt * low
    return np.array(((c, s, 0.0), (-s * high, c * high, low), (s * low, -c * low, high)))


def _rays(rng: np.random.Generator) -> tuple[Rays, np.ndarray]:
    """Rays through all pixels in the solid's frame, and the camera's axes."""
    axes = _turned(rng)
    zoom = int(rng.integers(105, 150)) / 100
    roll = int(rng.integers(-30, 31)) / 100
    c = 1 / math.sqrt(1 + roll * roll)
    s = roll * c
    right = c * axes[0] + s * axes[1]
    up = c * axes[1] - s * axes[0]
    back = axes[2]
    steps = (np.arange(CANVAS) - (CANVAS - 1) / 2) * (2 * zoom / CANVAS)
    u = np.tile(steps, CANVAS) + int(rng.integers(-15, 16)) / 100
    v = np.repeat(-steps, CANVAS)
    x, y, z = (u * right[i] + v * up[i] for i in range(3))
    along_x, along_y, along_z = (-back).tolist()
    return Rays((x, y, z), (along_x, along_y, along_z)), np.array((right, up, back))


def _pattern(finish: str, hits: Hits, rng: np.random.Generator) -> np.ndarray:
    """paint_P bool: where the second colour is."""
    if finish == "shiny":
        return np.zeros(hits.hit.shape, dtype=bool)
    fine = int(rng.integers(0, 100)) / 100
    if finish == "striped":
        axis = hits.point[2] if rng.integers(0, 2) else hits.point[0]
        return np.floor(axis * (3.0 + fine) + 0.5) % 2 == 0
    away = np.zeros(hits.hit.shape)  # squared distance from the next point of a lattice
    for axis in hits.point:
        cell = axis * (2.0 + fine / 2) + fine
        away = away + (cell - np.floor(cell) - 0.5) * (cell - np.floor(cell) - 0.5)
    return away < 0.2


def _unit(vector: np.ndarray) -> np.ndarray:
    x, y, z = vector
    return vector / math.sqrt(x * x + y * y + z * z)


def _cosine(normal: solids.Vector, direction: np.ndarray) -> np.ndarray:
    """Of the angle between unit normals and a unit vector."""
    x, y, z = normal
    right, down, up = direction.tolist()
    return x * right + y * down + z * up


def _shaded(
    finish: str, hits: Hits, axes: np.ndarray, paint: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """rgb_P3 float: ambient and diffuse light, and a highlight if it shines."""
    side = int(rng.integers(-80, 81)) / 100
    top = int(rng.integers(30, 101)) / 100
    light = side * axes[0] + top * axes[1] + axes[2]
    light = _unit(light)
    half = _unit(light + axes[2])
    gloss = _cosine(hits.normal, half)
    shade = 0.3 + 0.75 * np.maximum(_cosine(hits.normal, light), 0.0)
    rgb = paint * shade[:, None]
    if finish == "shiny":
        gloss = np.maximum(gloss, 0.0)
        for _ in range(4):  # to the power of sixteen
            gloss = gloss * gloss
        rgb = rgb + 230.0 * gloss[:, None]
    return rgb


def _image(solid: tuple[str, str], rng: np.random.Generator) -> np.ndarray:
    shape, finish = solid
    rays, axes = _rays(rng)
    hits = SHAPES[shape](rays)
    first = any_colour(rng)
    while luma(first) < 70:  # shading needs something to darken
        first = any_colour(rng)
    pattern = _pattern(finish, hits, rng)[:, None]
    paint = np.where(pattern, np.array(contrasting(rng, first, 80)), np.array(first))
    rgb = _shaded(finish, hits, axes, paint, rng)
    ground = blurry(rng, CANVAS, contrasting(rng, first, 50), spread=15, cells=2)
    scene = np.asarray(ground).reshape(-1, 3)
    pixels = np.where(hits.hit[:, None], np.clip(rgb, 0.0, 255.0), scene).astype(np.uint8)
    picture = Image.fromarray(pixels.reshape(CANVAS, CANVAS, 3))
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))


def load(split: str) -> Images:
    """The images of `split` (3,000, 504 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "objects", split)
    labels = balanced_labels(NUM_IMAGES[split], len(TASK.class_names), rng)
    classes = [(shape, finish) for shape in SHAPES for finish in FINISHES]
    images = [_image(classes[label], rng) for label in labels]
    pixels = jitter(np.stack(images), rng, contrast=(48, 72), brightness=20, noise=6)
    return Images(pixels, labels, np.arange(len(labels)))
