"""What a job is wrapped in.

It keeps to its threads, writes a log, says one sentence instead of a traceback, and leaves a
record.
"""

from __future__ import annotations

import ctypes
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

from tangent_bench import registry

PACKAGES = ("torch", "open_clip_torch", "numpy", "pandas", "snakemake", "pillow")
SLOW_TO_IMPORT = ("torch", "open_clip", "torchvision")  # seconds each, at every start of a job
# The environment variable with the process of the Snakemake that a job belongs to.
RUN = "TANGENT_BENCH_RUN"
_SEAL = '{"sha256": "'  # how a record begins; its own digest follows
_running: dict | None = None  # the record of the job that this process is
_KILLED = re.compile(
    r"/scripts/\w+\.(\w+)\.py\S* "
    r"(?:died with <Signals\.SIGKILL|returned non-zero exit status 137)"
)
_GPU_IS_FULL = (
    "the GPU's memory is too small; lower evaluation.batch_size, or for fine-tuning "
    "training.micro_batch_size, or set training.checkpoint_activations in the config."
)
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


# Parameters of glibc's mallopt: a block below this is no mapping of its own; so much may be free
# before any is given back; so much is taken beyond what is needed.
_MALLOPT = {
    "mmap threshold": (-3, 2**30),
    "trim threshold": (-1, 2**31 - 1),
    "top pad": (-2, 2**26),
}


def limit_threads(count: int) -> None:
    """Make OpenMP, BLAS and torch use `count` threads. Call before NumPy and torch are imported."""
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


def mend_threads() -> None:
    """Leave in the variables of threads what every library can read: one number, or nothing.

    OpenMP takes "4,3,2", a number for each level, of which the first counts here; NumExpr, which
    pandas imports where it is installed, ends with a traceback of it. Clusters set it, or "".
    """
    for variable in _THREAD_VARIABLES:
        text = os.environ.get(variable)
        if text is None:
            continue
        first = text.partition(",")[0].strip()
        said = f"{first} is taken"
        if first.isascii() and first.isdigit() and int(first) > 0:
            os.environ[variable] = first
        else:
            del os.environ[variable]
            said = "it is not used"
        if os.environ.get(variable) != text:
            logging.warning("%s is %r, which is no number of threads: %s.", variable, text, said)


def keep_memory() -> None:
    """Let glibc keep what is freed instead of giving it back; elsewhere nothing is done.

    Tensors of some MB come and go at every operation; to get their pages anew cost 15 % of a
    training step (measured).
    """
    for parameter, size in _MALLOPT.values():
        call_libc("mallopt", parameter, size)


def call_libc(name: str, *arguments: int) -> None:
    """Call a function of the C library, where it has it.

    Args:
        name: of the function, such as glibc's `mallopt`.
        arguments: integers.
    """
    try:
        getattr(ctypes.CDLL(None), name)(*arguments)
    except (OSError, AttributeError, TypeError):
        return


@contextmanager
def job(snakemake) -> Iterator[dict]:
    """Run the body of a rule's script.

    The body may put facts into the yielded dict; they go into the run record, `<log>.json`. A
    ValueError is the user's: its sentence is printed and the job fails. Anything else is ours: the
    traceback goes into the log, and the sentence says where. When Snakemake is killed the job ends
    too: the next run would make its files once more.
    """
    global _running
    # With a GPU the other threads are the job's own: each crops images.
    limit_threads(1 if getattr(snakemake.resources, "gpu", 0) else snakemake.threads)
    keep_memory()
    log_file = Path(str(snakemake.log[0]))
    record: dict = {
        "rule": snakemake.rule,
        "wildcards": dict(snakemake.wildcards.items()),
        "started": time.time(),
    }
    writes = [*snakemake.output, log_file.with_suffix(".json")]
    _leave_at_interrupt(snakemake.rule, writes)
    try:
        _open_log(log_file)
        _remove_unfinished(*writes)
        threading.Thread(target=_end_with, args=[os.environ.get(RUN)], daemon=True).start()
        _running = record
        yield record
        _write_record(log_file.with_suffix(".json"), record | _made_from(snakemake))
    except (ValueError, FloatingPointError, MemoryError, OSError) as error:
        _fail(f"{snakemake.rule}: {str(error) or type(error).__name__}")
    except Exception as error:
        _fail(f"{snakemake.rule}: {_unexpected(error, log_file)}", traceback.format_exc())
    finally:
        _running = None


