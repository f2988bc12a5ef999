"""TSV-M of eight vectors the size of ViT-B/32's image tower: ours beside FusionBench's, time and
peak memory.

    python -m tests.methods.oracle.race --python PYTHON-WITH-FUSION-BENCH [--blocks 12] [--rounds 2]

Each run is a process of its own with two threads, in turns: read the vectors and merge them.
FusionBench is spared what it does before (it loads eight models and subtracts a ninth). Processor
time is given beside the time, since other programs of a busy machine lengthen only the latter. All
blocks have the same shapes; fewer than 12 leave out the last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

NUM_TASKS = 8
ROOT = Path(__file__).parents[3]
Vector = dict[str, torch.Tensor]


def shapes(num_blocks: int) -> dict[str, torch.Size]:
    """Names and shapes of open_clip's ViT-B-32, image tower, up to a block."""
    import open_clip

    tower = open_clip.create_model("ViT-B-32", pretrained=None).visual
    left_out = tuple(f"transformer.resblocks.{k}." for k in range(num_blocks, 12))
    return {name: p.shape for name, p in tower.named_parameters() if not name.startswith(left_out)}


def draw(folder: Path, num_blocks: int) -> None:
    """Vectors with a common part and a spectrum that falls, as those of fine-tuned models do."""
    from tangent_bench.store import artefacts

    for task in range(NUM_TASKS):
        arrays = {}
        for number, (name, shape) in enumerate(shapes(num_blocks).items()):
            common, own = (torch.Generator().manual_seed(number + 1000 * k) for k in (0, 1 + task))
            entries = 0.3 * torch.randn(shape, generator=common) + torch.randn(shape, generator=own)
            falling = torch.logspace(-3, -5, shape[-1])
            arrays[name] = (entries * (falling if len(shape) == 2 else 1e-4)).numpy()
        artefacts.save(folder / f"{task}.safetensors", "vector", arrays)


def ours(folder: Path) -> Callable[[], Vector]:
    from tangent_bench import merging
    from tangent_bench.tangent.vectors import Stored

    def merge() -> Vector:
        vectors = {str(task): Stored(folder / f"{task}.safetensors") for task in range(NUM_TASKS)}
        return merging.find("tsv_m").prepare(vectors, vectors["0"])

    merging.find("tsv_m").prepare(
        {"0": {"weight": torch.ones(3, 3)}}, {"weight": torch.ones(3, 3)}
    )  # its imports
    return merge


def fusion_bench(folder: Path) -> Callable[[], Vector]:
    from fusion_bench.method.task_singular_vector.utils import TSVM_utils

    def merge() -> Vector:
        vectors = [load_file(folder / f"{task}.safetensors") for task in range(NUM_TASKS)]
        return TSVM_utils.compute_and_sum_svd_mem_reduction(vectors, accelerator="cpu")

    return merge


CONTENDERS = {"ours": ours, "fusion_bench": fusion_bench}


def measure(name: str, folder: Path) -> None:
    """One run in this process; it prints what it measured last, and writes the result to a file."""
    from tangent_bench.jobs import memory

    merge = CONTENDERS[name](folder)
    found = {}
    start = time.perf_counter()
    processor = time.process_time()
    peak = memory.peak(lambda: found.update(merge()))
    seconds = {"seconds": time.perf_counter() - start, "processor": time.process_time() - processor}
    save_file(found, folder / f"of {name}")
    print(json.dumps(seconds | {"peak_mb": peak / 1e6, "torch": torch.__version__}))


def run(name: str, python: str, folder: Path) -> dict:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    command = [python, "-m", "tests.methods.oracle.race", "--measure", name, str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | threads, stdout=subprocess.PIPE, text=True, check=True
    )
    return {"who": name} | json.loads(done.stdout.splitlines()[-1])


def difference(folder: Path) -> float:
    """‖ours − theirs‖ / ‖theirs‖ without positional embeddings.

    They decompose these; we average them.
    """
    mine, theirs = (load_file(folder / f"of {name}") for name in CONTENDERS)
    names = [name for name in mine if name != "positional_embedding"]
    apart = sum(float((mine[n].double() - theirs[n].double()).square().sum()) for n in names)
    return (apart / sum(float(theirs[n].double().square().sum()) for n in names)) ** 0.5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter that imports fusion_bench"
    )
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--measure", nargs=2, metavar=("WHO", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure[0], Path(given.measure[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder, given.blocks)
        for _ in range(given.rounds):
            for who, python in (("ours", sys.executable), ("fusion_bench", given.python)):
                print(json.dumps(run(who, python, folder)), flush=True)
        print(json.dumps({"blocks": given.blocks, "relative difference": difference(folder)}))


if __name__ == "__main__":
    main()
