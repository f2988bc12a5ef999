"""The replicates of a run that claims and tables stand on, with those of joined presets."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    from tangent_bench.judging import gathering
    from tangent_bench.store import replicates

    joined = map(replicates.load, snakemake.input.joined)
    by_preset = dict(zip(snakemake.params.joins, joined, strict=True))
    by_preset[snakemake.params.preset] = gathering.gather(snakemake.input.own)
    together = replicates.together(by_preset)
    replicates.save(snakemake.output[0], together)
    record["num_rows"] = len(together.deviations)
