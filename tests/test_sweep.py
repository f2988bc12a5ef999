"""The development sweep: its rule, its settings, and one point of it on a small tower."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tangent_bench.figures import _sweep
from tangent_bench.finetuning.loop import Source
from tangent_bench.finetuning.step import Recipe
from tangent_bench.images.inputs import Pixels
from tangent_bench.measuring import sweep
from tangent_bench.models._tower import Tower
from tangent_bench.planning.recipes import recipe
from tangent_bench.store import rows as rows_of
from tests.workflow.checkout import merged

PUBLISHED = Path(__file__).parents[1] / "results/published/sweep"
PENALTIES = PUBLISHED.with_name("sweep_penalties")
RECIPE = Recipe(
    steps=4,
    batch_size=6,
    learning_rate=1e-2,
    weight_decay=0.1,
    clip_norm=1.0,
    warmup_steps=1,
    decay_towards="zero",
)


def rows(scores: dict[tuple[str, str], float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"params_id": p, "training": t, "metric": "accuracy_tuned", "value": v}
            for (p, t), v in scores.items()
        ]
    )


def test_the_rule_takes_the_mean_over_trainings():
    table = rows(
        {("a", "standard"): 0.9, ("a", "linear"): 0.1, ("b", "standard"): 0.6, ("b", "linear"): 0.5}
    )
    best, scores = sweep.choose(table)
    assert best == "b"
    assert scores == pytest.approx({"a": 0.5, "b": 0.55})


def test_the_published_choice_follows_from_the_published_rows():
    published = rows_of.read(PUBLISHED / "rows.csv")
    assert sweep.report(published) == (PUBLISHED / "choice.md").read_text(encoding="utf-8")
    config = merged("tiny")
    for name, tried in published.groupby("model", sort=False):
        best, _ = sweep.choose(tried)
        chosen = recipe(config, name)
        assert best == sweep.setting(chosen["learning_rate"], chosen["steps"])
        assert f"Chosen by the rule in `tangent_bench/measuring/sweep.py`: **{best}**." in (
            sweep.report(tried)
        )


def test_the_weights_of_penalties_are_those_that_the_published_rows_choose():
    published = rows_of.read(PENALTIES / "rows.csv")
    assert sweep.report(published) == (PENALTIES / "choice.md").read_text(encoding="utf-8")
    config = merged("training_modes")
    chosen = recipe(config, "tiny")
    trainings = dict(list(published.groupby("training")))
    assert trainings.keys() == {"tau_jp", "tak"}
    for name, tried in trainings.items():
        best, scores = sweep.choose(tried)
        weight = config["training_modes"][name]["weight"]
        assert best == sweep.setting(chosen["learning_rate"], chosen["steps"], weight)
        lengths = tried[tried["metric"] == "relative_norm"].sort_values("value", ascending=False)
        assert best not in (lengths["params_id"].iloc[0], lengths["params_id"].iloc[-1]), scores


def test_what_was_looked_at_is_said():
    published = rows_of.read(PUBLISHED / "rows.csv")
    assert sweep.looked_at(published) == "validation images of the development world"
    of_texts = published.assign(sources="bible+cities")
    assert sweep.report(of_texts).splitlines()[2].startswith("Validation texts of the tasks that")


def test_each_model_has_a_choice_of_its_own():
    published = rows_of.read(PUBLISHED / "rows.csv")
    published = published[published["model"] == "tiny"]
    best, scores = sweep.choose(published)
    worst = min(scores, key=lambda params_id: scores[params_id])
    other = published.copy()
    other["model"] = "other"
    other["params_id"] = other["params_id"].replace({best: worst, worst: best})
    text = sweep.report(pd.concat([published, other], ignore_index=True))
    _, first, second = text.split("\n## ")
    assert first.startswith("tiny\n") and f"**{best}**." in first
    assert second.startswith("other\n") and f"**{worst}**." in second


def test_each_training_has_a_penalty_of_its_own():
    published = rows_of.read(PUBLISHED / "rows.csv")
    tried = published[published["model"] == "tiny"].copy()
    for training, rate in {"linear": 0.001, "standard": 0.0003}.items():
        at = (tried["training"] == training) & (tried["params_id"] == sweep.setting(rate, 200))
        tried.loc[at & (tried["metric"] == "accuracy_tuned"), "value"] = 0.0
    tried["params_id"] += " weight=0.1"
    _, *parts = sweep.report(tried).split("\n## ")
    chosen = {part.partition("\n")[0]: part.split("**")[1] for part in parts}
    assert chosen == {
        "tiny, standard": "learning_rate=0.0001 steps=200 weight=0.1",
        "tiny, linear": "learning_rate=0.0003 steps=200 weight=0.1",
    }


def test_the_figure_has_a_point_for_each_setting_and_training():
    published = rows_of.read(PUBLISHED / "rows.csv")
    axes = _sweep.draw(published)
    names = published["model"].unique()
    assert axes.shape == (len(names), len(_sweep.PANELS)) == (2, 2)
    for line, name in zip(axes, names, strict=True):
        for axis, metric in zip(line, _sweep.PANELS, strict=True):
            drawn = np.concatenate([each.get_xydata() for each in axis.lines])
            expected = published[(published["metric"] == metric) & (published["model"] == name)]
            assert sorted(drawn[:, 1]) == pytest.approx(sorted(100 * expected["value"]))


def test_warmup_stays_a_quarter():
    assert sweep.recipe_at(RECIPE, 3e-4, 200).warmup_steps == 50
    assert sweep.setting(3e-4, 200) == "learning_rate=0.0003 steps=200"
    assert sweep.setting(3e-4, 200, 0.01) == "learning_rate=0.0003 steps=200 weight=0.01"


class Linear(torch.nn.Module):
    """[B, 3, 4, 4] → [B, 5], linear in its parameters."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(48, 5)

    def forward(self, images):
        return self.layer(images.flatten(1))


