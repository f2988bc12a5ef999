"""Solids seen along parallel rays: the first point that a ray meets, and the normal there.

Legend of shape suffixes: P rays (pixels). A solid is centred at the origin of its own frame, z up,
and fits into a sphere of radius 1.3. All arithmetic is + − × ÷ and square roots, so that every
machine rounds alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Vector = tuple[np.ndarray, np.ndarray, np.ndarray]  # x_P, y_P, z_P


class Rays(NamedTuple):
    """Starts of the rays, and their common direction (of length 1)."""

    start: Vector
    along: tuple[float, float, float]


class Hits(NamedTuple):
    """hit_P bool, and the points and unit normals where it is true (undefined elsewhere)."""

    hit: np.ndarray
    point: Vector
    normal: Vector


def _at(rays: Rays, t: np.ndarray) -> Vector:
    x, y, z = (start + t * step for start, step in zip(rays.start, rays.along))
    return x, y, z


def _unit(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Vector:
    size = np.sqrt(x * x + y * y + z * z) + 1e-12
    return x / size, y / size, z / size


def _roots(a: float, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smaller root of a t² + 2 b t + c (a > 0), and whether it is real."""
    under = b * b - a * c
    return (-b - np.sqrt(np.maximum(under, 0.0))) / a, under >= 0.0


def ellipsoid(rays: Rays, axes: tuple[float, float, float]) -> Hits:
    """The hits of `rays` on the ellipsoid with half-axes `axes`."""
    ox, oy, oz = (start / axis for start, axis in zip(rays.start, axes))
    dx, dy, dz = (step / axis for step, axis in zip(rays.along, axes))
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    t, hit = _roots(a, b, ox * ox + oy * oy + oz * oz - 1.0)
    point = _at(rays, t)
    x, y, z = (p / (axis * axis) for p, axis in zip(point, axes))
    return Hits(hit, point, _unit(x, y, z))


def polyhedron(rays: Rays, faces: list[tuple[float, float, float, float]]) -> Hits:
    """The hits of `rays` on a convex body.

    It holds all p with n · p ≤ h for each of the `faces` (nx, ny, nz, h), n of length 1.
    """
    enter = np.full(rays.start[0].shape, -9.0)
    leave = np.full(rays.start[0].shape, 9.0)
    normal = [np.zeros_like(enter) for _ in range(3)]
    for nx, ny, nz, h in faces:
        fall = nx * rays.along[0] + ny * rays.along[1] + nz * rays.along[2]
        above = h - (nx * rays.start[0] + ny * rays.start[1] + nz * rays.start[2])
        if fall < -1e-9:
            t = above / fall
            later = t > enter
            enter = np.where(later, t, enter)
            for axis, n in enumerate((nx, ny, nz)):
                normal[axis][later] = n
        elif fall > 1e-9:
            leave = np.minimum(leave, above / fall)
        else:
            leave = np.where(above < 0.0, -9.0, leave)
    return Hits(enter < leave, _at(rays, enter), (normal[0], normal[1], normal[2]))


def marched(rays: Rays, distance: Callable[[Vector], np.ndarray], steps: int = 20) -> Hits:
    """The hits of `rays` on the body inside which a signed `distance` is negative.

    Sphere tracing finds them in so many `steps`.
    """
    t = np.full(rays.start[0].shape, -1.4)
    for _ in range(steps):
        t = t + distance(_at(rays, t))
    point = _at(rays, t)
    e = 1e-3
    here = distance(point)
    x = distance((point[0] + e, point[1], point[2])) - here
    y = distance((point[0], point[1] + e, point[2])) - here
    z = distance((point[0], point[1], point[2] + e)) - here
    return Hits(here < 0.02, point, _unit(x, y, z))


def ring(point: Vector, radius: float, thickness: float) -> np.ndarray:
    """Signed distance of `point` from a torus about the z axis of this `radius` and `thickness`."""
    x, y, z = point
    out = np.sqrt(x * x + y * y) - radius
    return np.sqrt(out * out + z * z) - thickness


def capsule(point: Vector, half: float, radius: float) -> np.ndarray:
    """Signed distance from a rod along z with round ends."""
    x, y, z = point
    beyond = z - np.minimum(np.maximum(z, -half), half)
    return np.sqrt(x * x + y * y + beyond * beyond) - radius


def cylinder(point: Vector, half: float, radius: float) -> np.ndarray:
    """Signed distance from a rod along z with flat ends (outside an edge: a bound from below)."""
    x, y, z = point
    return np.maximum(np.sqrt(x * x + y * y) - radius, np.maximum(z - half, -z - half))


def cone(point: Vector, half: float, radius: float) -> np.ndarray:
    """Signed distance from a cone along z, base at −half and apex at half.

    Outside an edge it is a bound from below.
    """
    x, y, z = point
    height = 2.0 * half
    slant = math.sqrt(height * height + radius * radius)
    side = (height * np.sqrt(x * x + y * y) + radius * (z - half)) / slant
    return np.maximum(side, -z - half)
