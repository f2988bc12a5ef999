"""The jobs that a run of Snakemake will do, and how long each is expected to take."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from tangent_bench.planning import typical
from tangent_bench.planning.jobs import Job
from tangent_bench.progress import words
from tangent_bench.progress.pace import ExpectedJob, Outlook
from tangent_bench.report import times

ALL = "all"  # the rule that asks for everything, and does nothing


def tell(workflow: Any, config: Mapping) -> None:
    """Tell the logger plugin of this run, if it has one of ours, what jobs to expect.

    Args:
        workflow: Snakemake's, as in `onstart`.
        config: complete.
    """
    for handler in workflow.logger_manager.plugin_handlers:
        if expect := getattr(handler, "expect", None):
            expect(of_workflow(workflow, config))


def of_workflow(workflow: Any, config: Mapping) -> Outlook:
    """The outlook of Snakemake's workflow, whose jobs are known.

    Args:
        workflow: Snakemake's, as in `onstart`.
        config: complete.
    """
    dag = workflow.dag
    needed = [job for job in dag.needrun_jobs() if job.rule.name != ALL]
    total = sum(job.rule.name != ALL for job in dag.jobs)
    numbers = [dag.jobid(job) for job in needed]
    jobs = [
        Job(job.rule.name, dict(job.wildcards_dict), log=str(next(iter(job.log), "")))
        for job in needed
    ]
    expected = expected_jobs(jobs, _seconds(config, jobs))
    return Outlook(
        jobs=dict(zip(numbers, expected, strict=True)),
        present=total - len(needed),
        cores=workflow.resource_settings.cores if workflow.local_exec else None,
    )


def expected_jobs(jobs: Sequence[Job], seconds: Sequence[float | None]) -> list[ExpectedJob]:
    """Jobs of a run in words, each with the seconds that it is expected to take."""
    varying = words.varying(job.wildcards for job in jobs)
    return [
        ExpectedJob(
            name=words.of_job(job.rule, job.wildcards, varying),
            stage=words.stage(job.rule),
            kind=times.kind_of({"rule": job.rule, "wildcards": job.wildcards}),
            seconds=of_job,
            log=job.log,
        )
        for job, of_job in zip(jobs, seconds, strict=True)
    ]


def _seconds(config: Mapping, jobs: Sequence[Job]) -> list[float | None]:
    """As far as they can be told; a display is no reason to stop a run."""
    try:
        return typical.seconds(config, jobs)
    except Exception as error:
        logging.getLogger(__name__).debug("no seconds of jobs: %s", error)
        return [None] * len(jobs)