@pytest.fixture
def world():
    """A linear tower, and two tasks to fine-tune it on."""
    torch.manual_seed(0)
    network = Linear().requires_grad_(False)
    tower = Tower(
        network,
        {k: v.clone() for k, v in network.named_parameters()},
        "",
        Pixels(4, (0.5,) * 3, (0.5,) * 3),
    )
    rng = np.random.default_rng(0)
    tasks = []
    for name in ("first", "second"):
        images = rng.integers(0, 256, size=(40, 4, 4, 3), dtype=np.uint8)
        labels = (images[:, 0, 0, 0] > 127).astype(np.int64)
        tasks.append(
            sweep.Development(
                Source(name, images[:30], labels[:30], torch.randn(2, 5)), images[30:], labels[30:]
            )
        )
    return tower, tasks


def test_a_point_measures_both_trainings_alike_on_a_linear_network(world):
    tower, tasks = world
    grid = np.linspace(0, 1, 5)
    found = {
        t: sweep.run(tower, "tiny", t, tasks, RECIPE, grid, 0, 8) for t in ("standard", "linear")
    }
    values = {t: {row.metric: row.value for row in table} for t, table in found.items()}
    for metric, value in values["standard"].items():
        assert values["linear"][metric] == pytest.approx(value, abs=1e-5), metric
    assert 0.0 <= values["linear"]["disentanglement_error"] <= 2.0
    assert values["linear"]["relative_norm"] > 0.0
    assert {row.split for table in found.values() for row in table} == {"val"}


def test_a_heavier_penalty_makes_shorter_vectors_under_its_own_name(world):
    tower, tasks = world
    length = {}
    for weight in (1e-6, 1e3):
        settings = {"weight": weight, "batch_size": 4}
        table = sweep.run(
            tower, "tiny", "tau_jp", tasks, RECIPE, np.linspace(0, 1, 5), 0, 8, settings
        )
        assert {row.params_id for row in table} == {sweep.setting(1e-2, 4, weight)}
        length[weight] = next(row.value for row in table if row.metric == "relative_norm")
    assert length[1e3] < 0.9 * length[1e-6]
