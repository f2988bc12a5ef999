"""The frozen head of one model for one task, fitted on the training images' embeddings at θ0."""

from tangent_bench.jobs.provenance import device, job

with job(snakemake) as record:
    import numpy as np

    from tangent_bench.images.image_store import open_images
    from tangent_bench.measuring.results import Results
    from tangent_bench.store import artefacts
    from tangent_bench.tangent import features, probe

    w = snakemake.wildcards
    params = snakemake.params
    results = Results(params.results, w.model, w.init, 0, params.custom_models, device(snakemake))
    tower = results.network
    results.require_current(w.task)
    images, data, about = open_images(snakemake.input.train)
    batches = tower.prepare(images)
    train_ND = features.base(tower.module, tower.theta0, batches, params.batch_size)
    held = results.labels(w.task, "val")
    fitted = probe.choose(
        train_ND,
        data["labels"],
        results.base(w.task, "val"),
        held.labels,
        held.num_classes,
        params.penalties,
    )
    record |= {"penalty": fitted.penalty, "val_losses": fitted.losses}
    artefacts.save(
        snakemake.output[0],
        "head",
        {"head": fitted.head.astype(np.float32)},
        model=w.model,
        theta0=tower.digest,
        penalty=fitted.penalty,
        images=about["sha256"],
        class_names=about["class_names"],
    )
