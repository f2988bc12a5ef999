# From rows to what people look at: one table of rows, the replicates that intervals stand on, means
# with intervals, tables, figures, contact sheets, and the tracked subset.

from tangent_bench.report.titles import titled
from tangent_bench.store import replicates


def all_of(key):
    """A list of the config, with those of the presets that it joins.

    A config without an experiment of its own has no such list.
    """
    own = [config] if config["experiments"] else []
    return list(dict.fromkeys(item for preset in [*own, *JOINED] for item in preset[key]))


def own_titles():
    """The titles of tasks and models of the user's own: of the config, a joined one, a package.

    And of methods whose hyper-parameters are not the defaults.
    """
    found = {}
    for key, section in (("tasks", "custom_tasks"), ("models", "custom_models")):
        found[key] = {}
        for preset in [*JOINED, config]:
            for name, entry in preset[section].items():
                if "title" in entry:
                    found[key][name] = entry["title"]
    for name in all_of("models"):
        if name in registry.installed(registry.MODELS_GROUP):
            found["models"].setdefault(name, models.find(name).title)
    found["methods"] = {m.label: titled(m) for m in METHODS.values() if m.params_id}
    return found


def made(contract):
    """Whether a figure or table is made: its rows are there.

    With joined rows it must be about what they have in common, unless they are parts of one run.
    """
    num_inits = len(all_of("inits"))
    num_methods = max(1, len(METHODS))
    measured = [model for model in all_of("models") if set(contract.reads) <= experiments_of(model)]
    possible = measured and contract.possible(
        all_of("experiments"), all_of("modes"), num_inits, measured, num_methods
    )
    return possible and (contract.of_joined or not JOINED or joins.are_parts(JOINED))


def experiments_of(model):
    """What is measured of a model: by the config, or by a preset that it joins."""
    with_it = [preset for preset in [config, *JOINED] if model in preset["models"]]
    return {experiment for preset in with_it for experiment in preset["experiments"]}


LEADERBOARD = {
    **{
        f"methods_{kind}_{ending}": f"tables/methods_{kind}.{ending}"
        for kind in ("addition", "negation")
        for ending in ("csv", "md", "tex")
    },
    "page": "leaderboard.html",
}
try:
    _CONTRACTS = {name: registry.load("figures", name).FIGURE for name in registry.names("figures")}
except ValueError as sentence:
    raise WorkflowError(str(sentence)) from None
_MADE = {name: contract for name, contract in _CONTRACTS.items() if made(contract)}
FIGURES = [name for name, contract in _MADE.items() if contract.kind == "figure"]
TABLES = [name for name, contract in _MADE.items() if contract.kind == "table"]
SHEETS = [task for task in EVALUATED if not has_texts(task)] if config["experiments"] else []
# What tables and figures are made of: rows, and the replicates that their intervals stand on.
ROWS = [results("rows.csv"), results(replicates.FILE)]
PUBLISHED = [
    ROWS,
    results("summary.csv"),
    expand(results("tables/{table}.{ending}"), table=TABLES, ending=["csv", "md", "tex", "html"]),
    expand(results("figures/{figure}.{ending}"), figure=FIGURES, ending=["svg", "pdf", "png"]),
    expand(results("sheets/{task}.png"), task=SHEETS),
    [results(path) for path in LEADERBOARD.values()] if METHODS else [],
    (
        expand(results("tables/times.{ending}"), ending=["csv", "md", "html"])
        if config["experiments"]
        else []
    ),
]
PAGE = results("index.html")


def caption_file(name):
    """The caption of a figure or table, a file since Snakemake's report takes nothing else."""
    return results(f"captions/{name}.rst")


# What the captions of the report quote.
_RUN = {"preset": config["preset"], **{key: all_of(key) for key in ("seeds", "models", "tasks")}}


rule collect_rows:
    input:
        own=[*outcomes(), *method_outcomes()],
        joined=[joins.rows_of(preset) for preset in JOINED],
    output:
        results("rows.csv"),
    log:
        results("logs/collect_rows.log"),
    threads: 1
    resources:
        **asked("collect_rows"),
    params:
        preset=config["preset"] if JOINED else "own",  # the name is for sentences about joined rows
        joins=config["joins"],
        code=lambda w: code("collect_rows"),
    script:
        "../scripts/collect_rows.py"


rule collect_replicates:
    input:
        own=outcomes("safetensors"),
        joined=[joins.replicates_of(preset) for preset in JOINED],
    output:
        results(replicates.FILE),
    log:
        results("logs/collect_replicates.log"),
    threads: 1
    resources:
        **asked("collect_replicates"),
    params:
        preset=config["preset"] if JOINED else "own",
        joins=config["joins"],
        code=lambda w: code("collect_replicates"),
    script:
        "../scripts/collect_replicates.py"


rule summarize:
    input:
        ROWS,
    output:
        results("summary.csv"),
    log:
        results("logs/summarize.log"),
    threads: 1
    resources:
        **asked("summarize"),
    params:
        code=lambda w: code("summarize"),
    script:
        "../scripts/summarize.py"


# A rule for each table and figure, since a caption belongs to a rule.
for _table in TABLES:

    rule:
        name:
            f"make_table_{_table}"
        input:
            ROWS,
        output:
            csv=results(f"tables/{_table}.csv"),
            md=results(f"tables/{_table}.md"),
            tex=results(f"tables/{_table}.tex"),
            html=report(
                results(f"tables/{_table}.html"),
                caption=os.path.abspath(caption_file(_table)),
                category=_MADE[_table].category,
                labels={"table": _MADE[_table].title},
            ),
            caption=caption_file(_table),
        log:
            results(f"logs/make_table/{_table}.log"),
        threads: 1
        resources:
            **asked("make_table"),
        params:
            name=_table,
            run=_RUN,
            own_titles=own_titles(),
            settings=config.get(_MADE[_table].section, {}),
            code=lambda w, name=_table: code("make_table", *plugins("figures", name), *titles()),
        script:
            "../scripts/make_table.py"


