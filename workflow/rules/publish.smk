# From rows to what people look at: one table of rows, means with intervals, tables, figures, contact sheets, and the tracked subset.

_ABOUT = {name: registry.load("figures", name).FIGURE for name in registry.names("figures")}
_MADE = {
    n: about
    for n, about in _ABOUT.items()
    if about.possible(config["experiments"], config["modes"], len(config["inits"]))
}
FIGURES = [n for n, about in _MADE.items() if about.kind == "figure"]
TABLES = [n for n, about in _MADE.items() if about.kind == "table"]
PUBLISHED = [
    results("rows.csv"),
    results("summary.csv"),
    expand(results("tables/{table}.{ending}"), table=TABLES, ending=["csv", "md", "tex", "html"]),
    expand(results("figures/{figure}.{ending}"), figure=FIGURES, ending=["svg", "pdf", "png"]),
    expand(results("sheets/{task}.png"), task=EVALUATED),
]
# What the captions of the report quote.
_RUN = {"preset": config["preset"], "seeds": config["seeds"], "models": config["models"], "tasks": config["tasks"]}


rule collect_rows:
    input:
        ROWS(),
    output:
        results("rows.csv"),
    log:
        results("logs/collect_rows.log"),
    threads: 1
    params:
        code=code("rows.py"),
    script:
        "../scripts/collect_rows.py"


rule summarize:
    input:
        results("rows.csv"),
    output:
        results("summary.csv"),
    log:
        results("logs/summarize.log"),
    threads: 1
    params:
        code=code("rows.py", "summary.py"),
    script:
        "../scripts/summarize.py"


# A rule for each table and figure, since a caption belongs to a rule.
for _table in TABLES:

    rule:
        name:
            f"make_table_{_table}"
        input:
            results("rows.csv"),
        output:
            csv=results(f"tables/{_table}.csv"),
            md=results(f"tables/{_table}.md"),
            tex=results(f"tables/{_table}.tex"),
            html=report(
                results(f"tables/{_table}.html"),
                caption=f"../report/{_table}.rst",
                category=_MADE[_table].category,
                labels={"table": _MADE[_table].title},
            ),
        log:
            results(f"logs/make_table/{_table}.log"),
        threads: 1
        params:
            name=_table,
            run=_RUN,
            code=code("summary.py", "claims.py", "evidence.py", "verdicts.py", "figures/_*.py", f"figures/{_table}.py"),
        script:
            "../scripts/make_table.py"


for _figure in FIGURES:

    rule:
        name:
            f"draw_figure_{_figure}"
        input:
            results("rows.csv"),
        output:
            svg=report(
                results(f"figures/{_figure}.svg"),
                caption=f"../report/{_figure}.rst",
                category=_MADE[_figure].category,
                labels={"figure": _MADE[_figure].title},
            ),
            pdf=results(f"figures/{_figure}.pdf"),
            png=results(f"figures/{_figure}.png"),
        log:
            results(f"logs/draw_figure/{_figure}.log"),
        threads: 1
        params:
            name=_figure,
            run=_RUN,
            code=code("summary.py", "figures/_*.py", f"figures/{_figure}.py"),
        script:
            "../scripts/draw_figure.py"


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
    params:
        split=lambda w: "train" if w.task in config["tasks"] else "test",
        code=code("figures/_contact_sheet.py"),
    script:
        "../scripts/contact_sheet.py"


# The small part of the results that is tracked by git: `snakemake publish --cores all`. Not part of `all`.
_TRACKED = [
    *expand("tables/{table}.{ending}", table=TABLES, ending=["csv", "md", "tex"]),
    *expand("figures/{figure}.{ending}", figure=FIGURES, ending=["svg", "png"]),
]


rule publish:
    input:
        rows=results("rows.csv"),
        files=[results(path) for path in _TRACKED],
    output:
        rows=f"results/published/{config['preset']}/rows.csv.gz",
        files=[f"results/published/{config['preset']}/{path}" for path in _TRACKED],
    log:
        results("logs/publish.log"),
    threads: 1
    script:
        "../scripts/publish.py"
