"""One figure in the formats that are asked for."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    import matplotlib

    matplotlib.use("Agg")
    from tangent_bench import registry
    from tangent_bench.figures import _style
    from tangent_bench.store import rows

    plugin = registry.load("figures", snakemake.params.name)
    axes = plugin.draw(rows.read(snakemake.input[0]))
    for path in snakemake.output:
        _style.save(axes.flat[0].figure, path)
