"""What a job is wrapped in: threads obeyed, a log, one sentence instead of a traceback, and a record of the run."""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import os
import platform
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "open_clip_torch", "numpy", "pandas", "snakemake", "pillow")
SLOW_TO_IMPORT = "torch", "open_clip", "torchvision"  # seconds each, at every start of a job
RUN = "TANGENT_BENCH_RUN"  # the environment variable with the process of the Snakemake that a job belongs to
_SEAL = '{"sha256": "'  # how a record begins; its own digest follows
_running: dict | None = None  # the record of the job that this process is
_KILLED = re.compile(
    r"/scripts/\w+\.(\w+)\.py\S* (?:died with <Signals\.SIGKILL|returned non-zero exit status 137)"
)
_GPU_IS_FULL = (
    "the GPU's memory is too small; lower evaluation.batch_size, or for fine-tuning training.micro_batch_size, or set "
    "training.checkpoint_activations in the config."
)
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def limit_threads(count: int) -> None:
    """Make OpenMP, BLAS and torch use `count` threads. Call before NumPy and torch are imported."""
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


def keep_memory() -> None:
    """Let glibc keep what is freed instead of giving it back: tensors of some MB come and go at every operation, and to
    get their pages anew cost 15 % of a training step (measured). Elsewhere it does nothing.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    for parameter, size in (
        (-3, 2**30),
        (-1, 2**31 - 1),
        (-2, 2**26),
    ):  # mmap threshold, trim threshold, top pad
        mallopt(parameter, size)


@contextmanager
def job(snakemake) -> Iterator[dict]:
    """Run the body of a rule's script.

    The body may put facts into the yielded dict; they go into the run record, `<log>.json`. A ValueError is the
    user's: its sentence is printed and the job fails. Anything else is ours: the traceback goes into the log, and the
    sentence says where. When Snakemake is killed the job ends too: the next run would make its files once more.
    """
    global _running
    limit_threads(
        1 if getattr(snakemake.resources, "gpu", 0) else snakemake.threads
    )  # others crop, one each
    keep_memory()
    log_file = Path(str(snakemake.log[0]))
    record: dict = {
        "rule": snakemake.rule,
        "wildcards": dict(snakemake.wildcards.items()),
        "started": time.time(),
    }
    try:
        _open_log(log_file)
        _remove_unfinished(*snakemake.output, log_file.with_suffix(".json"))
        threading.Thread(target=_end_with, args=[os.environ.get(RUN)], daemon=True).start()
        _running = record
        yield record
        _write_record(log_file.with_suffix(".json"), record | _made_from(snakemake))
    except KeyboardInterrupt:
        _fail(f"{snakemake.rule}: stopped; the same command goes on from here.", status=130)
    except (ValueError, FloatingPointError, MemoryError, OSError) as error:
        _fail(f"{snakemake.rule}: {str(error) or type(error).__name__}")
    except Exception as error:
        if (
            type(error).__name__ == "OutOfMemoryError"
        ):  # PyTorch's, of a GPU; torch need not be there
            _fail(f"{snakemake.rule}: {_GPU_IS_FULL}", traceback.format_exc())
        sentence = f"{snakemake.rule}: unexpected {type(error).__name__}: {error} (traceback in {log_file})"
        _fail(sentence, traceback.format_exc())
    finally:
        _running = None


def in_job() -> bool:
    """Whether this process is a rule's job: one model, no other work."""
    return _running is not None


def add_network(name: str, files: Sequence[Path], theta0: Callable[[], str]) -> None:
    """Put a network that the running job uses into its record; outside of a job nothing is done.

    Args:
        name: of the model, as the config has it.
        files: what its weights were read from; the record has their sha256.
        theta0: gives the digest of its image tower's weights.
    """
    if in_job():
        found = {"weights": {str(file): sha256(file) for file in files}, "theta0": theta0()}
        _running.setdefault("networks", {})[name] = found


def _open_log(log_file: Path) -> None:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log_file, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # or a log on a full disk prints tracebacks of its own


def _remove_unfinished(*paths: str | Path) -> None:
    """Remove what `artefacts.atomic` was writing for these files when an earlier job was killed."""
    for path in map(Path, paths):  # no other job writes them: Snakemake has locked them
        for left in path.parent.glob(f".{glob.escape(path.stem)}.*"):
            left.unlink(missing_ok=True)


