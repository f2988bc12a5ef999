"""Through sbatch of a real Slurm: the same rows as without it; a kill and a time limit are
reported, and cost one job.

The micro preset has some eighty jobs, each of which starts Python three times.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tangent_bench.planning import resources
from tangent_bench.store import layout
from tests.slurm import cluster as slurm
from tests.workflow.checkout import Checkout, merged, preset

pytestmark = [pytest.mark.slow, pytest.mark.full]
# The profile as a user has it, but for how often it looks.
PROFILE = "--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "5"
RESULTS = merged("micro")["results"]
VECTOR = f"{RESULTS}/{layout.vector('tiny', 'pretrained', 'standard', 'mnist', 0)}"
OTHER = f"{RESULTS}/{layout.vector('tiny', 'pretrained', 'linear', 'mnist', 0)}"


def _rule(comment: str) -> str:
    """The rule of a job, from the comment that the executor gives it."""
    return comment.removeprefix("rule_").partition("_wildcards_")[0]


def _submitted(cluster, before: set[str]) -> dict[str, tuple[str, str]]:
    """Slurm job → (rule, how it ended) of the jobs that came after those of `before`."""
    return {
        n: (_rule(comment), state)
        for n, (state, comment) in cluster.jobs().items()
        if n not in before
    }


def test_the_micro_preset_through_sbatch_has_the_same_rows_bit_for_bit(cluster, submitting, micro):
    before = set(cluster.jobs())
    finished = submitting.snakemake(*PROFILE, *preset("micro"))
    assert finished.status == 0, finished.output
    ours, theirs = submitting.path(f"{RESULTS}/rows.csv"), micro.path(f"{RESULTS}/rows.csv")
    assert ours.read_bytes() == theirs.read_bytes()
    submitted = _submitted(cluster, before)
    assert {state for _, state in submitted.values()} == {"COMPLETED"}
    assert (
        Counter(rule for rule, _ in submitted.values()) == finished.jobs
    )  # all of them, each once, and no other
    completed, gflop = cluster.completed(), resources.gflop_of("tiny")
    for number, (rule, _) in submitted.items():
        if rule in ("prepare_images", "build_head", "encode_base", "encode_changes"):
            asked, record = resources.ask(rule, gflop), completed[number]
            assert (
                int(record["TimeLimit"]) == asked["runtime"]
                and f"mem={asked['mem_mb']}M," in record["Tres"]
            )


def _while_it_trains(
    cluster, checkout: Checkout, act: Callable[[str], None], *arguments: str
) -> str:
    """Start a run and act on the Slurm job of its fine-tuning as soon as that has begun; returns
    the output.
    """
    before = set(cluster.jobs())
    process = checkout.start(
        *checkout.command(*PROFILE, "--retries", "0", *arguments, *preset("micro"))
    )
    deadline = time.monotonic() + 900
    log = checkout.path(f"{RESULTS}/logs/finetune/tiny.pretrained.standard.mnist.0.log")
    try:
        while not log.is_file():
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
            time.sleep(0.1)
        (number,) = [
            n for n, (rule, _) in _submitted(cluster, before).items() if rule == "finetune"
        ]
        act(number)
        output = process.communicate(timeout=900)[0]
    finally:
        if process.poll() is None:
            process.terminate()
    assert process.returncode != 0, output
    assert "Traceback" not in output, output
    return output


def _goes_on(checkout: Checkout, micro: Checkout) -> None:
    """The same command does what is missing, nothing else, and ends at the same weights."""
    data = checkout.path(f"{RESULTS}/{layout.data('mnist', 'train')}")
    finished_before = data.stat().st_mtime_ns
    finished = checkout.snakemake(VECTOR, *PROFILE, *preset("micro"))
    assert finished.status == 0 and finished.jobs == {"finetune": 1}, finished.output
    assert data.stat().st_mtime_ns == finished_before
    assert checkout.path(VECTOR).read_bytes() == micro.path(VECTOR).read_bytes()


def test_a_cancelled_job_is_reported_and_a_second_call_resumes(cluster, submitting, micro):
    output = _while_it_trains(
        cluster, submitting, lambda number: cluster.run("scancel", number), VECTOR
    )
    assert re.search(
        r"Error in rule finetune:\s+message: SLURM-job '\d+' failed, SLURM status is: 'CANCELLED'",
        output,
    )
    assert not submitting.path(VECTOR).exists()
    _goes_on(submitting, micro)


def test_a_job_out_of_time_is_reported_and_a_second_call_resumes(cluster, submitting, micro):
    """A job that is stopped, while its time goes on, is ended by Slurm's limit of a minute."""

    def hang(number: str) -> None:
        for process in slurm.processes(cluster):
            if process.environ().get("SLURM_JOB_ID") == number:
                process.suspend()

    output = _while_it_trains(
        cluster, submitting, hang, VECTOR, "--set-resources", "finetune:runtime=1"
    )
    assert re.search(
        r"Error in rule finetune:\s+message: SLURM-job '\d+' failed, SLURM status is: 'TIMEOUT'",
        output,
    )
    assert not submitting.path(VECTOR).exists()
    _goes_on(submitting, micro)


def test_two_fine_tunings_never_share_a_gpu(cluster, submitting):
    """The node has one GPU and two cores: without the GPU, both would run at once."""
    before = set(cluster.jobs())
    finished = submitting.snakemake(
        VECTOR,
        OTHER,
        *PROFILE,
        "--set-resources",
        "finetune:gpu=1",
        "finetune:mem_mb=1000",
        *preset("micro"),
    )
    assert finished.status == 0, finished.output
    records = cluster.completed()
    tunings = [
        records[n] for n, (rule, _) in _submitted(cluster, before).items() if rule == "finetune"
    ]
    first, second = sorted(tunings, key=lambda record: record["StartTime"])
    for record in (first, second):
        assert "TresPerJob=gres:gpu:1" in cluster.run("scontrol", "show", "job", record["JobId"])
    assert first["EndTime"] <= second["StartTime"]
