"""One figure in the formats that are asked for."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    import matplotlib

    matplotlib.use("Agg")
    from tangent_bench import registry
    from tangent_bench.figures import _entities, _style
    from tangent_bench.store import replicates, rows
    from tangent_bench.store.artefacts import write_text

    _entities.use_titles(snakemake.params.own_titles)
    plugin = registry.load("figures", snakemake.params.name)
    table = replicates.attach(rows.read(snakemake.input[0]), snakemake.input[1])
    axes = plugin.draw(table)
    output = snakemake.output
    for path in (output.svg, output.pdf, output.png):
        _style.save(axes.flat[0].figure, path)
    write_text(output.caption, plugin.FIGURE.report_caption)
