"""Predictions and embeddings at points of weight space, by the network or from features.

An experiment does not know which. A *point* is a dict from source (the name of a vector) to
coefficient: θ0 + Σ_s c_s τ_s. {} is θ0.
Shapes: P points, N images, K classes, D embedding, B batch, C, H, W.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.images.inputs import Batches

Point = Mapping[str, float]
# Of ‖f‖ ‖h‖: two float32 encoders differ by about 1e-6 of it, a hundredth of this.
ROUNDING = 1e-4


class Evaluator(Protocol):
    """What predicts."""

    def predict(
        self, task: str, split: str, points: Sequence[Point], limit: int | None = None
    ) -> np.ndarray:
        """Class indices, uint16 [P, N].

        Args:
            task: whose images are looked at.
            split: of these images.
            points: of weight space.
            limit: how many images, the first of the split; None: all.
        """
        ...

    def embeddings(
        self, task: str, split: str, points: Sequence[Point], limit: int | None = None
    ) -> Iterator[np.ndarray]:
        """Embeddings before normalisation at one point after the other, [N, D] each.

        All of them come from the same passes, those at θ0 too, so that a difference between two
        points holds no difference between two ways of rounding. Arguments are those of `predict`.
        """
        ...


class TangentEvaluator:
    """f_lin(x; θ0 + Σ c τ) = f0 + Σ c J τ, from stored f0 and J τ; no network is touched.

    The L2 normalisation of the embedding scales all logits of an image alike, so the arg-max needs
    only (f0 + Σ c J τ) · h_k, which is affine in c as well.

    Args:
        base: (task, split) → f0_ND.
        change: (task, split, source) → (J τ)_ND.
        head: task → head_KD.
    """

    def __init__(
        self,
        base: Callable[[str, str], np.ndarray],
        change: Callable[[str, str, str], np.ndarray],
        head: Callable[[str], np.ndarray],
    ) -> None:
        self._base = base
        self._change = change
        self._head = head
        self._logits: dict[tuple[str, str, str], np.ndarray] = {}

    def _projected(self, task: str, split: str, source: str) -> np.ndarray:
        """Logits of f0 (source "") or of J τ, [N, K], computed once."""
        key = (task, split, source)
        if key not in self._logits:
            features_ND = self._change(task, split, source) if source else self._base(task, split)
            self._logits[key] = features_ND @ self._head(task).T
        return self._logits[key]

    def predict(
        self, task: str, split: str, points: Sequence[Point], limit: int | None = None
    ) -> np.ndarray:
        """As of `Evaluator`."""
        base_NK = self._projected(task, split, "")[:limit]
        chosen_PN = np.empty((len(points), len(base_NK)), dtype=np.uint16)
        for chosen_N, point in zip(chosen_PN, points, strict=True):
            logits_NK = base_NK
            for source, coefficient in point.items():
                if coefficient != 0.0:
                    change_NK = self._projected(task, split, source)[:limit]
                    logits_NK = logits_NK + np.float32(coefficient) * change_NK
            chosen_N[:] = logits_NK.argmax(1)
        return chosen_PN

    def embeddings(
        self, task: str, split: str, points: Sequence[Point], limit: int | None = None
    ) -> Iterator[np.ndarray]:
        """As of `Evaluator`; float64, so that little of a small c J τ is lost beside f0."""
        base_ND = self._base(task, split)[:limit].astype(np.float64)
        for point in points:
            embedding_ND = base_ND.copy()
            for source, coefficient in point.items():
                if coefficient != 0.0:
                    change_ND = self._change(task, split, source)[:limit]
                    embedding_ND += coefficient * change_ND.astype(np.float64)
            yield embedding_ND


class NetworkEvaluator:
    """f(x; θ0 + Σ c τ), by the network itself.

    Args:
        encoder: (θ, images_BCHW) → embeddings_BD.
        theta0: θ0.
        vectors: source → τ.
        head: task → head_KD.
        images: (task, split) → `Batches` or a tensor, images_NCHW.
        batch_size: images that pass the network at a time.
        fast: the encoder to within rounding; what it cannot decide, the encoder does.
        base: (task, split) → f0_ND, the encoder's own at θ0, which is then not asked there again.
    """

    def __init__(
        self,
        encoder: Callable[[Mapping[str, Tensor], Tensor], Tensor],
        theta0: Mapping[str, Tensor],
        vectors: Mapping[str, Mapping[str, Tensor]],
        head: Callable[[str], np.ndarray],
        images: Callable[[str, str], Batches | Tensor],
        batch_size: int,
        fast: Callable[[Mapping[str, Tensor], Tensor], Tensor] | None = None,
        base: Callable[[str, str], np.ndarray] | None = None,
    ) -> None:
        self._encoder = encoder
        self._theta0 = theta0
        self._vectors = vectors
        self._head = head
        self._images = images
        self._batch_size = batch_size
        self._fast = fast
        self._base = base

    def predict(
        self, task: str, split: str, points: Sequence[Point], limit: int | None = None
    ) -> np.ndarray:
        """As of `Evaluator`."""
        import torch

        images_NCHW = self._images(task, split)[:limit]
        chosen_PN = np.empty((len(points), len(images_NCHW)), dtype=np.uint16)
        with torch.no_grad():
            for chosen_N, point in zip(chosen_PN, points, strict=True):
                if self._base and not any(point.values()):
                    base_NK = self._base(task, split)[:limit] @ self._head(task).T
                    chosen_N[:] = base_NK.argmax(1)
                else:
                    chosen_N[:] = self._network_classes(task, images_NCHW, point)
        return chosen_PN

    def embeddings(
        self, task: str, split: str, points: Sequence[Point], limit: int | None = None
    ) -> Iterator[np.ndarray]:
        """As of `Evaluator`; by the fast encoder if there is one, at θ0 too."""
        images_NCHW = self._images(task, split)[:limit]
        for point in points:
            yield self._network_embeddings(images_NCHW, point)

    def _network_embeddings(self, images_NCHW: Batches | Tensor, point: Point) -> np.ndarray:
        """f(x; θ) at a point, [N, D]."""
        import torch

        encoder = self._fast or self._encoder
        theta = self._theta(point)
        with torch.no_grad():
            batches = images_NCHW.split(self._batch_size)
            return torch.cat([encoder(theta, batch).cpu() for batch in batches]).numpy()

    def _theta(self, point: Point) -> dict[str, Tensor]:
        """θ0 + Σ c τ."""
        from tangent_bench.tangent.vectors import add

        terms = [(coefficient, self._vectors[source]) for source, coefficient in point.items()]
        return add(self._theta0, terms)

    def _network_classes(
        self, task: str, images_NCHW: Batches | Tensor, point: Point
    ) -> np.ndarray:
        """Class indices at a point, [N]."""
        import torch

        device = next(iter(self._theta0.values())).device
        head_KD = torch.from_numpy(np.asarray(self._head(task))).to(device)
        theta = self._theta(point)
        parts = []
        for images_BCHW in images_NCHW.split(self._batch_size):
            parts.append(self._classes(theta, images_BCHW, head_KD).cpu())
        return torch.cat(parts).numpy()

    def _classes(self, theta: Mapping[str, Tensor], images_BCHW: Tensor, head_KD: Tensor) -> Tensor:
        """Arg-max of the encoder's logits, [B].

        Of the fast encoder's, where rounding cannot have decided.
        """
        if self._fast is None or len(head_KD) < 2:
            return (self._encoder(theta, images_BCHW) @ head_KD.T).argmax(1)
        embedding_BD = self._fast(theta, images_BCHW)
        first_B2, class_B2 = (embedding_BD @ head_KD.T).topk(2, dim=1)
        reach_B = ROUNDING * embedding_BD.norm(dim=1) * head_KD.norm(dim=1).max()
        # Written so that a logit which is NaN is unsure too.
        unsure_B = ~(first_B2[:, 0] - first_B2[:, 1] > reach_B)
        class_B = class_B2[:, 0]
        if unsure_B.any():
            logits_BK = self._encoder(theta, images_BCHW[unsure_B]) @ head_KD.T
            class_B[unsure_B] = logits_BK.argmax(1)
        return class_B
