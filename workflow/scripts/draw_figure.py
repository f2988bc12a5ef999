"""One figure in the formats that are asked for."""

from tangent_bench.provenance import job

with job(snakemake) as record:
    import matplotlib

    matplotlib.use("Agg")
    from tangent_bench import registry, rows
    from tangent_bench.figures import _style

    plugin = registry.load("figures", snakemake.params.name)
    axes = plugin.draw(rows.read(snakemake.input[0]))
    for path in snakemake.output:
        _style.save(axes.flat[0].figure, path)
