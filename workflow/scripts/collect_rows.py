"""All rows of a run in one table; two jobs that wrote the same coordinates are an error."""

from tangent_bench.provenance import job

with job(snakemake) as record:
    import pandas as pd

    from tangent_bench import rows

    if not snakemake.input:
        raise ValueError("No experiment writes rows; name at least one under `experiments` in the config.")
    tables = [table for table in map(rows.read, snakemake.input) if len(table)]
    if not tables:
        raise ValueError("No experiment found anything to measure; check `modes` and `experiments` in the config.")
    together = pd.concat(tables, ignore_index=True)
    rows.write(snakemake.output[0], together)
    record["num_rows"] = len(together)