def _end_with(run: str | None) -> None:
    """Wait until a process has gone, then end this one at once; without a number nothing is done."""
    import psutil

    if run is None:
        return
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(run))
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(1)
    logging.error(
        "The run that this job belongs to was killed; the same command goes on from here."
    )
    os._exit(1)


def _fail(sentence: str, details: str = "", status: int = 1) -> None:
    """Say it in the log and on the terminal, and end the process."""
    # A second Ctrl-C, or one from Snakemake, while we are leaving would print a traceback after all.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for text in filter(None, (sentence, details)):
        if logging.root.handlers:  # none if the log itself could not be opened
            logging.error("%s", text)
    logging.shutdown()
    # One write, so that the sentences of two jobs do not mix.
    sys.stderr.write(f"tangent_bench: {sentence}\n")
    sys.stderr.flush()
    # os._exit: Snakemake's script wrapper would print a traceback around sys.exit.
    os._exit(status)


def say_killed(logs: Sequence[str | Path]) -> None:
    """Say which jobs of a run were killed, as they could not say it themselves.

    Args:
        logs: Snakemake's, where its shell says how a script has ended.
    """
    ended = "\n".join(Path(log).read_text(encoding="utf-8", errors="replace") for log in logs)
    for rule in dict.fromkeys(_KILLED.findall(ended)):
        sys.stderr.write(
            f"tangent_bench: {rule}: its process was killed, by somebody or because memory was short; the same command "
            "goes on from here, with fewer jobs at a time if it was memory (make: CORES=1, snakemake: --cores 1).\n"
        )


def _made_from(snakemake) -> dict:
    """What the job was given and what it made: its part of the config, and the sha256 of every file."""
    return {
        "params": dict(snakemake.params.items()),
        "inputs": {str(path): sha256(path) for path in snakemake.input},
        "outputs": {str(path): sha256(path) for path in snakemake.output},
        "threads": snakemake.threads,
        "device": device(snakemake),
    }


def device(snakemake) -> str:
    """Where the job's networks are: the config's `device` if the job was given a GPU, else the CPU."""
    return (
        snakemake.config.get("device", "cpu") if getattr(snakemake.resources, "gpu", 0) else "cpu"
    )


def _gpu() -> str | None:
    """Name of the GPU that the job used, if it used one."""
    cuda = sys.modules["torch"].cuda if "torch" in sys.modules else None
    return cuda.get_device_name() if cuda and cuda.is_initialized() else None


def sha256(path: str | Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_record(path: Path, record: dict) -> None:
    record |= {
        "seconds": round(time.time() - record["started"], 3),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "processor": platform.processor() or platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "gpu": _gpu(),
        "imported": [name for name in SLOW_TO_IMPORT if name in sys.modules],
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": commit(),
    }
    write_record(path, record)


def write_record(path: Path, record: dict) -> None:
    """Write what a job left as JSON, whose first entry is the sha256 of the text that it would be without."""
    from tangent_bench.store.artefacts import write_text

    text = json.dumps(record, indent=1, sort_keys=True, default=str)
    write_text(path, f'{_SEAL}{hashlib.sha256(text.encode()).hexdigest()}",{text[1:]}')


def read_record(path: Path) -> dict:
    """What a job left, checked against its digest; that of an earlier release has none.

    Raises:
        ValueError: it is damaged; the caller says which file it is.
    """
    content, length = path.read_bytes(), len(_SEAL) + 66
    if content.startswith(_SEAL.encode()):
        expected = hashlib.sha256(b"{" + content[length:]).hexdigest()
        if content[len(_SEAL) : length] != f'{expected}",'.encode():
            raise ValueError("its content does not match its sha256")
    elif not content.startswith(b"{\n"):
        raise ValueError("it does not begin as one")
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """The commit of the code that runs, with "-dirty" if it was changed; "unknown" outside a repository."""
    try:
        command = [
            "git",
            "-C",
            str(Path(__file__).parent),
            "describe",
            "--always",
            "--dirty",
            "--abbrev=12",
        ]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
