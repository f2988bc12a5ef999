"""Shaded solids by sphere tracing of signed distances: kind × finish × colour × ground."""

from __future__ import annotations

import math

import numpy as np

from tangent_bench.corpus._canvas import (
    coordinates,
    fractal,
    photograph,
    pick,
    shade,
    two_colours,
    uniform,
    wave,
)

SIDE = 32
STEPS = 14


def _norm(*axes: np.ndarray) -> np.ndarray:
    return np.sqrt(sum(a * a for a in axes))


def _box(x, y, z, a, b, c):
    u, v, w = np.abs(x) - a, np.abs(y) - b, np.abs(z) - c
    outside = _norm(np.maximum(u, 0), np.maximum(v, 0), np.maximum(w, 0))
    return outside + np.minimum(np.maximum(u, np.maximum(v, w)), 0)


def _capped(radial, y, r, h):
    return np.maximum(radial - r, np.abs(y) - h)


# Signed distances (or safe bounds of them) at the points x, y, z; y is the solid's own axis.
SOLIDS = {
    "sphere": lambda x, y, z: _norm(x, y, z) - 0.72,
    "ellipsoid": lambda x, y, z: 0.42 * (_norm(x / 0.45, y / 0.85, z / 0.45) - 1.0),
    "cube": lambda x, y, z: _box(x, y, z, 0.52, 0.52, 0.52),
    "slab": lambda x, y, z: _box(x, y, z, 0.68, 0.2, 0.55),
    "cylinder": lambda x, y, z: _capped(_norm(x, z), y, 0.46, 0.62),
    "cone": lambda x, y, z: np.maximum(0.83 * _norm(x, z) + 0.55 * y - 0.42, -0.62 - y),
    "pyramid": lambda x, y, z: np.maximum(0.83 * np.maximum(np.abs(x), np.abs(z)) + 0.55 * y - 0.4, -0.6 - y),
    "torus": lambda x, y, z: _norm(_norm(x, z) - 0.55, y) - 0.22,
    "capsule": lambda x, y, z: _norm(x, y - np.clip(y, -0.45, 0.45), z) - 0.34,
    "octahedron": lambda x, y, z: 0.577 * (np.abs(x) + np.abs(y) + np.abs(z) - 0.92),
    "disk": lambda x, y, z: _capped(_norm(x, z), y, 0.72, 0.14),
    "bowl": lambda x, y, z: np.maximum(np.maximum(_norm(x, y, z) - 0.75, 0.6 - _norm(x, y, z)), y - 0.05),
}  # fmt: skip
FINISHES = ("matt", "shiny", "striped", "spotted", "checkered")


def _rotation(rng: np.random.Generator) -> list[list[float]]:
    """Seen from above by 15–55°, turned about the vertical, leaning a little."""
    a, b, c = uniform(rng, 0, 2 * math.pi), uniform(rng, 0.25, 0.95), uniform(rng, -0.35, 0.35)
    ca, sa, cb, sb, cc, sc = (
        math.cos(a),
        math.sin(a),
        math.cos(b),
        math.sin(b),
        math.cos(c),
        math.sin(c),
    )
    yaw = [[ca, 0, sa], [0, 1, 0], [-sa, 0, ca]]
    pitch = [[1, 0, 0], [0, cb, -sb], [0, sb, cb]]
    roll = [[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]]
    product = lambda m, n: [
        [sum(m[i][k] * n[k][j] for k in range(3)) for j in range(3)] for i in range(3)
    ]  # noqa: E731
    return product(yaw, product(pitch, roll))


def _trace(solid, turn, x, y):
    """March from the front; returns the hit mask and the hit points in the solid's frame."""
    z = np.full_like(x, -1.3)

    def inside(z):
        return [turn[i][0] * x + turn[i][1] * y + turn[i][2] * z for i in range(3)]

    for _ in range(STEPS):
        distance = solid(*inside(z))
        z = z + np.maximum(distance, 0.0)
    return (distance < 0.05) & (z < 1.3), inside(z)


def _pattern(rng: np.random.Generator, finish: str, points) -> np.ndarray:
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


def _shading(solid, points) -> np.ndarray:
    """Half-Lambert light in [0, 1]; the normal is from forward differences, the lamp above and to one side of the
    solid.
    """
    x, y, z = points
    e = 0.02
    here = solid(x, y, z)
    normal = solid(x + e, y, z) - here, solid(x, y + e, z) - here, solid(x, y, z + e) - here
    cosine = (0.35 * normal[0] + 0.8 * normal[1] - 0.48 * normal[2]) / (_norm(*normal) + 1e-9)
    return np.clip(0.5 + 0.5 * cosine, 0.0, 1.0)


def compose(rng: np.random.Generator) -> tuple[str, ...]:
    """Finish, solid, colour, ground."""
    return (pick(rng, FINISHES), pick(rng, list(SOLIDS)), *two_colours(rng))


def phrase(composition: tuple[str, ...]) -> str:
    finish, name, colour, ground = composition
    return f"a {finish} {colour} {name} on {ground}"


def _surface(
    rng: np.random.Generator, finish: str, colour: str, points, light: np.ndarray
) -> np.ndarray:
    other = np.asarray(shade(rng, "white" if colour not in ("white", "yellow") else "black"))
    pattern = _pattern(rng, finish, points)[..., None]
    surface = (pattern * np.asarray(shade(rng, colour)) + (1.0 - pattern) * other) * (
        0.35 + 0.75 * light
    )[..., None]
    if finish == "shiny":
        square = light * light
        surface = surface + 190.0 * (square * square * square * square)[..., None]
    return surface


def render(rng: np.random.Generator, composition: tuple[str, ...]) -> np.ndarray:
    finish, name, colour, ground = composition
    solid, (x, y) = SOLIDS[name], coordinates(SIDE)
    zoom = uniform(rng, 0.95, 1.3)
    x, y = x * zoom + uniform(rng, -0.12, 0.12), -y * zoom + uniform(rng, -0.12, 0.12)
    hit, points = _trace(solid, _rotation(rng), x, y)
    surface = _surface(rng, finish, colour, points, _shading(solid, points))
    backdrop = np.asarray(shade(rng, ground)) * (0.8 + 0.4 * fractal(rng, SIDE, (2, 4)))[..., None]
    shadow = (
        1.0
        - 0.35
        * np.clip(1.0 - ((x + 0.15) * (x + 0.15) + 4.0 * (y + 0.75) * (y + 0.75)) / 0.6, 0, 1)[
            ..., None
        ]
    )
    image = np.where(hit[..., None], surface, backdrop * shadow)
    return photograph(rng, np.clip(image, 0, 255).astype(np.uint8), 0.8)
