"""From a merging method to a verdict: `tangent-bench regress my_method`.

The laws of `tangent_bench.testing` come first. Then the method runs on the vectors of five
fine-tuning seeds (made by the first run, in config/regress.yaml's folder) in every mode, and is
compared with a baseline, task by task and over all. Seed 0 comes first, mode by mode, with verdicts
that are conditional on it, then the others one by one; `judging.looks` says which look may be the
last.
A hyper-parameter is given as `--set keep=0.1`. Status as of `compare`: 1 on a verdict that
`--fail-on` names, 2 on errors.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Literal

from tangent_bench import merging, suite
from tangent_bench.jobs import lock
from tangent_bench.judging import looks, methods
from tangent_bench.judging.comparison import Comparison
from tangent_bench.judging.outcomes import ADDITION, Place
from tangent_bench.merging import Merger
from tangent_bench.planning.jobs import read_config
from tangent_bench.planning.resources import require_cores
from tangent_bench.report import method_comparison
from tangent_bench.store import layout, yaml_files

CONFIG = suite.ROOT / "config/regress.yaml"
Shown = Literal["progress", "everything", "nothing"]
# What Snakemake is told to show.
OPTIONS: Mapping[Shown, Sequence[str]] = {
    "progress": ["--logger", "tangent-bench"],
    "everything": [],
    "nothing": ["--quiet", "all"],
}


def entry(merger: Merger) -> dict:
    """The method as an entry of the config's `methods`."""
    return {"name": merger.name, **merger.values}


def build(
    mergers: Sequence[Merger],
    configfile: Path,
    cores: int,
    shown: Shown,
    seeds: Sequence[int],
    modes: Sequence[str] = (),
) -> None:
    """Make the outcomes of these methods by Snakemake; what is there stays.

    Args:
        mergers: the methods.
        configfile: says which vectors and modes.
        cores: jobs of one thread at a time.
        shown: what Snakemake shows.
        seeds: of the config's seeds, those that are wanted now.
        modes: of the config's modes, those that are wanted now; none: all that merge.

    Raises:
        ValueError: there is no core, another run is at work, or the run failed, and its own
            sentences stand above.
    """
    require_cores(cores=cores)
    lock.release(suite.ROOT)
    file = suite.ROOT / _read(configfile)["results"] / "regress.yaml"
    configfile = configfile.absolute()  # Snakemake runs in the checkout
    file.parent.mkdir(parents=True, exist_ok=True)
    # JSON is YAML, and keeps numbers, which Snakemake's --config would make text of.
    entries = {"methods": [entry(merger) for merger in mergers]}
    file.write_text(json.dumps(entries), encoding="utf-8")
    files = targets(read_config([configfile, file]), mergers, seeds, modes)
    command = [sys.executable, "-m", "snakemake", *files, "--cores", str(cores)]
    command += ["--configfile", str(configfile), str(file), *OPTIONS[shown]]
    done = subprocess.run(command, cwd=suite.ROOT)
    if done.returncode:
        raise ValueError(
            f"The run failed (status {done.returncode}); what it says above comes first."
        )


def targets(
    config: Mapping, mergers: Sequence[Merger], seeds: Sequence[int], modes: Sequence[str] = ()
) -> list[str]:
    """The files that a comparison of methods reads: outcomes in the modes, and f0 of the tasks."""
    modes = modes or _modes(config)
    files = []
    for model, init in product(config["models"], config["inits"]):
        files += [layout.base(model, init, task) for task in config["tasks"]]
        for mode, seed, merger in product(modes, seeds, mergers):
            label = "" if merger.label == config["method"] else merger.label
            files.append(layout.outcome(ADDITION, model, init, mode, seed, "csv", label))
    return [f"{config['results'].rstrip('/')}/{file}" for file in files]


def _modes(config: Mapping) -> list[str]:
    """The modes of a config in which vectors are merged."""
    return [mode for mode in config["modes"] if not mode.startswith("none-")]


def _read(configfile: Path) -> Mapping:
    if not configfile.is_file():
        raise ValueError(
            f"There is no config {configfile}; expected a file like config/regress.yaml."
        )
    return read_config([configfile])


