"""Methods are found by name, in files and in installed packages; mistakes are one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tangent_bench import merging, registry

SAMPLE = """
from tangent_bench.methods import Method, Parameter

METHOD = Method(
    title="Half", reference="nobody", parameters={"factor": Parameter(0.5, "of the sum", 0.0)}
)


def prepare(vectors, context):
    first, *rest = vectors.values()
    factor = context.hyper_parameters["factor"]
    return {key: factor * sum((v[key] for v in rest), first[key]) for key in first}
"""
POINTS = """[tangent_bench.methods]
half = sample_half
broken = sample_broken
raising = sample_raising
ties = sample_half
a.half = sample_half
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed distribution as pip leaves it: modules, and a dist-info with entry points."""
    info = tmp_path / "sample_half-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sample-half\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (tmp_path / "sample_half.py").write_text(SAMPLE)
    (tmp_path / "sample_broken.py").write_text(SAMPLE.replace("def prepare", "def prepared"))
    (tmp_path / "sample_raising.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("sample_half", "sample_broken"):
        sys.modules.pop(name, None)


VECTORS = {"one": {"w": torch.tensor([2.0])}, "two": {"w": torch.tensor([4.0])}}
THETA0 = {"w": torch.tensor([1.0])}


def test_a_method_of_an_installed_package_is_found(package):
    assert "half" in merging.names()
    assert merging.find("half").prepare(VECTORS, THETA0)["w"].tolist() == [3.0]
    assert merging.find("half", {"factor": 2}).prepare(VECTORS, THETA0)["w"].tolist() == [12.0]


def test_who_sees_test_images_is_known_by_name_label_and_chain(package):
    seeing = [name for name in merging.names() if merging.sees_test_images(name)]
    assert seeing == ["adamerging", "task_wise_adamerging"]
    for name in ("magmax", "adamerging", "lines+adamerging", "half"):
        given = {"adamerging.steps": 7} if "adamerging" in name else {}
        merger = merging.find(name, given)
        assert merger.sees_test_images == merging.sees_test_images(merger.label)
        assert merger.sees_test_images == ("adamerging" in name)
    assert "-" in merging.find("adamerging", {"steps": 7}).label
    assert not merging.sees_test_images("of-a-package-that-is-not-here")


def test_a_package_that_breaks_the_contract_is_named(package):
    with pytest.raises(ValueError, match=r"'broken' of package 'sample-half' needs either prepare"):
        merging.find("broken")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("METHOD =", "OTHER ="),
            "has no METHOD; expected a tangent_bench.methods.Method, got NoneType",
        ),
        (
            ("METHOD = Method(", "METHOD = Method(data='test images', "),
            "has data 'test images'; expected one of none",
        ),
        (
            ("METHOD = Method(", "METHOD = Method(storage='ten', "),
            "has storage 'ten'; expected one of one model, ",
        ),
    ],
)
def test_a_package_with_another_contract_is_told_what_there_is(package, change, sentence):
    assert change[0] in SAMPLE
    (package / "sample_broken.py").write_text(SAMPLE.replace(*change))
    with pytest.raises(ValueError, match=rf"'broken' of package 'sample-half' {sentence}"):
        merging.find("broken")


def test_a_package_that_cannot_be_imported_is_named(package):
    with pytest.raises(
        ValueError,
        match=r"'raising' of package 'sample-half' cannot be imported \(ZeroDivisionError: .*\)",
    ):
        merging.find("raising")


def test_a_name_that_is_claimed_twice_is_refused(package):
    with pytest.raises(
        ValueError, match=r"'ties' comes from the suite and package 'sample-half'; rename it"
    ):
        merging.find("ties")
    assert merging.names().count("ties") == 1
    other = package / "other-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[tangent_bench.methods]\nhalf = sample_half\n")
    registry._installed_on.cache_clear()
    with pytest.raises(
        ValueError, match=r"'half' comes from package '(sample-half|other)' and package"
    ):
        merging.find("half")


def test_a_name_that_would_split_is_refused(package):
    with pytest.raises(ValueError, match=r"'a.half' of package 'sample-half' has '.' in its name"):
        merging.find("a.half")


def test_hyper_parameters_and_their_digest():
    plain = merging.find("ties")
    changed = merging.find("ties", {"keep": 0.1})
    assert plain.values == {"ties.keep": 0.2} and changed.values == {"ties.keep": 0.1}
    assert plain.params_id == "" and len(changed.params_id) == 8
    assert merging.find("ties", {"ties.keep": 0.2}).params_id == "", (
        "a default that is said is a default"
    )
    assert merging.find("lines+ties", {"keep": 0.1}).values["ties.keep"] == 0.1


def test_a_wrapper_adjusts_what_the_method_made():
    vectors = {"one": {f"transformer.resblocks.{k}.w": torch.ones(2) for k in range(3)}}
    theta0 = {key: torch.zeros(2) for key in vectors["one"]}
    inner, outer = (
        merging.find(name).prepare(vectors, theta0)
        for name in ("task_arithmetic", "lines+task_arithmetic")
    )
    scales = [float(outer[key][0] / inner[key][0]) for key in inner]
    assert scales[0] < scales[1] < scales[2]
    assert merging.find("lines+ties").title == "LiNeS + TIES"
    assert (
        not merging.find("lines+task_arithmetic").is_sum and merging.find("task_arithmetic").is_sum
    )


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("tiess", {}, "Unknown name 'tiess' in 'methods': .* Did you mean 'ties'"),
        (
            "lines",
            {},
            "'lines' is a wrapper: say around which method, as 'lines\\+task_arithmetic'",
        ),
        ("ties+dare", {}, "'ties' in 'ties\\+dare' is no wrapper"),
        ("lines+lines+ties", {}, "names a wrapper twice"),
        (
            "ties",
            {"kep": 0.1},
            "Unknown hyper-parameter 'kep' of 'ties': it has ties.keep. Did you mean 'ties.keep'",
        ),
        (
            "ties",
            {"keep": 1.5},
            "'ties.keep' is 1.5; expected a float and at least 0 and at most 1",
        ),
        ("ties", {"keep": "much"}, "'ties.keep' is 'much'; expected a float"),
        ("consensus", {"tasks": 1.5}, "'consensus.tasks' is 1.5; expected a int and at least 1"),
        ("ties", {"keep": True}, "'ties.keep' is True"),
        ("ties", {"keep": float("nan")}, "'ties.keep' is nan"),
        ("consensus", {"scale": float("nan")}, "'consensus.scale' is nan"),
    ],
)
def test_a_mistake_is_one_sentence(name, given, said):
    with pytest.raises(ValueError, match=said):
        merging.find(name, given)


def test_no_vectors_is_one_sentence():
    with pytest.raises(ValueError, match="'ties' was given no vectors"):
        merging.find("ties").prepare({}, THETA0)


def test_opening_every_method_imports_no_torch():
    """The config is checked while the Snakefile is parsed."""
    names = [
        n if hasattr(registry.load("methods", n), "prepare") else f"{n}+ties"
        for n in registry.names("methods")
    ]
    opened = f"import sys; from tangent_bench import merging; [merging.find(n) for n in {names}]"
    program = f"{opened}; print('torch' in sys.modules)"
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
