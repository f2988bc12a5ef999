"""All rows of a run in one table, with those of joined presets.

Two rows at the same coordinates must be the same.
"""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    import pandas as pd

    from tangent_bench.store import joins, rows

    tables = [table for table in map(rows.read, snakemake.input.own) if len(table)]
    by_preset = {}
    if tables:
        by_preset[snakemake.params.preset] = rows.check(pd.concat(tables, ignore_index=True))
    joined = map(rows.read, snakemake.input.joined)
    by_preset |= dict(zip(snakemake.params.joins, joined, strict=True))
    if not by_preset:
        raise ValueError(
            "No experiment found anything to measure; check `modes` and `experiments` in the "
            "config."
        )
    together = joins.together(by_preset)
    rows.write(snakemake.output[0], together)
    record["num_rows"] = len(together)
