"""Predictions at points of weight space, by the network or from features; an experiment does not know which.

A *point* is a dict from source (the name of a vector) to coefficient: θ0 + Σ_s c_s τ_s. {} is θ0.
Shapes: P points, N images, K classes, D embedding, B batch, C, H, W.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

Point = Mapping[str, float]
# Of ‖f‖ ‖h‖: two float32 encoders differ by about 1e-6 of it, a hundredth of this.
ROUNDING = 1e-4


class Evaluator(Protocol):
    """What predicts."""

    def predict(
        self, task: str, split: str, points: Sequence[Point], limit: int | None = None
    ) -> np.ndarray:
        """Class indices, uint16 [P, N], at P points, of the first `limit` images of a split (None: all)."""


class TangentEvaluator:
    """f_lin(x; θ0 + Σ c τ) = f0 + Σ c J τ, from stored f0 and J τ; no network is touched.

    The L2 normalisation of the embedding scales all logits of an image alike, so the arg-max needs only (f0 + Σ c J τ)
    · h_k, which is affine in c as well.
    """

    def __init__(
        self,
        base: Callable[[str, str], np.ndarray],
        change: Callable[[str, str, str], np.ndarray],
        head: Callable[[str], np.ndarray],
    ) -> None:
        """Args: base(task, split) → f0_ND; change(task, split, source) → (J τ)_ND; head(task) → head_KD."""
        self._base, self._change, self._head = base, change, head
        self._cache: dict[tuple[str, str, str], np.ndarray] = {}

    def _projected(self, task: str, split: str, source: str) -> np.ndarray:
        key = (task, split, source)
        if key not in self._cache:
            features_ND = self._change(task, split, source) if source else self._base(task, split)
            self._cache[key] = features_ND @ self._head(task).T
        return self._cache[key]

    def predict(
        self, task: str, split: str, points: Sequence[Point], limit: int | None = None
    ) -> np.ndarray:
        """Class indices, uint16 [P, N], at P points, of the first `limit` images of a split (None: all)."""
        base_NK = self._projected(task, split, "")[:limit]
        chosen = np.empty((len(points), len(base_NK)), dtype=np.uint16)
        for row, point in zip(chosen, points, strict=True):
            logits_NK = base_NK
            for source, coefficient in point.items():
                if coefficient != 0.0:
                    logits_NK = (
                        logits_NK
                        + np.float32(coefficient) * self._projected(task, split, source)[:limit]
                    )
            row[:] = logits_NK.argmax(1)
        return chosen


class NetworkEvaluator:
    """f(x; θ0 + Σ c τ), by the network itself."""

    def __init__(
        self,
        encoder: Callable,
        theta0: dict,
        vectors: Mapping[str, dict],
        head: Callable,
        images: Callable,
        batch_size: int,
        fast: Callable | None = None,
        base: Callable[[str, str], np.ndarray] | None = None,
    ) -> None:
        """Args: encoder(θ, images_BCHW) → embeddings_BD; head(task) → head_KD; images(task, split) → `Pictures`
        or a tensor, images_NCHW; fast: the encoder to within rounding. What it cannot decide, the encoder does.
        base(task, split) → f0_ND, the encoder's own at θ0, which is then not asked there again.
        """
        self._encoder, self._theta0, self._vectors = encoder, theta0, vectors
        self._head, self._images, self._batch_size, self._fast = head, images, batch_size, fast
        self._base = base

    def predict(
        self, task: str, split: str, points: Sequence[Point], limit: int | None = None
    ) -> np.ndarray:
        """Class indices, uint16 [P, N], at P points, of the first `limit` images of a split (None: all)."""
        import torch

        from tangent_bench.tangent.vectors import add

        device = next(iter(self._theta0.values())).device
        images_NCHW, head_KD = (
            self._images(task, split)[:limit],
            torch.from_numpy(np.asarray(self._head(task))),
        )
        chosen = np.empty((len(points), len(images_NCHW)), dtype=np.uint16)
        with torch.no_grad():
            for row, point in zip(chosen, points, strict=True):
                if self._base and not any(point.values()):
                    row[:] = (self._base(task, split)[:limit] @ self._head(task).T).argmax(1)
                    continue
                theta = add(self._theta0, [(c, self._vectors[s]) for s, c in point.items()])
                parts = [
                    self._classes(theta, b, head_KD.to(device)).cpu()
                    for b in images_NCHW.split(self._batch_size)
                ]
                row[:] = torch.cat(parts).numpy()
        return chosen

    def _classes(self, theta: dict, images_BCHW, head_KD):
        """Arg-max of the encoder's logits, [B]; of the fast encoder's where rounding cannot have decided."""
        if self._fast is None or len(head_KD) < 2:
            return (self._encoder(theta, images_BCHW) @ head_KD.T).argmax(1)
        embedding_BD = self._fast(theta, images_BCHW)
        first_B2, class_B2 = (embedding_BD @ head_KD.T).topk(2, dim=1)
        reach_B = ROUNDING * embedding_BD.norm(dim=1) * head_KD.norm(dim=1).max()
        # Written so that a logit which is no number is unsure too.
        unsure_B, class_B = ~(first_B2[:, 0] - first_B2[:, 1] > reach_B), class_B2[:, 0]
        if unsure_B.any():
            class_B[unsure_B] = (self._encoder(theta, images_BCHW[unsure_B]) @ head_KD.T).argmax(1)
        return class_B
