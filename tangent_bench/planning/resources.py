"""What a job of each rule asks a machine for: memory, time, and whether a GPU. Data; the rules and the cluster read it.

Times and memory are limits, not predictions (for those: `make plan`): at least twice what a job is expected to take.
Unit of the work is the forward pass of one image through the image tower, of which a GPU is taken to do as many as
`GPU_GFLOP_PER_SECOND` allows. Wide of the mark for your machine? `--set-resources finetune:runtime=600`, or the same
key in a profile.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tangent_bench import models
from tangent_bench.jobs.devices import CROPPING_THREADS
from tangent_bench.models import _open_clip

FULL_WIDTH = 1.0  # GFLOP; above it images have 224 px and weights hundreds of MB
NOT_IN_A_FORMULA = (
    180.0  # GFLOP; networks other than vision transformers ask for as much as ViT-L/14
)
GPU_GFLOP_PER_SECOND = 10_000.0  # assumed: an A100 in float32 without TF32


@dataclass(frozen=True)
class Need:
    """What one job of a rule asks for.

    Attributes:
        memory_mb: of the host, for models like the embedded one; measured peaks are below half of it.
        full_memory_mb: the same for models at 224 px.
        minutes: whatever the model.
        minutes_per_gflop: on top, for each GFLOP of the model's forward pass (`gflop`).
        uses_gpu: whether the job runs a network for long enough.
    """

    memory_mb: int
    full_memory_mb: int
    minutes: int
    minutes_per_gflop: float = 0.0
    uses_gpu: bool = False


READS_ROWS = Need(1_000, 4_000, 15)
NEEDS = {
    "prepare_images": Need(2_000, 16_000, 60, 2.0),
    "build_head": Need(3_000, 8_000, 20, 1.0, uses_gpu=True),
    "encode_base": Need(3_000, 16_000, 20, 1.0, uses_gpu=True),
    "encode_changes": Need(3_000, 24_000, 30, 6.0, uses_gpu=True),
    "merge": Need(3_000, 24_000, 60, uses_gpu=True),
    "encode_merged": Need(3_000, 24_000, 30, 12.0, uses_gpu=True),
    "finetune": Need(3_000, 16_000, 30, 6.0, uses_gpu=True),
    "import_checkpoint": Need(3_000, 16_000, 20),
    "run_experiment": Need(6_000, 32_000, 60, 12.0, uses_gpu=True),
    "sweep_point": Need(3_000, 16_000, 60, 6.0, uses_gpu=True),
    "draw_corpus": Need(4_000, 4_000, 60),
    "pretrain": Need(6_000, 6_000, 600),
    "advance_trunk": Need(6_000, 6_000, 300),
    "cool_down": Need(6_000, 6_000, 120),
    "contact_sheet": Need(1_000, 8_000, 15),
    **dict.fromkeys(
        (
            "collect_rows",
            "summarize",
            "make_table",
            "draw_figure",
            "make_times",
            "make_leaderboard",
            "make_results_page",
            "publish",
            "sweep",
        ),
        READS_ROWS,
    ),
}


def ask(rule: str, gflop: float = 0.0, attempt: int = 1, num_times: float = 1.0) -> dict[str, int]:
    """The Snakemake resources `mem_mb` and `runtime` (minutes) of one job.

    Args:
        rule: name in workflow/rules.
        gflop: of the model's forward pass for one image; 0 where no model is involved.
        attempt: 1, then 2 after a failure: memory and time grow with it, as both may have been what was short.
        num_times: how many times the usual work of the rule this job is (joint training).

    >>> ask("finetune", gflop=8.8), ask("finetune", gflop=8.8, attempt=2)
    ({'mem_mb': 16000, 'runtime': 83}, {'mem_mb': 32000, 'runtime': 166})
    """
    need = NEEDS[rule]
    memory_mb = need.full_memory_mb if gflop >= FULL_WIDTH else need.memory_mb
    minutes = need.minutes + round(num_times * need.minutes_per_gflop * gflop)
    return {"mem_mb": attempt * memory_mb, "runtime": attempt * minutes}


@cache
def gflop(architecture: str, config: str | None = None) -> float:
    """GFLOP of the image tower's forward pass for one image, two for each multiplication with its addition.

    2 · (L · d · (12 d + 2 L) · n + L · 3 p² · d) for n blocks of width d, L tokens and patches of p pixels.

    Args:
        architecture: open_clip's name.
        config: a JSON file that defines it; None: open_clip's own is read.
    """
    vision = _vision(architecture, config)
    sizes = [vision.get(key) for key in ("layers", "width", "patch_size", "image_size")]
    if not all(type(size) is int and 0 < size < 2**31 for size in sizes):
        return NOT_IN_A_FORMULA
    layers, width, patch, side = sizes
    tokens = (side // patch) ** 2 + 1
    block = tokens * width * (12 * width + 2 * tokens)
    return 2e-9 * (block * layers + tokens * 3 * patch**2 * width)


def _vision(architecture: str, config: str | None) -> dict:
    """The image tower's part of open_clip's JSON; {} where there is none."""
    try:
        found = _open_clip.description(architecture, config).get("vision_cfg")
    except RecursionError:
        found = None  # building the model says what is wrong with it
    return found if isinstance(found, dict) else {}


def gflop_of(model: str, custom_models: dict | None = None) -> float:
    """`gflop` of a model by its name in the config."""
    about = models.find(model, custom_models)
    return gflop(about.architecture, about.config)


def num_threads(rule: str, device: str) -> int:
    """Threads of one job: one, and where a GPU is fine-tuned on, those that crop the images of the steps to come."""
    return 1 + CROPPING_THREADS * (rule == "finetune" and num_gpus(rule, device))


def num_gpus(rule: str, device: str) -> int:
    """GPUs of one job, so that a machine with `--resources gpu=1`, or Slurm, gives each to one job at a time."""
    return int(NEEDS[rule].uses_gpu and device != "cpu")
