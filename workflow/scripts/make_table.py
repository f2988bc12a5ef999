"""One table as CSV, Markdown, LaTeX, and as a page for the report."""

from tangent_bench.provenance import job

with job(snakemake) as record:
    from tangent_bench import registry, rows
    from tangent_bench.artefacts import write_text
    from tangent_bench.figures import _render, _select

    name, output = snakemake.params.name, snakemake.output
    plugin, table = registry.load("figures", name), rows.read(snakemake.input[0])
    cells = plugin.build(table, **snakemake.params.settings)
    # a table about several families says in each row what its interval covers
    about = _select.note(_select.need(table, *plugin.FIGURE.reads), intervals=not plugin.FIGURE.across)
    note = f"Preset {snakemake.params.run['preset']}; {about}"
    write_text(output.csv, _render.csv(cells))
    write_text(output.md, _render.markdown(cells, note))
    write_text(output.tex, _render.latex(cells, f"{plugin.FIGURE.title}. {note}.", name))
    write_text(output.html, _render.html(cells, plugin.FIGURE.title, note))
