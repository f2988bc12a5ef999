"""Shaded solids by sphere tracing of signed distances: kind × finish × colour × ground."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from tangent_bench.corpus._canvas import (
    bitmap,
    coordinates,
    fractal,
    photograph,
    pick,
    shade,
    two_colours,
    uniform,
    wave,
)

Vector = tuple[np.ndarray, np.ndarray, np.ndarray]  # x, y, z of each pixel
Solid = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
SIDE = 32
STEPS = 14


def _norm(*axes: np.ndarray) -> np.ndarray:
    return np.sqrt(sum(a * a for a in axes))


def _box(x: np.ndarray, y: np.ndarray, z: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
    u = np.abs(x) - a
    v = np.abs(y) - b
    w = np.abs(z) - c
    outside = _norm(np.maximum(u, 0), np.maximum(v, 0), np.maximum(w, 0))
    return outside + np.minimum(np.maximum(u, np.maximum(v, w)), 0)


def _capped(radial: np.ndarray, y: np.ndarray, r: float, h: float) -> np.ndarray:
    return np.maximum(radial - r, np.abs(y) - h)


def _pyramid(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    sides = 0.83 * np.maximum(np.abs(x), np.abs(z)) + 0.55 * y - 0.4
    return np.maximum(sides, -0.6 - y)


def _bowl(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    shell = np.maximum(_norm(x, y, z) - 0.75, 0.6 - _norm(x, y, z))
    return np.maximum(shell, y - 0.05)


# Signed distances (or safe bounds of them) at the points x, y, z; y is the solid's own axis.
SOLIDS: dict[str, Solid] = {
    "sphere": lambda x, y, z: _norm(x, y, z) - 0.72,
    "ellipsoid": lambda x, y, z: 0.42 * (_norm(x / 0.45, y / 0.85, z / 0.45) - 1.0),
    "cube": lambda x, y, z: _box(x, y, z, 0.52, 0.52, 0.52),
    "slab": lambda x, y, z: _box(x, y, z, 0.68, 0.2, 0.55),
    "cylinder": lambda x, y, z: _capped(_norm(x, z), y, 0.46, 0.62),
    "cone": lambda x, y, z: np.maximum(0.83 * _norm(x, z) + 0.55 * y - 0.42, -0.62 - y),
    "pyramid": _pyramid,
    "torus": lambda x, y, z: _norm(_norm(x, z) - 0.55, y) - 0.22,
    "capsule": lambda x, y, z: _norm(x, y - np.clip(y, -0.45, 0.45), z) - 0.34,
    "octahedron": lambda x, y, z: 0.577 * (np.abs(x) + np.abs(y) + np.abs(z) - 0.92),
    "disk": lambda x, y, z: _capped(_norm(x, z), y, 0.72, 0.14),
    "bowl": _bowl,
}
FINISHES = ("matt", "shiny", "striped", "spotted", "checkered")


Matrix = list[list[float]]


def _product(left: Matrix, right: Matrix) -> Matrix:
    """The product of two 3 × 3 matrices, summed in the order of the columns."""
    product = [[0.0] * 3 for _ in range(3)]
    for i in range(3):
        for j in range(3):
            a, b, c = (left[i][k] * right[k][j] for k in range(3))
            product[i][j] = a + b + c  # as `sum` did before Python 3.12
    return product


def _rotation(rng: Generator) -> Matrix:
    """Seen from above by 15–55°, turned about the vertical, leaning a little."""
    yaw = uniform(rng, 0, 2 * math.pi)
    pitch = uniform(rng, 0.25, 0.95)
    roll = uniform(rng, -0.35, 0.35)
    cos, sin = math.cos(yaw), math.sin(yaw)
    turned: Matrix = [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]
    cos, sin = math.cos(pitch), math.sin(pitch)
    from_above: Matrix = [[1, 0, 0], [0, cos, -sin], [0, sin, cos]]
    cos, sin = math.cos(roll), math.sin(roll)
    leaning: Matrix = [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]
    return _product(turned, _product(from_above, leaning))


def _trace(solid: Solid, turn: Matrix, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, Vector]:
    """March from the front; returns the hit mask and the hit points in the solid's frame."""
    z = np.full_like(x, -1.3)

    def axis(i: int) -> np.ndarray:
        return turn[i][0] * x + turn[i][1] * y + turn[i][2] * z

    distance = np.zeros_like(x)
    for _ in range(STEPS):
        distance = solid(axis(0), axis(1), axis(2))
        z = z + np.maximum(distance, 0.0)
    return (distance < 0.05) & (z < 1.3), (axis(0), axis(1), axis(2))


