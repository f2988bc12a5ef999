"""What a job is wrapped in: threads obeyed, a log, one sentence instead of a traceback, and a record of the run."""

from __future__ import annotations

import json
import logging
import os
import platform
import resource
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "open_clip_torch", "numpy", "pandas", "snakemake", "pillow")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def limit_threads(count: int) -> None:
    """Make OpenMP, BLAS and torch use `count` threads. Call before NumPy and torch are imported."""
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


@contextmanager
def job(snakemake) -> Iterator[dict]:
    """Run the body of a rule's script.

    The body may put facts into the yielded dict; they go into the run record, `<log>.json`. A ValueError is the user's: its sentence is
    printed and the job fails. Anything else is ours: the traceback goes into the log, and the sentence says where.
    """
    limit_threads(snakemake.threads)
    log_file = Path(str(snakemake.log[0]))
    log_file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log_file, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    record: dict = {"rule": snakemake.rule, "wildcards": dict(snakemake.wildcards.items()), "started": time.time()}
    try:
        yield record
    except (ValueError, FloatingPointError, MemoryError, OSError) as error:
        _fail(log_file, f"{snakemake.rule}: {error}", "")
    except Exception as error:
        _fail(
            log_file,
            f"{snakemake.rule}: unexpected {type(error).__name__}: {error} (traceback in {log_file})",
            traceback.format_exc(),
        )
    _write_record(log_file.with_suffix(".json"), record, snakemake.threads)


def _fail(log_file: Path, sentence: str, details: str) -> None:
    logging.error("%s", sentence)
    if details:
        logging.error("%s", details)
    logging.shutdown()
    # os._exit: Snakemake's script wrapper would print a traceback around sys.exit.
    print(f"tangent_bench: {sentence}", file=sys.stderr, flush=True)
    os._exit(1)


def _write_record(path: Path, record: dict, threads: int) -> None:
    from tangent_bench.artefacts import write_text

    record |= {
        "seconds": round(time.time() - record["started"], 3),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "threads": threads,
        "processor": platform.processor() or platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": commit(),
    }
    write_text(path, json.dumps(record, indent=1, sort_keys=True, default=str))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """The commit of the code that runs, with "-dirty" if it was changed; "unknown" outside a repository."""
    try:
        command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
