"""One table as CSV, Markdown, LaTeX, and as a page for the report."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    from tangent_bench import registry
    from tangent_bench.figures import _entities, _select
    from tangent_bench.report import render
    from tangent_bench.store import replicates, rows
    from tangent_bench.store.artefacts import write_text

    _entities.use_titles(snakemake.params.own_titles)
    name = snakemake.params.name
    output = snakemake.output
    plugin = registry.load("figures", name)
    table = replicates.attach(rows.read(snakemake.input[0]), snakemake.input[1])
    cells = plugin.build(table, **snakemake.params.settings)
    note = f"Preset {snakemake.params.run['preset']}; {_select.note_of(table, plugin.FIGURE)}"
    write_text(output.csv, render.csv(cells))
    write_text(output.md, render.markdown(cells, note))
    write_text(output.tex, render.latex(cells, f"{plugin.FIGURE.title}. {note}.", name))
    write_text(output.html, render.html(cells, plugin.FIGURE.title, note))
    write_text(output.caption, plugin.FIGURE.report_caption)
