"""The direction that one merging method makes of all tasks' vectors."""

from tangent_bench.jobs.provenance import device, job

with job(snakemake):
    from tangent_bench import merging
    from tangent_bench.measuring import directions
    from tangent_bench.measuring.results import Results
    from tangent_bench.store import artefacts

    w = snakemake.wildcards
    params = snakemake.params
    results = Results(
        params.results,
        w.model,
        w.init,
        int(w.seed),
        params.custom_models,
        device(snakemake),
        params.heads,
    )
    merger = merging.find(**params.method)
    direction = directions.merge(results, merger, w.training, params.tasks)
    tensors = {key: value.cpu().numpy() for key, value in direction.items()}
    about = {"task": "+".join(params.tasks), "training": w.training, "method": params.method}
    artefacts.save(snakemake.output[0], "vector", tensors, theta0=results.network.digest, **about)