def _unexpected(error: Exception, log_file: Path) -> str:
    if type(error).__name__ == "OutOfMemoryError":  # PyTorch's, of a GPU; torch need not be there
        return _GPU_IS_FULL
    return f"unexpected {type(error).__name__}: {error} (traceback in {log_file})"


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
    if _running is not None:
        weights = {str(file): sha256(file) for file in files}
        networks = _running.setdefault("networks", {})
        networks[name] = {"weights": weights, "theta0": theta0()}


def _open_log(log_file: Path) -> None:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log_file, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # or a log on a full disk prints tracebacks of its own


def _leave_at_interrupt(rule: str, writes: Sequence[str | Path]) -> None:
    """Let Ctrl-C end this process at once, with a sentence.

    A KeyboardInterrupt would not do: code in C that imports NumPy, such as PyTorch's, swallows it,
    and the job goes on with half a NumPy. Where Ctrl-C is ignored, as under nohup, it stays so.
    """

    def leave(*_) -> None:
        _remove_unfinished(*writes)
        _fail(f"{rule}: stopped; the same command goes on from here.", status=130)

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, leave)


def _remove_unfinished(*paths: str | Path) -> None:
    """Remove what `artefacts.atomic` was writing for these files when a job was ended.

    No other job writes them: Snakemake has locked them.
    """
    for path in map(Path, paths):
        for left in path.parent.glob(f".{glob.escape(path.stem)}.*"):
            left.unlink(missing_ok=True)


def _end_with(run: str | None) -> None:
    """Wait until a process has gone, then end this one at once; without a number do nothing."""
    if run is None:
        return
    import psutil

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
    # A second Ctrl-C, or one from Snakemake, while we are leaving would print a traceback after
    # all.
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
            f"tangent_bench: {rule}: its process was killed, by somebody or because memory was "
            "short; the same command goes on from here, with fewer jobs at a time if it was memory "
            "(make: CORES=1, snakemake: --cores 1).\n"
        )


def _made_from(snakemake) -> dict:
    """What the job was given and what it made: its part of the config, the sha256 of every file.

    `remembered` are the params as Snakemake writes them down: JSON keeps no order of keys.
    """
    params = dict(snakemake.params.items())
    return {
        "params": params,
        "remembered": sorted(map(repr, params.values())),
        "inputs": {str(path): sha256(path) for path in snakemake.input},
        "outputs": {str(path): sha256(path) for path in snakemake.output},
        "threads": snakemake.threads,
        "device": device(snakemake),
    }


def device(snakemake) -> str:
    """Where the job's networks are: the config's `device` if the job has a GPU, else the CPU."""
    if getattr(snakemake.resources, "gpu", 0):
        return snakemake.config.get("device", "cpu")
    return "cpu"


def _gpu() -> str | None:
    """Name of the GPU that the job used, if it used one."""
    cuda = sys.modules["torch"].cuda if "torch" in sys.modules else None
    return cuda.get_device_name() if cuda and cuda.is_initialized() else None


def _processor() -> str:
    """What the processor is called, or its architecture where nothing says more."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, names), platform.processor() or platform.machine())


def sha256(path: str | Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_record(path: Path, record: dict) -> None:
    record |= {
        "seconds": round(time.time() - record["started"], 3),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "gpu": _gpu(),
        "imported": [name for name in SLOW_TO_IMPORT if name in sys.modules],
        "modules": _modules(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": commit(),
    }
    write_record(path, record)


def _modules() -> list[str]:
    """The suite's modules, and those of plug-in packages, that this process has imported."""
    packages = {"tangent_bench"}
    for group in (registry.METHODS_GROUP, registry.MODELS_GROUP):
        for points in registry.installed(group).values():
            packages |= {point.module.partition(".")[0] for point in points}
    return sorted(name for name in list(sys.modules) if name.partition(".")[0] in packages)


def write_record(path: Path, record: dict) -> None:
    """Write a record as JSON, whose first entry is the sha256 of the text without that entry."""
    from tangent_bench.store.artefacts import write_text

    text = json.dumps(record, indent=1, sort_keys=True, default=str)
    write_text(path, f'{_SEAL}{hashlib.sha256(text.encode()).hexdigest()}",{text[1:]}')


def read_record(path: Path) -> dict:
    """What a job left, checked against its digest; that of an earlier release has none.

    Raises:
        ValueError: it is damaged; the caller says which file it is.
    """
    content = path.read_bytes()
    length = len(_SEAL) + 66  # 64 digits, a quotation mark and a comma
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
    """The commit of the code that runs, with "-dirty" if it was changed.

    It is "unknown" outside a repository.
    """
    describe = ["describe", "--always", "--dirty", "--abbrev=12"]
    command = ["git", "-C", str(Path(__file__).parent), *describe]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
