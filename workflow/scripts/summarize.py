"""Means over seeds with 95 % intervals."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    from tangent_bench.judging.pooling import summarize
    from tangent_bench.store import replicates, rows
    from tangent_bench.store.artefacts import write_text

    table = summarize(replicates.attach(rows.read(snakemake.input[0]), snakemake.input[1]))
    write_text(snakemake.output[0], table.to_csv(index=False, lineterminator="\n"))
    record["num_rows"] = len(table)
