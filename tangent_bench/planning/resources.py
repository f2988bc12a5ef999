"""What a job of each rule asks a machine for: memory, time, and whether a GPU.

Times and memory are limits, not predictions (for those: `make plan`): at least twice what a job is
expected to take. Time is counted in forward passes of one image through the image tower; a GPU is
assumed to do as many as `GPU_GFLOP_PER_SECOND` allows. For a machine on which this is wide of the
mark: `--set-resources finetune:runtime=600`, or the same key in a profile.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tangent_bench import models
from tangent_bench.jobs.devices import CROPPING_THREADS
from tangent_bench.models import _open_clip

FULL_WIDTH = 1.0  # GFLOP; above it images have 224 px and weights hundreds of MB
# GFLOP; networks other than vision transformers ask for as much as ViT-L/14.
NOT_IN_A_FORMULA = 180.0
GPU_GFLOP_PER_SECOND = 10_000.0  # assumed: an A100 in float32 without TF32


@dataclass(frozen=True)
class Need:
    """What one job of a rule asks for.

    Attributes:
        memory_mb: of the host, for models like the embedded one; measured peaks are below half of
            it.
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
    "prepare_texts": Need(2_000, 8_000, 20, 1.0),
    "build_head": Need(3_000, 8_000, 20, 1.0, uses_gpu=True),
    "fit_probe": Need(4_000, 24_000, 60, 2.0, uses_gpu=True),
    "encode_base": Need(3_000, 16_000, 20, 1.0, uses_gpu=True),
    "encode_changes": Need(3_000, 24_000, 30, 6.0, uses_gpu=True),
    "merge": Need(3_000, 24_000, 60, uses_gpu=True),
    "encode_merged": Need(3_000, 24_000, 30, 12.0, uses_gpu=True),
    "finetune": Need(3_000, 16_000, 30, 6.0, uses_gpu=True),
    "import_checkpoint": Need(3_000, 16_000, 20),
    "run_experiment": Need(6_000, 32_000, 60, 12.0, uses_gpu=True),
    "sweep_point": Need(3_000, 16_000, 60, 6.0, uses_gpu=True),
    "distil_text": Need(6_000, 6_000, 240),
    "draw_corpus": Need(4_000, 4_000, 60),
    "pretrain_model": Need(6_000, 6_000, 1_440, uses_gpu=True),
    "advance_trunk": Need(6_000, 6_000, 300),
    "cool_down": Need(6_000, 6_000, 120),
    "contact_sheet": Need(1_000, 8_000, 15),
    "collect_rows": READS_ROWS,
    "collect_replicates": READS_ROWS,
    "summarize": READS_ROWS,
    "make_table": READS_ROWS,
    "draw_figure": READS_ROWS,
    "make_times": READS_ROWS,
    "make_leaderboard": READS_ROWS,
    "make_results_page": READS_ROWS,
    "publish": READS_ROWS,
    "sweep": READS_ROWS,
}


def require_cores(**given: int | None) -> None:
    """Refuse to wait for ever: without a core Snakemake starts no job and says nothing.

    Args:
        given: name of a limit of Snakemake's → its value; None: not given.

    Raises:
        ValueError: one of them is below 1.
    """
    for name, number in given.items():
        if number is not None and number < 1:
            raise ValueError(
                f"--{name.replace('_', '-')} is {number}, expected a whole number of at least 1 "
                "(or --cores all); no job would ever start."
            )


def ask(rule: str, gflop: float = 0.0, attempt: int = 1, num_times: float = 1.0) -> dict[str, int]:
    """The Snakemake resources `mem_mb` and `runtime` (minutes) of one job.

    Args:
        rule: name in workflow/rules.
        gflop: of the model's forward pass for one image; 0 where no model is involved.
        attempt: 1, then 2 after a failure: memory and time grow with it, as either may have been
            short.
        num_times: how many times the usual work of the rule this job is (joint training).

    >>> ask("finetune", gflop=8.8)
    {'mem_mb': 16000, 'runtime': 83}
    >>> ask("finetune", gflop=8.8, attempt=2)
    {'mem_mb': 32000, 'runtime': 166}
    """
    need = NEEDS[rule]
    memory_mb = need.full_memory_mb if gflop >= FULL_WIDTH else need.memory_mb
    minutes = need.minutes + round(num_times * need.minutes_per_gflop * gflop)
    return {"mem_mb": attempt * memory_mb, "runtime": attempt * minutes}


@cache
def gflop(architecture: str, config: str | None = None) -> float:
    """GFLOP of the image tower's forward pass for one image.

    2 · (L · d · (12 d + 2 L) · n + L · 3 p² · d)

    for n blocks of width d, L tokens and patches of p pixels: a multiplication with its addition
    are two operations.

    Args:
        architecture: open_clip's name.
        config: a JSON file that defines it; None: open_clip's own is read.
    """
    vision = _open_clip.vision(architecture, config)
    sizes = [_size(vision.get(key)) for key in ("layers", "width", "patch_size", "image_size")]
    if not all(sizes):
        return NOT_IN_A_FORMULA
    layers, width, patch, side = sizes
    tokens = (side // patch) ** 2 + 1
    block = tokens * width * (12 * width + 2 * tokens)
    return 2e-9 * (block * layers + tokens * 3 * patch**2 * width)


def _size(value: object) -> int:
    """A number that a formula can be given; 0 for anything else."""
    return value if type(value) is int and 0 < value < 2**31 else 0


def gflop_of(name: str, custom_models: dict | None = None) -> float:
    """`gflop` of a model by its name in the config."""
    model = models.find(name, custom_models)
    if model.gflop is not None:
        return model.gflop
    return gflop(model.architecture, model.config) if model.is_clip else NOT_IN_A_FORMULA


def num_threads(rule: str, device: str) -> int:
    """Threads of one job: one, and for fine-tuning on a GPU those that crop its next images."""
    crops_ahead = rule == "finetune" and num_gpus(rule, device) > 0
    return 1 + CROPPING_THREADS if crops_ahead else 1


def num_gpus(rule: str, device: str) -> int:
    """GPUs of one job; Slurm, or `--resources gpu=1` on a machine, gives each to one at a time."""
    return int(NEEDS[rule].uses_gpu and device != "cpu")
