"""Means over seeds with 95 % intervals."""

from tangent_bench.provenance import job

with job(snakemake) as record:
    from tangent_bench import rows
    from tangent_bench.artefacts import write_text
    from tangent_bench.summary import summarize

    table = summarize(rows.read(snakemake.input[0]))
    write_text(snakemake.output[0], table.to_csv(index=False, lineterminator="\n"))
    record["num_rows"] = len(table)
