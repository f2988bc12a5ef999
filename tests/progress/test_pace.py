"""How far a run is and how long it will take, against runs whose jobs are known."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from tangent_bench.planning import typical
from tangent_bench.planning.jobs import Job
from tangent_bench.progress import words
from tangent_bench.progress.outlook import expected_jobs
from tangent_bench.progress.pace import ALMOST, ExpectedJob, Outlook, Pace
from tests.progress import events
from tests.workflow.checkout import merged

CORES = 2
# Kind → number of jobs and expected seconds of each, in the order in which a run does them; about
# the tiny preset.
KINDS = {
    "prepare images": (26, 2.0),
    "build head": (9, 5.0),
    "encode base": (9, 5.0),
    "finetune (standard)": (9, 35.0),
    "finetune (linear)": (8, 45.0),
    "run experiment (network)": (3, 140.0),
    "encode changes": (18, 20.0),
    "run experiment (tangent)": (8, 3.0),
    "draw figure": (12, 2.8),
}


def outlook(present: int = 0) -> Outlook:
    jobs = [
        ExpectedJob(f"{kind} {place}", kind, kind, seconds)
        for kind, (number, seconds) in KINDS.items()
        for place in range(number)
    ]
    return Outlook(dict(enumerate(jobs)), present, CORES)


def moments(run: Outlook, take: Callable[[ExpectedJob], float]) -> Iterator[tuple[float, Pace]]:
    """The run at each moment at which a job ends; a core that is free begins the next job."""
    pace = Pace(run)
    waiting = list(run.jobs)
    ends: list[tuple[float, int]] = []
    moment = 0.0
    while waiting or ends:
        while waiting and len(ends) < CORES:
            number = waiting.pop(0)
            pace.begin(number, moment)
            heapq.heappush(ends, (moment + take(run.jobs[number]), number))
        moment, number = heapq.heappop(ends)
        pace.end(number, moment)
        yield moment, pace


def errors_of_time_left(take: Callable[[ExpectedJob], float]) -> dict[float, float]:
    """Share of the whole time that has passed → relative error of the time left."""
    whole = max(moment for moment, _ in moments(outlook(), take))
    errors = {}
    for moment, pace in moments(outlook(), take):
        left = pace.left(moment)
        assert left is not None
        if moment < whole:
            errors[moment / whole] = left / (whole - moment) - 1
    return errors


@pytest.mark.parametrize("slowness", [0.5, 1.0, 1.7, 4.0])
def test_time_left_is_that_of_a_machine_of_any_speed(slowness):
    """All jobs take the same multiple of what was expected."""
    errors = errors_of_time_left(lambda job: slowness * job.seconds)
    after_a_fifth = [abs(error) for passed, error in errors.items() if 0.2 < passed < 0.9]
    assert len(after_a_fifth) > 20
    assert max(after_a_fifth) < 0.1


@pytest.mark.parametrize("seed", range(10))
def test_time_left_is_right_to_thirty_percent_where_kinds_are_expected_wrongly(seed):
    """By up to a quarter, each by a factor of its own, and each job by a tenth more or less."""
    rng = np.random.default_rng(seed)
    of_kind = {kind: 1.5 * rng.uniform(0.8, 1.25) for kind in KINDS}
    noise = {job.name: rng.uniform(0.9, 1.1) for job in outlook().jobs.values()}
    errors = errors_of_time_left(lambda job: of_kind[job.kind] * noise[job.name] * job.seconds)
    assert max(abs(error) for passed, error in errors.items() if 0.2 < passed < 0.9) < 0.3


def test_share_and_time_left_of_a_recorded_run_are_those_of_its_clock():
    """The micro preset on a machine that others used as well, which took twice what typical
    seconds say, and not always the same.
    """
    stream = events.read("micro")
    begun = [vars(event) for event in stream if getattr(event, "event", "") == "job_info"]
    jobs = [Job(about["rule_name"], about["wildcards"]) for about in begun]
    expected = expected_jobs(jobs, typical.seconds(merged("micro"), jobs))
    pace = Pace(Outlook({b["jobid"]: e for b, e in zip(begun, expected, strict=True)}, 0, 2))
    begins = begun[0]["created"]
    whole = max(event.created for event in stream) - begins
    errors = {}
    for event in stream:
        about = vars(event)
        moment = event.created - begins
        if about.get("event") == "job_info":
            pace.begin(about["jobid"], moment)
        elif about.get("event") == "job_finished":
            pace.end(about["job_id"], moment)
            assert pace.share(moment) == pytest.approx(moment / whole, abs=0.08)
            left = pace.left(moment)
            if left is not None:  # it says nothing in the first seconds
                errors[moment / whole] = left / max(whole - moment, 1e-9) - 1
    of_middle = [abs(error) for passed, error in errors.items() if 0.2 < passed < 0.8]
    assert len(of_middle) > 30 and max(of_middle) < 0.3


def test_share_is_that_of_the_work_and_not_of_the_jobs():
    run = outlook()
    pace = Pace(run)
    short = [number for number, job in run.jobs.items() if job.kind == "prepare images"]
    for number in short:
        pace.begin(number, 0.0)
        pace.end(number, 2.0)
    work = sum(number * seconds for number, seconds in KINDS.values())
    assert pace.share(2.0) == pytest.approx(26 * 2.0 / work)
    assert len(short) / len(run.jobs) > 5 * pace.share(2.0)


def test_share_grows_to_one_and_counts_a_running_job_in_part():
    shares = [0.0]
    for moment, pace in moments(outlook(), lambda job: 2.0 * job.seconds):
        shares.append(pace.share(moment))
    assert np.all(np.diff(shares) >= 0) and shares[-1] == pytest.approx(1.0)
    pace = Pace(Outlook({0: ExpectedJob("", "", "", 10.0)}, 0, 1))
    pace.begin(0, 100.0)
    assert pace.share(104.0) == pytest.approx(0.4)
    assert pace.share(1000.0) == ALMOST, "it has not ended"
    pace.end(0, 1000.0)
    assert pace.share(1000.0) == 1.0 and pace.left(1000.0) == 0.0


def test_jobs_that_are_there_are_no_work():
    assert Pace(outlook(present=50)).left(0.0) == Pace(outlook()).left(0.0)


def test_a_failed_job_is_not_done_and_may_begin_again():
    pace = Pace(outlook())
    pace.begin(0, 0.0)
    before = pace.left(0.0)
    pace.fail(0)
    assert pace.failed == {0} and pace.share(5.0) == 0.0 and pace.left(5.0) == before
    pace.begin(0, 10.0)
    pace.stop(0)
    assert not pace.failed and not pace.running and pace.left(10.0) == before
    pace.begin(0, 10.0)
    assert not pace.failed and list(pace.running) == [0]


def test_the_longest_job_is_waited_for_however_many_cores_there_are():
    jobs = {0: ExpectedJob("", "", "long", 100.0), 1: ExpectedJob("", "", "short", 1.0)}
    assert Pace(Outlook(jobs, 0, 64)).left(0.0) == pytest.approx(100.0)


def test_elsewhere_as_many_jobs_run_at_once_as_are_at_work():
    run = replace(outlook(), cores=None)
    pace = Pace(run)
    alone = pace.left(0.0)
    for number in list(run.jobs)[:4]:
        pace.begin(number, 0.0)
    assert pace.left(0.0) == pytest.approx(alone / 4)


def test_without_known_seconds_jobs_are_counted_and_no_time_is_promised():
    jobs = {0: ExpectedJob("", "", "", None), 1: ExpectedJob("", "", "", 1.0)}
    pace = Pace(Outlook(jobs, 0, 1))
    pace.begin(1, 0.0)
    pace.end(1, 1.0)
    assert pace.share(1.0) == 0.5 and pace.left(1.0) is None
    pace.begin(7, 0.0)  # a number that is not known
    pace.end(7, 1.0)
    pace.fail(7)
    assert pace.share(1.0) == 0.5 and not pace.failed


def test_a_stage_is_over_with_its_last_job():
    run = outlook()
    pace = Pace(run)
    of_stage = [number for number, job in run.jobs.items() if job.stage == "build head"]
    for number in of_stage:
        assert not pace.is_over("build head")
        pace.begin(number, 0.0)
        pace.end(number, 1.0)
    assert pace.is_over("build head")


def test_what_jobs_have_in_common_is_not_said():
    wildcards = {"task": "mnist", "training": "linear", "model": "tiny", "seed": "0"}
    others = [wildcards, wildcards | {"seed": "1"}]
    assert words.of_job("finetune", wildcards, words.varying(others)) == (
        "fine-tuning mnist, linear, seed 0"
    )
    joint = wildcards | {"task": "multitask", "training": "standard"}
    assert words.of_job("finetune", joint) == "fine-tuning all tasks together, standard"
