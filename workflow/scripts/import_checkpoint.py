"""One task vector θ* − θ0 from fine-tuned weights that others published."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    from pathlib import Path

    from tangent_bench import checkpoints, models
    from tangent_bench.store import artefacts
    from tangent_bench.tangent.linearize import parameters
    from tangent_bench.tangent.vectors import norm

    w = snakemake.wildcards
    params = snakemake.params
    network = models.create(models.find(w.model, params.custom_models))
    tau = checkpoints.load(params.layout, Path(snakemake.input.checkpoint), network)
    theta0 = parameters(network.visual)
    record |= {"layout": params.layout, "relative_norm": norm(tau) / norm(theta0)}
    digest = models.digest(network.visual)
    vector = {key: value.numpy() for key, value in tau.items()}
    artefacts.save(
        snakemake.output[0],
        "vector",
        vector,
        theta0=digest,
        task=w.task,
        training=w.training,
        layout=params.layout,
    )