def _pattern(rng: Generator, finish: str, points: Vector) -> np.ndarray:
    """0 where the second colour shows, 1 elsewhere."""
    x, y, z = points
    f = uniform(rng, 1.4, 2.0)
    if finish == "striped":
        return 1.0 * (wave(f * y + 0.1) > 0.0)
    if finish == "checkered":
        return 1.0 * ((wave(f * x) > 0) ^ (wave(f * y) > 0) ^ (wave(f * z) > 0))
    if finish == "spotted":
        return 1.0 * (wave(f * x) + wave(f * y) + wave(f * z) < 1.0)
    return np.ones_like(x)


def _shading(solid: Solid, points: Vector) -> np.ndarray:
    """Half-Lambert light in [0, 1].

    Normals are forward differences; the lamp is above and to one side of the solid.
    """
    x, y, z = points
    e = 0.02
    here = solid(x, y, z)
    nx = solid(x + e, y, z) - here
    ny = solid(x, y + e, z) - here
    nz = solid(x, y, z + e) - here
    cosine = (0.35 * nx + 0.8 * ny - 0.48 * nz) / (_norm(nx, ny, nz) + 1e-9)
    return np.clip(0.5 + 0.5 * cosine, 0.0, 1.0)


def compose(rng: Generator) -> tuple[str, ...]:
    """Finish, solid, colour, ground."""
    return (pick(rng, FINISHES), pick(rng, list(SOLIDS)), *two_colours(rng))


def phrase(composition: tuple[str, ...]) -> str:
    finish, name, colour, ground = composition
    return f"a {finish} {colour} {name} on {ground}"


def _surface(
    rng: Generator, finish: str, colour: str, points: Vector, light: np.ndarray
) -> np.ndarray:
    other = np.asarray(shade(rng, "white" if colour not in ("white", "yellow") else "black"))
    pattern = _pattern(rng, finish, points)[..., None]
    paint = pattern * np.asarray(shade(rng, colour)) + (1.0 - pattern) * other
    surface = paint * (0.35 + 0.75 * light)[..., None]
    if finish == "shiny":
        square = light * light
        surface = surface + 190.0 * (square * square * square * square)[..., None]
    return surface


def _shadow(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Light on the ground, weaker below the solid."""
    distance = (x + 0.15) * (x + 0.15) + 4.0 * (y + 0.75) * (y + 0.75)
    return 1.0 - 0.35 * np.clip(1.0 - distance / 0.6, 0, 1)[..., None]


def render(rng: Generator, composition: tuple[str, ...]) -> np.ndarray:
    finish, name, colour, ground = composition
    solid = SOLIDS[name]
    x, y = coordinates(SIDE)
    zoom = uniform(rng, 0.95, 1.3)
    x = x * zoom + uniform(rng, -0.12, 0.12)
    y = -y * zoom + uniform(rng, -0.12, 0.12)
    hit, points = _trace(solid, _rotation(rng), x, y)
    surface = _surface(rng, finish, colour, points, _shading(solid, points))
    backdrop = np.asarray(shade(rng, ground)) * (0.8 + 0.4 * fractal(rng, SIDE, (2, 4)))[..., None]
    image = np.where(hit[..., None], surface, backdrop * _shadow(x, y))
    return photograph(rng, bitmap(image), 0.8)
