"""The empirical neural tangent kernel of an encoder, its eigenfunctions and their local energy.

    Θ(x, x'; θ) = Σ_k ⟨∇_θ r_k · f(x; θ), ∇_θ r_k · f(x'; θ)⟩

over the rows r_k of a readout; without one, over the coordinates of the embedding (the trace of the
D × D kernel). The Jacobian of all parameters is never held: a layer s_t = W a_t on tokens t adds

    Σ_{t, u} (a_t · a'_u)(g_t · g'_u),   or the Gram matrix of its gradients Σ_t g_t a_tᵀ,

whichever takes fewer multiplications; see `layer_gradients`.

Jacot, Gabriel, Hongler, "Neural Tangent Kernel", NeurIPS 2018; structured derivatives as in Novak,
Sohl-Dickstein, Schoenholz, "Fast Finite Width Neural Tangent Kernel", ICML 2022.
Shapes: N and M images, B batch, C channels, H, W; D embedding, K readouts; L tokens, I inputs and
O outputs of a layer; P parameters.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from tangent_bench.seeds import generator
from tangent_bench.tangent import layer_gradients, products
from tangent_bench.tangent.layer_gradients import Factors, Piece, Whole
from tangent_bench.tangent.linearize import differentiable_attention, encode
from tangent_bench.tangent.linearize import product as forward_product

Theta = Mapping[str, Tensor]

KEPT_BYTES = 6 * 2**28  # activations and gradients that are kept at a time
BLOCK_BYTES = 2**25  # of one intermediate product: small enough that its parts stay in the cache
# Images: below the diagonal of a symmetric kernel, blocks of so many rows are not computed.
ROW_BLOCK = 64
log = logging.getLogger(__name__)


def empirical(
    network: nn.Module,
    theta: Mapping[str, Tensor],
    images_NCHW: Tensor,
    readout_KD: Tensor | None = None,
    others_MCHW: Tensor | None = None,
    batch_size: int = 50,
) -> np.ndarray:
    """Θ of all parameters between the images, or between them and others: float64 [N, N] or [N, M].

    Networks whose gradients by layer are known go layer by layer; another network takes plain
    Jacobians in blocks, and the log says so.

    Args:
        network: image encoder in `eval()`.
        theta: its parameters by name, which also set the precision.
        images_NCHW: images of the rows.
        readout_KD: directions in the embedding, summed over; None is the identity.
        others_MCHW: images of the columns; None takes those of the rows for a symmetric kernel.
        batch_size: images that pass the network at a time.

    Raises:
        ValueError: no images, or a readout of another width than the embedding.
    """
    readout_KD = _readout(network, theta, images_NCHW, readout_KD)
    if layer_gradients.supports(network):
        with products.fast():
            kernel_NM = _structured(
                network, theta, images_NCHW, readout_KD, others_MCHW, batch_size
            )
    else:
        log.info(
            "%s has no structured gradients here: plain Jacobians, in blocks",
            type(network).__name__,
        )
        kernel_NM = _plain(network, theta, images_NCHW, readout_KD, others_MCHW, batch_size)
    if others_MCHW is None:
        kernel_NM = kernel_NM.triu() + kernel_NM.triu(1).T
    return kernel_NM.cpu().numpy()


def _readout(
    network: nn.Module, theta: Theta, images_NCHW: Tensor, readout_KD: Tensor | None
) -> Tensor:
    """The readout as a tensor beside the embeddings."""
    if len(images_NCHW) == 0:
        raise ValueError("A kernel of no images was asked for; give at least one.")
    with torch.no_grad():
        one_D = encode(network, theta, images_NCHW[:1])[0]
    if readout_KD is None:
        return torch.eye(len(one_D), dtype=one_D.dtype, device=one_D.device)
    if readout_KD.ndim != 2 or readout_KD.shape[1] != len(one_D):
        raise ValueError(
            f"A readout of shape {tuple(readout_KD.shape)} does not fit an embedding of "
            f"{len(one_D)}; give [directions, {len(one_D)}]."
        )
    return readout_KD.to(one_D)


def random_readout(dimension: int, num: int | None, *names: object) -> Tensor | None:
    """Random orthonormal directions, float64 [num, dimension], whose kernel has the trace as mean.

        E Σ_k r_k r_kᵀ = I,   r_k = √(D / num) q_k,   q orthonormal, uniform, drawn by `names`

    None, for as many directions as there are dimensions or more, stands for the trace itself.
    """
    if num is None or num >= dimension:
        return None
    q_DK = np.linalg.qr(generator("random readout", *names).standard_normal((dimension, num)))[0]
    return torch.from_numpy(np.ascontiguousarray(q_DK.T) * np.sqrt(dimension / num))


def _structured(
    network: nn.Module,
    theta: Theta,
    images_NCHW: Tensor,
    readout_KD: Tensor,
    others_MCHW: Tensor | None,
    batch_size: int,
) -> Tensor:
    """Layer by layer; of a symmetric kernel only the upper triangle."""
    sides = [images_NCHW] if others_MCHW is None else [images_NCHW, others_MCHW]
    shape = (len(sides[0]), len(sides[-1]))
    kernel_NM = torch.zeros(shape, dtype=torch.float64, device=images_NCHW.device)
    sizes = layer_gradients.sizes(network, theta, images_NCHW[0])
    width = sum(len(images) for images in sides) * readout_KD.element_size()
    at_a_time = max(1, KEPT_BYTES // (width * sum(g for _, g in sizes)))
    for readout in readout_KD.split(at_a_time):
        for places in _groups([width * (a + len(readout) * g) for a, g in sizes]):
            collected = [
                _collect(network, theta, images, readout, places, batch_size) for images in sides
            ]
            for left, right in zip(collected[0], collected[-1], strict=True):
                _add(kernel_NM, left, right)
    return kernel_NM


def _groups(kept_bytes: Sequence[int]) -> Iterator[list[int]]:
    """Runs of neighbouring places that are kept together: one pass of the images for each run."""
    run: list[int] = []
    total = 0
    for place, size in enumerate(kept_bytes):
        if run and total + size > KEPT_BYTES:
            yield run
            run = []
            total = 0
        run.append(place)
        total += size
    yield run


def _collect(
    network: nn.Module,
    theta: Theta,
    images_NCHW: Tensor,
    readout_KD: Tensor,
    places: Collection[int],
    batch_size: int,
) -> list[Piece]:
    """The pieces of `layer_gradients` of all images."""
    batches = []
    for batch in images_NCHW.split(batch_size):
        batches.append(layer_gradients.pieces(network, theta, batch, readout_KD, places))
    by_place = [list(parts) for parts in zip(*batches, strict=True)]
    del batches  # freed as it is joined: there are never two copies of everything
    return [layer_gradients.join(by_place.pop(0)) for _ in range(len(by_place))]


def _add(kernel_NM: Tensor, left: Piece, right: Piece) -> None:
    """Add one parameter's part; for a symmetric kernel (left is right) above the diagonal only."""
    if isinstance(left, Whole):
        assert isinstance(right, Whole)
        kernel_NM += left.gradient @ right.gradient.T
        return
    assert isinstance(right, Factors)
    x = left.reached()
    y = x if left is right else right.reached()
    num_pairs = x.a.shape[1] * y.a.shape[1]
    inputs = x.a.shape[2]
    outputs = x.g.shape[2]
    if 2 * num_pairs * (inputs + outputs) <= inputs * outputs:
        _add_token_pairs(kernel_NM, x, y)
    else:
        _add_gram(kernel_NM, x, y)


