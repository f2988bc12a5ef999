"""Reruns follow imports: the rules whose digest an edit changes are those that reach the module, by
grimp's graph.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.checkout import ROOT, Checkout


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    """The scripts that jobs run, the number of modules, and the modules whose edit changes other
    digests than it must.
    """
    checkout = Checkout.of_sources(tmp_path_factory.mktemp("edited") / "checkout")
    scripts = checkout.path("scripts")
    scripts.mkdir()
    (scripts / "__init__.py").touch()
    for script in (ROOT / "workflow/scripts").glob("*.py"):
        (scripts / script.name).write_bytes(script.read_bytes())
    methods = (
        "{methods: [ties, fisher, lines+ties, {name: adamerging, steps: 2}], "
        "method_experiments: [task_addition]}"
    )
    checkout.path("config/few_methods.yaml").write_text(methods)
    inits = (
        "{inits: [random, pretrained], "
        "experiments: [task_addition, disentanglement, pretraining_ablation]}"
    )
    checkout.path("config/few_inits.yaml").write_text(inits)
    done = subprocess.run(
        [sys.executable, ROOT / "tests/workflow/edited_modules.py"],
        cwd=checkout.root,
        env={**os.environ, "PYTHONPATH": str(checkout.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.full
def test_an_edit_changes_the_digests_of_the_rules_that_reach_the_module_and_no_others(edited):
    scripts, num_modules, wrong = edited
    assert (
        wrong == {}
        and num_modules > 200
        and {"finetune", "run_experiment", "merge", "make_table"} <= set(scripts)
    )


def test_plugins_are_loaded_by_every_in_two_modules_alone():
    """The edges that grimp cannot see, which the test above adds by hand."""
    package = ROOT / "tangent_bench"
    users = [file for file in package.rglob("*.py") if 'registry.every("' in file.read_text()]
    assert {file.relative_to(package) for file in users} == {
        Path("corpus/__init__.py"),
        Path("finetuning/distillation.py"),
    }


def _rules_with_scripts() -> list[tuple[str, str]]:
    """(script, text of the rule) of every rule."""
    found = []
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for text in re.split(r"^ *(?=rule\b|use rule\b)", file.read_text("utf-8"), flags=re.M):
            script = re.search(r'"\.\./scripts/(\w+)\.py"', text)
            if script:
                found.append((script[1], text))
    return found


def test_every_rule_carries_the_digest_of_its_script():
    """Snakemake's own look at scripts, by their dates, is switched off."""
    rules = _rules_with_scripts()
    scripts = {file.stem for file in (ROOT / "workflow/scripts").glob("*.py")}
    assert {script for script, _ in rules} == scripts
    for script, text in rules:
        digest = rf'\bcode=lambda w\b[^:]*:\s*(?:merging_)?code\(\s*"{script}"'
        assert re.search(digest, text), text


def test_reruns_go_by_content():
    profile = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text("utf-8"))
    assert set(profile["rerun-triggers"]) == {"input", "mtime", "params", "software-env"}
