"""Copies of tables, figures and replicates, and the rows, which compress to the same bytes."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    import gzip
    from pathlib import Path

    from tangent_bench.store import replicates, rows
    from tangent_bench.store.artefacts import atomic

    # nothing damaged is published
    replicates.attach(rows.read(snakemake.input.rows), snakemake.input.replicates)
    pairs = zip(
        [snakemake.input.replicates, *snakemake.input.files],
        [snakemake.output.replicates, *snakemake.output.files],
        strict=True,
    )
    contents = {target: Path(source).read_bytes() for source, target in pairs}
    contents[snakemake.output.rows] = gzip.compress(
        Path(snakemake.input.rows).read_bytes(), mtime=0
    )
    for target, content in contents.items():
        with atomic(target) as temporary:
            temporary.write_bytes(content)
