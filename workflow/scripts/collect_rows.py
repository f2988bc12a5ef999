"""All rows of a run in one table, with those of joined presets; two at the same coordinates must be the same."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    import pandas as pd

    from tangent_bench.store import joins, rows

    tables = [table for table in map(rows.read, snakemake.input.own) if len(table)]
    own = (
        {snakemake.params.preset: rows.check(pd.concat(tables, ignore_index=True))}
        if tables
        else {}
    )
    joined = zip(snakemake.params.joins, map(rows.read, snakemake.input.joined), strict=True)
    found = own | dict(joined)
    if not found:
        raise ValueError(
            "No experiment found anything to measure; check `modes` and `experiments` in the config."
        )
    together = joins.together(found)
    rows.write(snakemake.output[0], together)
    record["num_rows"] = len(together)