for _figure in FIGURES:

    rule:
        name:
            f"draw_figure_{_figure}"
        input:
            ROWS,
        output:
            svg=report(
                results(f"figures/{_figure}.svg"),
                caption=os.path.abspath(caption_file(_figure)),
                category=_MADE[_figure].category,
                labels={"figure": _MADE[_figure].title},
            ),
            pdf=results(f"figures/{_figure}.pdf"),
            png=results(f"figures/{_figure}.png"),
            caption=caption_file(_figure),
        log:
            results(f"logs/draw_figure/{_figure}.log"),
        threads: 1
        resources:
            **asked("draw_figure"),
        params:
            name=_figure,
            run=_RUN,
            own_titles=own_titles(),
            code=lambda w, name=_figure: code("draw_figure", *plugins("figures", name), *titles()),
        script:
            "../scripts/draw_figure.py"


# The methods of the config beside one another; their outcomes hold the replicates that differences
# stand on.
rule make_leaderboard:
    input:
        rows=results("rows.csv"),
        outcomes=[*method_outcomes("safetensors"), *merging_outcomes("safetensors")],
        base=[
            results(layout.base(m, i, t))
            for m in config["models"]
            for i in config["inits"]
            for t in EVALUATED
        ],
    output:
        **{name: results(path) for name, path in LEADERBOARD.items() if name != "page"},
        page=report(
            results(LEADERBOARD["page"]),
            caption="../report/leaderboard.rst",
            category="Merging methods",
            labels={"table": "Leaderboard"},
        ),
    log:
        results("logs/make_leaderboard.log"),
    threads: 1
    resources:
        **asked("make_leaderboard"),
    params:
        results=RESULTS,
        methods=config["methods"],
        baseline=config["method"],
        control=CONTROL,
        places=[
            (m, i, str(mode))
            for m in config["models"]
            for i in config["inits"]
            for mode in merging_modes()
        ],
        negated=negated(),
        run=_RUN,
        own_titles=own_titles(),
        code=lambda w: code("make_leaderboard", *titles()),
    script:
        "../scripts/make_leaderboard.py"


# From the records of all jobs: when the rows are there, they are.
rule make_times:
    input:
        results("rows.csv"),
    output:
        csv=results("tables/times.csv"),
        md=results("tables/times.md"),
        html=report(
            results("tables/times.html"),
            caption="../report/times.rst",
            category="About the run",
            labels={"table": "Where the time went"},
        ),
    log:
        results("logs/make_times.log"),
    threads: 1
    resources:
        **asked("make_times"),
    params:
        results=RESULTS,
        code=lambda w: code("make_times"),
    script:
        "../scripts/make_times.py"


# All of the above in one file; the records of all jobs are there when the other files are.
rule make_results_page:
    input:
        PUBLISHED,
    output:
        PAGE,
    log:
        results("logs/make_results_page.log"),
    threads: 1
    resources:
        **asked("make_results_page"),
    params:
        results=RESULTS,
        shown=[*TABLES, *FIGURES],
        sheets=SHEETS,
        timed=bool(config["experiments"]),
        methods=bool(METHODS),
        about=_RUN,
        own_titles=own_titles(),
        code=lambda w: code("make_results_page", *plugins("figures", *TABLES, *FIGURES), *titles()),
    script:
        "../scripts/make_results_page.py"


rule contact_sheet:
    input:
        # a control has no images for training
        lambda w: results(layout.data(w.task, "train" if w.task in config["tasks"] else "test")),
    output:
        report(
            results("sheets/{task}.png"),
            caption="../report/contact_sheet.rst",
            category="Data",
            labels={"task": "{task}"},
        ),
    log:
        results("logs/contact_sheet/{task}.log"),
    threads: 1
    resources:
        **asked("contact_sheet"),
    params:
        split=lambda w: "train" if w.task in config["tasks"] else "test",
        code=lambda w: code("contact_sheet"),
    script:
        "../scripts/contact_sheet.py"


# The small part of the results that is tracked by git: `snakemake publish --cores all`. Not part of
# `all`. Of a run with many towers, what is about them beside one another: other figures have a
# panel of megabytes for each.
_MANY = len(all_of("models")) * len(all_of("inits")) > 6
_TRACKED = [
    *expand("tables/{table}.{ending}", table=TABLES, ending=["csv", "md", "tex"]),
    *expand(
        "figures/{figure}.{ending}",
        figure=[name for name in FIGURES if _MADE[name].of_joined or not _MANY],
        ending=["svg", "png"],
    ),
]


# Of a run with merging methods, what is about these: the rest is published without them.
if METHODS:
    _TRACKED = [
        *LEADERBOARD.values(),
        *expand("figures/merging_methods.{ending}", ending=["svg", "png"]),
    ]
_NAME = "methods" if METHODS else config["preset"]


rule publish:
    input:
        rows=results("rows.csv"),
        replicates=results(replicates.FILE),
        files=[results(path) for path in _TRACKED],
    output:
        rows=f"results/published/{_NAME}/rows.csv.gz",
        replicates=f"results/published/{_NAME}/{replicates.FILE}",
        files=[f"results/published/{_NAME}/{path}" for path in _TRACKED],
    log:
        results("logs/publish.log"),
    threads: 1
    resources:
        **asked("publish"),
    params:
        code=lambda w: code("publish"),
    script:
        "../scripts/publish.py"
