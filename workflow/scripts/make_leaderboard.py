"""Merging methods in every mode: the cross tables, and the leaderboard as a page."""

from tangent_bench.jobs.provenance import job

with job(snakemake):
    from pathlib import Path

    from tangent_bench import merging
    from tangent_bench.figures import _entities
    from tangent_bench.judging.outcomes import Place
    from tangent_bench.report import leaderboard, leaderboard_page, render
    from tangent_bench.store.artefacts import write_text

    _entities.use_titles(snakemake.params.own_titles)
    output = snakemake.output
    params = snakemake.params
    root = Path(params.results)
    places = [Place(*place) for place in params.places]
    run = leaderboard.MergingRun(
        root, params.baseline, params.control, params.run["seeds"], places, params.negated
    )
    lines = leaderboard.entries(run, list(merging.asked(params.methods).values()))
    note = leaderboard.note(lines, params.run["preset"])
    tables = {
        "methods_addition": leaderboard.table(lines),
        "methods_negation": leaderboard.negation_table(lines),
    }
    for name, cells in tables.items():
        title = leaderboard.TITLES[name]
        write_text(output[f"{name}_csv"], render.csv(cells))
        write_text(output[f"{name}_md"], render.markdown(cells, note))
        write_text(output[f"{name}_tex"], render.latex(cells, f"{title}. {note}", name))
    seconds = leaderboard_page.seconds_of(root / "logs")
    control = _entities.task_title(params.control)
    page = leaderboard_page.page(lines, params.run["preset"], seconds, control)
    write_text(output.page, page)
