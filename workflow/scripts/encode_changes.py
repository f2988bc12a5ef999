"""J τ of every source on the validation and test images of one task."""

from tangent_bench.jobs.provenance import device, job

with job(snakemake):
    from tangent_bench.measuring.results import Results
    from tangent_bench.store import artefacts
    from tangent_bench.tangent import features

    w = snakemake.wildcards
    params = snakemake.params
    results = Results(
        params.results, w.model, w.init, int(w.seed), params.custom_models, device(snakemake)
    )
    tangents = [results.vector(w.training, source) for source in params.sources]
    tower = results.network
    tensors = {}
    for split in ("val", "test"):
        images = results.prepared(w.task, split)
        changes = features.changes(tower.module, tower.theta0, tangents, images, params.batch_size)
        for source, change_ND in zip(params.sources, changes, strict=True):
            tensors[f"{split}/{source}"] = change_ND
    artefacts.save(
        snakemake.output[0], "features", tensors, theta0=tower.digest, vectors=list(params.sources)
    )
