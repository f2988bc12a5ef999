"""The development sweep: all points in one file, the rule's choice, and its figure."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    import matplotlib

    matplotlib.use("Agg")
    import pandas as pd

    from tangent_bench.figures import _style, _sweep
    from tangent_bench.measuring import sweep
    from tangent_bench.store import rows
    from tangent_bench.store.artefacts import write_text

    table = rows.check(pd.concat([rows.read(path) for path in snakemake.input], ignore_index=True))
    rows.write(snakemake.output.rows, table)
    write_text(snakemake.output.choice, sweep.report(table))
    axes = _sweep.draw(table)
    for path in (snakemake.output.figure, snakemake.output.picture):
        _style.save(axes.flat[0].figure, path)
