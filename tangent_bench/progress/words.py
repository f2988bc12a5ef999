"""Jobs in words: "fine-tuning mnist, linear"."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from tangent_bench.store.layout import JOINT


class RuleWords(NamedTuple):
    """How the jobs of a rule are called.

    Attributes:
        stage: what they are a part of.
        job: one of them; wildcards stand in braces.
    """

    stage: str
    job: str


TABLES = "tables and figures"
PRETRAINING = "pre-training"
RULES = {
    "prepare_images": RuleWords("images", "preparing images of {task}, {split}"),
    "prepare_texts": RuleWords("texts", "preparing texts of {task}, {split}"),
    "build_head": RuleWords("heads", "making the head of {task}"),
    "fit_probe": RuleWords("heads", "fitting the head of {task}"),
    "encode_base": RuleWords("features", "encoding images of {task}"),
    "finetune": RuleWords("fine-tuning", "fine-tuning {task}, {training}"),
    "import_checkpoint": RuleWords("checkpoints", "reading the vector of {task}, {training}"),
    "encode_changes": RuleWords("features", "differentiating on {task}, {training}"),
    "merge": RuleWords("merging", "merging by {method}, {training}"),
    "encode_merged": RuleWords("features", "differentiating along {method}, {training}"),
    "run_experiment": RuleWords("experiments", "measuring {experiment}, {mode}"),
    "run_method": RuleWords("experiments", "measuring {experiment}, {mode}, {method}"),
    "collect_rows": RuleWords(TABLES, "collecting rows"),
    "collect_replicates": RuleWords(TABLES, "collecting replicates"),
    "summarize": RuleWords(TABLES, "taking means over seeds"),
    "make_table": RuleWords(TABLES, "making a table"),
    "draw_figure": RuleWords(TABLES, "drawing a figure"),
    "make_leaderboard": RuleWords(TABLES, "making the leaderboard"),
    "make_times": RuleWords(TABLES, "adding up times"),
    "make_results_page": RuleWords(TABLES, "writing the results page"),
    "contact_sheet": RuleWords(TABLES, "laying out images of {task}"),
    "publish": RuleWords("publishing", "copying what is published"),
    "distil_text": RuleWords(PRETRAINING, "teaching the text tower"),
    "draw_corpus": RuleWords(PRETRAINING, "drawing the corpus, part {shard}"),
    "draw_corpus_again": RuleWords(PRETRAINING, "drawing the corpus, part {shard}, seed {seed}"),
    "pretrain_model": RuleWords(PRETRAINING, "pre-training {embedded}"),
    "advance_trunk": RuleWords(PRETRAINING, "pre-training {run}, {arm} to {percent} %"),
    "cool_down": RuleWords(PRETRAINING, "cooling down {run}, {arm} at {percent} %"),
    "sweep_point": RuleWords("sweep", "sweep of {training}, rate {rate}, steps {steps}"),
    "sweep": RuleWords("sweep", "choosing rate and steps"),
}
# Rules of which there is one for each table or figure.
ONE_FOR_EACH = {"make_table_": "making table ", "draw_figure_": "drawing figure "}
# Named only where the jobs of a run differ in them; how they are said.
COORDINATES = {"model": "{}", "init": "{}", "seed": "seed {}"}


def stage(rule: str) -> str:
    """The stage of a run that the jobs of a rule belong to; of an unknown rule it is the rule.

    >>> stage("finetune"), stage("draw_figure_overview"), stage("tidy_up")
    ('fine-tuning', 'tables and figures', 'tidy up')
    """
    if rule.startswith(tuple(ONE_FOR_EACH)):
        return TABLES
    return RULES[rule].stage if rule in RULES else rule.replace("_", " ")


def of_job(rule: str, wildcards: Mapping[str, str], varying: Collection[str] = ()) -> str:
    """A job in words.

    Args:
        rule: its name.
        wildcards: name → value.
        varying: the wildcards in which jobs of the run differ (`varying`).

    >>> of_job("finetune", {"task": "mnist", "training": "linear", "seed": "3"}, ["seed"])
    'fine-tuning mnist, linear, seed 3'
    >>> of_job("run_experiment", {"experiment": "task_addition", "mode": "linear-tangent"})
    'measuring task addition, linear-tangent'
    >>> of_job("make_table_table1_addition", {}), of_job("tidy_up", {"task": "mnist"})
    ('making table table1 addition', 'tidy up mnist')
    """
    said = {name: _value(name, value) for name, value in wildcards.items()}
    text = _template(rule, said).format_map(said)
    coordinates = [
        spoken.format(said[name])
        for name, spoken in COORDINATES.items()
        if name in varying and name in said and f"{{{name}}}" not in _template(rule, said)
    ]
    return ", ".join([text, *coordinates])


def _value(name: str, value: str) -> str:
    if name == "task" and value == JOINT:
        return "all tasks together"
    return value.replace("_", " ")


def _template(rule: str, wildcards: Iterable[str]) -> str:
    for beginning, words in ONE_FOR_EACH.items():
        if rule.startswith(beginning):
            return words + rule.removeprefix(beginning).replace("_", " ")
    if rule in RULES:
        return RULES[rule].job
    places = [f"{{{name}}}" for name in wildcards if name not in COORDINATES]
    return " ".join([rule.replace("_", " "), *places])


def varying(jobs: Iterable[Mapping[str, str]]) -> set[str]:
    """The coordinates that have several values among jobs, given the wildcards of each.

    >>> varying([{"seed": "0", "model": "tiny"}, {"seed": "1", "model": "tiny"}])
    {'seed'}
    """
    values: dict[str, set[str]] = {}
    for wildcards in jobs:
        for name in COORDINATES.keys() & wildcards.keys():
            values.setdefault(name, set()).add(wildcards[name])
    return {name for name, found in values.items() if len(found) > 1}


def duration(seconds: float) -> str:
    """On a clock: minutes and seconds, from an hour on hours as well.

    >>> duration(42.4), duration(192), duration(3753)
    ('0:42', '3:12', '1:02:33')
    """
    whole = max(0, round(seconds))
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes}:{whole % 60:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{whole % 60:02}"


def about(seconds: float) -> str:
    """In words, no finer than an estimate is.

    >>> about(20), about(100), about(1500), about(5000), about(90000)
    ('less than a minute', 'about 2 min', 'about 25 min', 'about 1 h 20 min', 'about 25 h')
    """
    minutes = round(seconds / 60)
    if seconds < 45:
        return "less than a minute"
    if minutes < 60:
        return f"about {minutes} min"
    if minutes < 600:
        return f"about {minutes // 60} h {10 * (minutes % 60 // 10)} min"
    return f"about {round(minutes / 60)} h"


def jobs(number: int) -> str:
    """A number of jobs.

    >>> jobs(1), jobs(118)
    ('1 job', '118 jobs')
    """
    return f"{number} job" if number == 1 else f"{number} jobs"
