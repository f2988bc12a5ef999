"""The config that PEFT saves beside an adapter: how its factors are scaled, and what else it is."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tangent_bench.store import yaml_files
from tangent_bench.weights import _places

# Keys of what is more than W0 + s B A, or is not of each weight by itself.
_MORE = (
    "use_dora",
    "use_qalora",
    "use_bdlora",
    "kasa_config",
    "monteclora_config",
    "arrow_config",
    "alora_invocation_tokens",
    "trainable_token_indices",
    "layer_replication",
)
# Ways to begin that take B A out of W0 first, so that s B A is not what was learned.
_CHANGING = ("pissa", "olora", "corda", "loftq", "lora_ga")
_LAST_TWICE = (0, 21, 2)
_WHOLE = ("CLIP", "CustomTextCLIP")  # classes of open_clip
_BIASES = ("none", "lora_only", "all")
# Patterns are expressions of a stranger's: without these, and with few choices, they match soon.
_NESTED = re.compile(r"\)[*+?{]|\\\d|\(\?")
_MOST_REPEATS = 3
_MOST_CHOICES = 6  # repeats and alternatives
_LONGEST = 300
_PATCH = re.compile(r"patch(\d+)|vit-[a-z]+[-/](\d+)", re.I)


@dataclass(frozen=True)
class Adapter:
    """What an adapter's config says.

    Attributes:
        file: the config.
        about: its content.
    """

    file: Path
    about: Mapping[str, Any]

    @property
    def bias(self) -> str:
        """The biases that were trained beside the factors, one of "none", "lora_only", "all"."""
        return self.about.get("bias") or "none"

    @property
    def targets(self) -> list[str]:
        """The names that modules to be adapted end in; [] if the config says it in another way."""
        others = ("layers_to_transform", "exclude_modules", "target_parameters")
        named = self.about.get("target_modules")
        if not isinstance(named, list) or any(self.about.get(key) for key in others):
            return []
        return list(map(str, named))

    @property
    def is_of_whole_clip(self) -> bool:
        """Whether it says that a whole model of open_clip was adapted, both towers within reach."""
        base = self.about.get("auto_mapping")
        return isinstance(base, dict) and base.get("base_model_class") in _WHOLE

    def rank(self, module: str) -> int:
        """The rank of a module's factors, by its path in the model that was adapted."""
        rank = self._of(module, "r", "rank_pattern")
        if type(rank) is not int or rank < 1:
            raise ValueError(f"{self.file} gives {module!r} the rank {rank!r}; expected 1 or more.")
        return rank

    def scale(self, module: str) -> float:
        """The factor s of B A: alpha / rank, or alpha / √rank with use_rslora."""
        alpha = self._of(module, "lora_alpha", "alpha_pattern")
        if type(alpha) not in (int, float) or not math.isfinite(alpha):
            raise ValueError(
                f"{self.file} gives {module!r} the alpha {alpha!r}; expected a number."
            )
        rank = self.rank(module)
        return alpha / (math.sqrt(rank) if self.about.get("use_rslora") else rank)

    @property
    def times_of_output(self) -> int:
        """How often the change of out_proj of PyTorch's MultiheadAttention counts.

        PEFT up to 0.21.2 adds it twice, in training as in merging
        (https://github.com/huggingface/peft/pull/3774).

        Raises:
            ValueError: it was saved by a later version, of which that is not known.
        """
        version = str(self.about.get("peft_version") or "0.0.0")  # versions before 0.18 say none
        numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
        if numbers <= _LAST_TWICE:
            return 2
        raise ValueError(
            f"{self.file} is of PEFT {version[:20]}, and up to {'.'.join(map(str, _LAST_TWICE))} "
            "the change of out_proj of nn.MultiheadAttention counted twice: it is not known "
            "whether it still does; merge the adapter by that PEFT (merge_and_unload), and save "
            "the result."
        )

    def require_patches(self, side: int) -> None:
        """Raise if the model that was adapted has patches of another size by its name.

        No shape in an adapter tells ViT-B/32 and ViT-B/16 apart.

        Args:
            side: of the model's patches, in pixels.
        """
        name = str(self.about.get("base_model_name_or_path") or "")
        found = _PATCH.search(name)
        if found and int(found[1] or found[2]) != side:
            raise ValueError(
                f"{self.file} is of {name[:80]!r}, with patches of {found[1] or found[2]} pixels, "
                f"and the model has patches of {side}; it is of another model."
            )

    def _of(self, module: str, key: str, patterns: str) -> Any:
        """The value of the first pattern that a module's path ends in, else the general one."""
        for pattern, value in (self.about.get(patterns) or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                return value
        return self.about.get(key)


def read(weights: Path) -> Adapter:
    """The config beside an adapter's weights.

    Raises:
        ValueError: it is not there or cannot be read, or the adapter is none of plain LoRA.
    """
    file = weights.with_name(_places.ADAPTER_CONFIG)
    if not file.is_file():
        raise ValueError(
            f"{weights} has no {file.name} beside it, where alpha and rank of the adapter stand; "
            "put the one that was saved with it there."
        )
    try:
        about = yaml_files.json_of(file)
    except yaml_files.KeyTwice:
        raise
    except (OSError, RecursionError, ValueError) as error:
        raise ValueError(f"{file} cannot be read ({error}); download it again.") from None
    if not isinstance(about, dict):
        raise ValueError(f"{file} holds {type(about).__name__}, expected a map; download it again.")
    _require_plain(file, about)
    for key in ("rank_pattern", "alpha_pattern"):
        _require_patterns(file, key, about.get(key) or {})
    if about.get("fan_in_fan_out"):
        logging.warning(
            "%s: fan_in_fan_out is taken for false, as PEFT does for linear layers.", file
        )
    return Adapter(file, about)


def _require_plain(file: Path, about: Mapping[str, Any]) -> None:
    """Raise unless the adapter adds s B A to weights that are those of the model."""
    merge = "merge it into its model by PEFT (merge_and_unload), and save the result"
    kind = about.get("peft_type")
    if kind != "LORA":
        raise ValueError(f"{file} has peft_type {kind!r}, expected 'LORA'; {merge}.")
    more = [key for key in _MORE if about.get(key)]
    if more:
        raise ValueError(
            f"{file} has {more[0]} {str(about[more[0]])[:80]}, which is more than the sum of W0 "
            f"and B A; {merge}."
        )
    start = about.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(_CHANGING):
        raise ValueError(
            f"{file} has init_lora_weights {start!r}, which changed the model's own weights as "
            "well; convert it (path_initial_model_for_weight_conversion of PEFT's "
            f"save_pretrained), or {merge}."
        )
    if about.get("bias") not in (None, *_BIASES):
        raise ValueError(
            f"{file} has bias {about['bias']!r}, expected one of {', '.join(_BIASES)}."
        )
    if about.get("target_parameters") and (about.get("rank_pattern") or about.get("alpha_pattern")):
        raise ValueError(
            f"{file} has target_parameters and patterns of ranks or alphas, which are not "
            f"understood together; {merge}."
        )


def _require_patterns(file: Path, key: str, patterns: object) -> None:
    """Raise unless the names of patterns are expressions that are quick to match."""
    if not isinstance(patterns, dict):
        raise ValueError(f"{file} has {key} {str(patterns)[:80]!r}; expected a map.")
    for pattern in patterns:
        num_repeats = len(re.findall(r"[*+?{]", pattern))
        num_choices = num_repeats + pattern.count("|")
        is_quick = num_repeats <= _MOST_REPEATS and num_choices <= _MOST_CHOICES
        try:
            re.compile(pattern)
            is_plain = is_quick and not _NESTED.search(pattern)
        except (re.error, RecursionError, OverflowError):
            is_plain = False
        if not is_plain or len(pattern) > _LONGEST:
            raise ValueError(
                f"{file} has the {key} {pattern[:80]!r}, expected names of modules or simple "
                "expressions; write the names out."
            )
