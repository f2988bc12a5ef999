"""J d of a method's directions on the validation and test images, for the tangent side."""

from tangent_bench.jobs.provenance import device, job

with job(snakemake):
    from tangent_bench import merging
    from tangent_bench.measuring import directions
    from tangent_bench.measuring.results import Results
    from tangent_bench.store import artefacts

    w = snakemake.wildcards
    params = snakemake.params
    results = Results(
        params.results, w.model, w.init, int(w.seed), params.custom_models, device(snakemake)
    )
    changes = directions.encode(
        results,
        merging.find(**params.method),
        w.training,
        params.tasks,
        params.control,
        params.batch_size,
        params.each,
    )
    artefacts.save(snakemake.output[0], "features", changes, theta0=results.network.digest)
