"""J τ of every source on the validation and test images of one task; val and test share nothing but the vectors."""

from tangent_bench.jobs.provenance import device, job

with job(snakemake):
    from tangent_bench.measuring.results import Results
    from tangent_bench.store import artefacts
    from tangent_bench.tangent import features

    w, params = snakemake.wildcards, snakemake.params
    results = Results(
        params.results, w.model, w.init, int(w.seed), params.custom_models, device(snakemake)
    )
    tangents = [results.vector(w.training, source) for source in params.sources]
    tower, tensors = results.network, {}
    for split in ("val", "test"):
        images = results.prepared(w.task, split)
        found = features.changes(tower.module, tower.theta0, tangents, images, params.batch_size)
        tensors |= {
            f"{split}/{source}": change
            for source, change in zip(params.sources, found, strict=True)
        }
    artefacts.save(
        snakemake.output[0], "features", tensors, theta0=tower.digest, vectors=list(params.sources)
    )