def _add_token_pairs(kernel_NM: Tensor, x: Factors, y: Factors) -> None:
    """kernel += Σ_{t, u} (a_t · a'_u)(g_t · g'_u), in blocks of rows."""
    num, tokens = y.a.shape[:2]
    block = max(1, BLOCK_BYTES // max(1, x.a.shape[1] * num * tokens * x.a.element_size()))
    a_UI = y.a.flatten(0, 1)
    g_UO = y.g.flatten(0, 1)
    for rows in torch.arange(len(x.a)).split(block):
        pairs = (x.a[rows].flatten(0, 1) @ a_UI.T) * (x.g[rows].flatten(0, 1) @ g_UO.T)
        kernel_NM[rows] += pairs.view(len(rows), -1, num, tokens).sum((1, 3))


def _add_gram(kernel_NM: Tensor, x: Factors, y: Factors) -> None:
    """kernel += ⟨Σ_t g_t a_tᵀ, Σ_u g'_u a'_uᵀ⟩, in blocks of outputs: few gradients at a time."""
    inputs = x.a.shape[2]
    outputs = x.g.shape[2]
    block = max(1, BLOCK_BYTES // (max(len(x.a), len(y.a)) * inputs * x.a.element_size()))
    for start in range(0, outputs, block):
        columns = slice(start, start + block)
        left = x.gradient(columns)
        right = left if x is y else y.gradient(columns)
        for row in range(0, len(left), ROW_BLOCK):
            first = row if x is y else 0
            kernel_NM[row : row + ROW_BLOCK, first:] += (
                left[row : row + ROW_BLOCK] @ right[first:].T
            )


def _plain(
    network: nn.Module,
    theta: Theta,
    images_NCHW: Tensor,
    readout_KD: Tensor,
    others_MCHW: Tensor | None,
    batch_size: int,
) -> Tensor:
    """By Jacobians of as few images at a time as fit, formed again for each pair of blocks."""
    columns_MCHW = images_NCHW if others_MCHW is None else others_MCHW
    num_parameters = sum(value.numel() for value in theta.values())
    image_bytes = len(readout_KD) * num_parameters * readout_KD.element_size()
    block = max(1, min(batch_size, BLOCK_BYTES // image_bytes))
    rows = []
    for left in images_NCHW.split(block):
        # A sum of 10⁸ products in float32 lost 2.5 % of ViT-B/32's kernel.
        left_BP = _jacobian(network, theta, left, readout_KD).double()
        row = []
        for right in columns_MCHW.split(block):
            row.append(left_BP @ _jacobian(network, theta, right, readout_KD).double().T)
        rows.append(torch.cat(row, 1))
    return torch.cat(rows)


def _jacobian(network: nn.Module, theta: Theta, images_BCHW: Tensor, readout_KD: Tensor) -> Tensor:
    """∂(r_k · f(x; θ))/∂θ of each image, all readouts and parameters in one line: [B, K · P]."""

    def outputs(parameters: dict[str, Tensor], image_CHW: Tensor) -> Tensor:
        return readout_KD @ functional_call(network, parameters, (image_CHW[None],))[0]

    constants = {key: value.detach() for key, value in theta.items()}
    with differentiable_attention():
        parts = vmap(jacrev(outputs), (None, 0))(constants, images_BCHW)
    return torch.cat([part.flatten(1) for part in parts.values()], 1)


@torch.no_grad()
def product(
    network: nn.Module,
    theta: Mapping[str, Tensor],
    images_NCHW: Tensor,
    vector_M: Tensor | np.ndarray,
    readout_KD: Tensor | None = None,
    others_MCHW: Tensor | None = None,
    batch_size: int = 50,
) -> np.ndarray:
    """Θ v without the matrix, float64 [N]: for each readout one product back and one forward.

        τ_k = Σ_j v_j ∇(r_k · f(x_j)),   (Θ v)_i = Σ_k r_k · J(x_i) τ_k

    Args:
        network: image encoder in `eval()`.
        theta: its parameters by name, which also set the precision.
        images_NCHW: images of the rows.
        vector_M: v, a number for each of the others, or for each image where there are none.
        readout_KD: directions in the embedding, summed over; None is the identity.
        others_MCHW: images of the columns; None takes those of the rows.
        batch_size: images that pass the network at a time.

    Raises:
        ValueError: the vector has another length.
    """
    readout_KD = _readout(network, theta, images_NCHW, readout_KD)
    columns_MCHW = images_NCHW if others_MCHW is None else others_MCHW
    vector_M = torch.as_tensor(vector_M).to(readout_KD)
    if len(vector_M) != len(columns_MCHW):
        raise ValueError(
            f"A vector of {len(vector_M)} numbers does not fit a kernel of {len(columns_MCHW)} "
            "columns."
        )
    out_N = torch.zeros(len(images_NCHW), dtype=torch.float64, device=images_NCHW.device)
    for readout_D in readout_KD:
        cotangents_MD = vector_M[:, None] * readout_D
        tangent = _pulled_back(network, theta, columns_MCHW, cotangents_MD, batch_size)
        changes = []
        for batch in images_NCHW.split(batch_size):
            changes.append(forward_product(network, theta, tangent, batch)[1] @ readout_D)
        out_N += torch.cat(changes)
    return out_N.cpu().numpy()


def _pulled_back(
    network: nn.Module,
    theta: Theta,
    images_NCHW: Tensor,
    cotangents_ND: Tensor,
    batch_size: int,
) -> dict[str, Tensor]:
    """Σ_j J(x_j; θ)ᵀ c_j by reverse mode."""
    total = {key: torch.zeros_like(value) for key, value in theta.items()}
    batches = images_NCHW.split(batch_size)
    for images, cotangents in zip(batches, cotangents_ND.split(batch_size), strict=True):
        leaves = {key: value.detach().requires_grad_(True) for key, value in theta.items()}
        with torch.enable_grad():
            outputs = encode(network, leaves, images)
        gradients = torch.autograd.grad(outputs, list(leaves.values()), cotangents)
        for key, gradient in zip(leaves, gradients, strict=True):
            total[key] += gradient
    return total


def centred(kernel_NN: np.ndarray) -> np.ndarray:
    """H Θ H with H = I − 1 1ᵀ/N: the kernel of features minus their mean over the images."""
    return kernel_NN - kernel_NN.mean(0) - kernel_NN.mean(1, keepdims=True) + kernel_NN.mean()


def alignment(kernel_NN: np.ndarray, other_NN: np.ndarray) -> float:
    """Centred kernel alignment ⟨HΘH, HΘ'H⟩ / (‖HΘH‖ ‖HΘ'H‖), in [0, 1] for kernels.

    Kornblith et al., "Similarity of Neural Network Representations Revisited", ICML 2019, §3.

    Raises:
        ValueError: one of them is constant, so that nothing is left after centring.
    """
    a = centred(kernel_NN)
    b = centred(other_NN)
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    if norms == 0.0:
        raise ValueError(
            "Alignment with a constant kernel is not defined; were the images all the same?"
        )
    return float((a * b).sum() / norms)


def drift(kernel_NN: np.ndarray, initial_NN: np.ndarray) -> float:
    """‖Θ − Θ_0‖_F / ‖Θ_0‖_F."""
    return float(np.linalg.norm(kernel_NN - initial_NN) / np.linalg.norm(initial_NN))


def eigenfunctions(kernel_NN: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues [N], largest first, and orthonormal eigenvectors in columns [N, N].

    φ_ρ(x_i) is vectors[i, ρ].
    """
    values, vectors = np.linalg.eigh(kernel_NN)
    return values[::-1], vectors[:, ::-1]


def local_energy(vectors_NM: np.ndarray) -> np.ndarray:
    """E_loc(x) = Σ_ρ φ_ρ(x)² over the given eigenfunctions, [N]; its sum over x is their number.

    Ortiz-Jimenez et al. 2023, §5 (localization of the eigenfunctions).
    """
    return (vectors_NM**2).sum(1)
