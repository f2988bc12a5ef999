"""LoRA adapters as PEFT saves them: `adapter_model.safetensors` beside `adapter_config.json`.

    τ = s B A,  s = alpha / rank, or alpha / √rank (use_rslora)

The adapted model may be one of transformers (CLIPModel, CLIPVisionModel and their like; q_proj,
k_proj and v_proj are rows of open_clip's in_proj_weight) or one of open_clip, whole or its image
tower alone. PEFT adapts PyTorch's MultiheadAttention as two matrices, in_proj_weight and out_proj,
and has added the change of the latter twice, in training too: τ is of the model that was trained.
Biases and `modules_to_save` are kept whole, and τ is what they differ by from θ0. Adapters of a
text tower beside are not read, which a warning says.

An adapter does not tell which θ0 it was trained on: that the model is the right one is for the user
to know. Sizes of patches in names of models are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tangent_bench.checkpoints import Checkpoint, Content, Layout, _adapter_config, _adapter_names
from tangent_bench.weights import _towers

if TYPE_CHECKING:
    from tangent_bench.checkpoints._adapter_config import Adapter
    from tangent_bench.checkpoints._adapter_names import Found
    from tangent_bench.models import Clip

LAYOUT = Layout(
    title="LoRA adapter of PEFT",
    holds="a LoRA adapter as PEFT saves it (adapter_model.safetensors or .bin, beside "
    "adapter_config.json)",
    reference="Hugging Face, PEFT, https://github.com/huggingface/peft; Hu et al., LoRA, ICLR 2022",
)
_PAIR = ("A.weight", "B.weight")
_EMBEDDING = ("embedding_A", "embedding_B")


def recognises(content: Content, network: Clip) -> bool:
    """Whether it has factors of LoRA, and no weights that they belong to."""
    return not content.module and _towers.is_adapter(content)


def read(content: Content, network: Clip) -> Checkpoint:
    """θ0 + τ, in float64 where τ is not 0, under our names.

    Raises:
        ValueError: no config beside the file, or that of more than LoRA; names or shapes of another
            model, tensors that are missing, or an adapter that changes nothing.
    """
    adapter = _adapter_config.read(content.path)
    found = _adapter_names.find(content, network.visual, adapter.is_of_whole_clip)
    _require_pairs(content, found)
    _require_rows(content, adapter, found)
    _require_biases(content, adapter, found)
    _require_targets(content, adapter, found)
    theta0 = {name: value.detach() for name, value in network.visual.named_parameters()}
    if "conv1.weight" in theta0:
        adapter.require_patches(theta0["conv1.weight"].shape[-1])
    theta = {}
    for name in _changed(found):
        theta[name] = theta0[name].to(torch.float64, copy=True)
    for name, value in found.whole.items():
        part = found.known.parameters[name].view(theta)
        _require_like(content, f"{found.before}{name}", value, part.shape)
        part.copy_(value)
    for module in found.factors:
        _add(content, adapter, found, module, theta)
    if all(torch.equal(value, theta0[name].double()) for name, value in theta.items()):
        raise ValueError(
            f"{content.path} changes nothing: B A is 0 everywhere; it was not trained, or had no "
            "effect while it was (as PEFT's on out_proj of PyTorch's MultiheadAttention)."
        )
    return Checkpoint(theta0 | theta)


def _changed(found: Found) -> set[str]:
    """Our names of all parameters that the adapter changes."""
    names = list(found.whole)
    for module, parts in found.factors.items():
        names.append(found.known.matrices[module])
        if "B.bias" in parts:
            names.append(f"{module}.bias")
    return {found.known.parameters[name].ours for name in names}


def _add(
    content: Content, adapter: Adapter, found: Found, module: str, theta: Mapping[str, Tensor]
) -> None:
    """Add s B A of a module to its weight, and s b to its bias if B has one."""
    place = f"{found.before}{module}"
    parts = found.factors[module]
    if _EMBEDDING[0] in parts:  # the embeddings are the columns
        parts = {"A.weight": parts["embedding_B"].T, "B.weight": parts["embedding_A"].T}
    weight = found.known.parameters[found.known.matrices[module]].view(theta)
    rank = adapter.rank(found.targets[module])
    scale = adapter.scale(found.targets[module])
    if module in found.inner:
        scale *= adapter.times_of_output
    a = parts["A.weight"]
    b = parts["B.weight"]
    ones = [1] * (weight.ndim - 2)  # of a convolution
    _require_like(content, f"{place}: A", a, (rank, *weight.shape[1:]))
    _require_like(content, f"{place}: B", b, (weight.shape[0], rank, *ones))
    weight += scale * (b.double().flatten(1) @ a.double().flatten(1)).view_as(weight)
    if "B.bias" in parts:
        bias = found.known.parameters[f"{module}.bias"].view(theta)
        _require_like(content, f"{place}: bias of B", parts["B.bias"], bias.shape)
        bias += scale * parts["B.bias"].double()


def _require_like(content: Content, name: str, value: Tensor, shape: Sequence[int]) -> None:
    """Raise unless a tensor holds numbers with fractions, in this shape."""
    if tuple(value.shape) != tuple(shape):
        raise ValueError(
            f"{content.path} has shape {tuple(value.shape)} at {name!r}, and by the model and the "
            f"config's rank it is {tuple(shape)}; it is of another model, or the config is of "
            "another adapter."
        )
    if not value.is_floating_point():
        raise ValueError(
            f"{content.path} has {value.dtype} at {name!r}, expected numbers with fractions; it is "
            "quantised: give the adapter before it was."
        )


def _require_pairs(content: Content, found: Found) -> None:
    """Raise unless each module has both factors, and a bias where B has one."""
    for module, parts in found.factors.items():
        pair = _PAIR if parts.keys().isdisjoint(_EMBEDDING) else _EMBEDDING
        for kind in pair:
            if kind not in parts:
                raise ValueError(
                    f"{content.path} lacks '{found.before}{module}.lora_{kind}'; it is incomplete: "
                    "download it again."
                )
        if "B.bias" in parts and f"{module}.bias" not in found.known.parameters:
            raise ValueError(
                f"{content.path} has a bias in B of {found.before + module!r}, whose own is none "
                "to add it to; PEFT cannot merge it either."
            )


def _require_rows(content: Content, adapter: Adapter, found: Found) -> None:
    """Raise if it is not clear whether B A or its transpose was trained."""
    known = found.known.parameters
    fused = [module for module in found.factors if f"{module}.in_proj_weight" in known]
    if adapter.about.get("fan_in_fan_out") and fused:
        raise ValueError(
            f"{content.path} adapts {found.before + fused[0]!r} with fan_in_fan_out, by which PEFT "
            "transposes out_proj alone; set fan_in_fan_out to false in its config if it was "
            "trained on nn.MultiheadAttention."
        )


def _require_biases(content: Content, adapter: Adapter, found: Found) -> None:
    """Raise unless all biases are there that were trained beside the factors.

    PEFT trains in_proj_bias of PyTorch's MultiheadAttention with "all", and does not save it; of
    "lora_only", its earlier versions saved none.
    """
    trained = []
    if adapter.bias == "all":
        trained = [name for name in found.known.parameters if name.endswith("bias")]
    elif adapter.bias == "lora_only":
        trained = [f"{module}.bias" for module in found.factors]
    names = [name for name in trained if name in found.known.parameters]
    absent = [name for name in names if name not in found.whole]
    if absent:
        raise ValueError(
            f"{content.path} lacks {found.before + absent[0]!r} ({len(absent)} of {len(names)} "
            f"biases), which was trained (bias {adapter.bias!r} of its config) and which PEFT did "
            "not save: the vector cannot be known; merge the adapter where it was trained "
            "(merge_and_unload), and save the result."
        )


def _require_targets(content: Content, adapter: Adapter, found: Found) -> None:
    """Raise unless every module has factors whose name ends as the config's list of targets says.

    So an adapter of a model with fewer layers is noticed.
    """
    for module in found.known.matrices:
        path = found.path(module)
        is_target = any(path == end or path.endswith(f".{end}") for end in adapter.targets)
        is_whole = found.known.matrices[module] in found.whole
        if is_target and not is_whole and module not in found.factors:
            raise ValueError(
                f"{content.path} lacks factors of {found.before + module!r}, a module that its "
                "config names by target_modules; it is incomplete, or of a model with fewer layers."
            )