def hyper_parameters(texts: Sequence[str]) -> dict:
    """name=value pairs; values as in YAML.

    >>> hyper_parameters(["keep=0.1", "lines.norm_ratio=false"])
    {'keep': 0.1, 'lines.norm_ratio': False}

    Raises:
        ValueError: a text is no such pair, or a name stands twice.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(
                f"--set {text!r} is no hyper-parameter; expected name=value, as keep=0.1."
            )
        if name in values:
            raise ValueError(f"--set names {name!r} twice; give it once.")
        values[name] = _value(name, value)
    return values


def _value(name: str, text: str) -> object:
    """The value of a hyper-parameter."""
    try:
        return yaml_files.parse(text, f"--set {name}")
    except yaml_files.KeyTwice:
        raise
    except yaml_files.UNREADABLE:
        raise ValueError(
            f"--set {name}={text!r} cannot be read; expected a number, true or false, as keep=0.1."
        ) from None


def regress(
    candidate: Merger,
    baseline: Merger,
    configfile: Path = CONFIG,
    cores: int = 2,
    shown: Shown = "progress",
    quick: bool = False,
) -> dict[Place, Comparison]:
    """Check, build, compare, seed by seed.

    Args:
        candidate: the method to judge.
        baseline: the method to compare it with.
        configfile: says which vectors and modes.
        cores: jobs of one thread at a time.
        shown: what Snakemake shows; with "nothing", nothing is printed at all.
        quick: stop after the first seed.

    Raises:
        ValueError: the method breaks a law, is the baseline itself, or the run failed; or this is
            no checkout.
    """
    suite.require_checkout("`tangent-bench regress`")
    if candidate.label == baseline.label:
        raise ValueError(
            f"Method and baseline are both {candidate.label!r}; name another `--baseline`."
        )
    config = _read(configfile)
    is_told = shown != "nothing"
    _check(candidate, is_told)
    seeds = config["seeds"][:1] if quick else config["seeds"]
    mergers = [baseline, candidate]
    found: dict[Place, Comparison] = {}
    if is_told and not _are_there(targets(config, [baseline], seeds[:1])):
        _tell_modes(config, mergers, configfile, cores, shown, seeds)
    for counts in batches(config, mergers, seeds):
        build(mergers, configfile, cores, shown, seeds[: counts[-1]])
        for count in counts:
            now = _compared(config, mergers, seeds[:count])
            found = looks.onwards(found, now, len(seeds))
            if count == len(seeds) or all(map(looks.is_decided, found.values())):
                return found
            if is_told:
                print(f"\n{method_comparison.look(found, seeds[:count])}\n", flush=True)
    return found


def _tell_modes(
    config: Mapping,
    mergers: Sequence[Merger],
    configfile: Path,
    cores: int,
    shown: Shown,
    seeds: Sequence[int],
) -> None:
    """Build the first seed mode by mode, and print the verdict of each but the last.

    The first is there when half of the vectors are.
    """
    for mode in _modes(config)[:-1]:
        build(mergers, configfile, cores, shown, seeds[:1], [mode])
        found = looks.onwards({}, _compared(config, mergers, seeds[:1], [mode]), len(seeds))
        print(f"\n{method_comparison.look(found, seeds[:1])}\n", flush=True)


def _check(candidate: Merger, is_told: bool) -> None:
    """Raise unless the method keeps its laws."""
    from tangent_bench.testing import check_method

    try:  # at the defaults, which the method's exceptions are about
        laws = check_method(merging.find(candidate.name))
    except AssertionError as sentence:
        raise ValueError(str(sentence)) from None
    if is_told:
        print(
            f"{candidate.title}: {len(laws)} laws hold, or are exceptions with a reason.",
            flush=True,
        )


def batches(config: Mapping, mergers: Sequence[Merger], seeds: Sequence[int]) -> list[list[int]]:
    """Numbers of seeds to look at, in batches that are built in one go.

    The first seed is one by itself, for an early verdict. So are the others, unless all that they
    make is there already: then there is nothing to wait for, and Snakemake starts once.

    Args:
        config: complete.
        mergers: the methods.
        seeds: in their order.
    """
    counts = list(range(1, len(seeds) + 1))
    others = targets(config, mergers, seeds[1:])
    if _are_there(others):
        return [batch for batch in (counts[:1], counts[1:]) if batch]
    return [[count] for count in counts]


def _are_there(files: Sequence[str]) -> bool:
    return all((suite.ROOT / file).is_file() for file in files)


def _compared(
    config: Mapping, mergers: Sequence[Merger], seeds: Sequence[int], modes: Sequence[str] = ()
) -> dict[Place, Comparison]:
    baseline, candidate = [merger.label for merger in mergers]
    folder = suite.ROOT / config["results"]
    return methods.compare(folder, baseline, [candidate], seeds=seeds, modes=modes)
