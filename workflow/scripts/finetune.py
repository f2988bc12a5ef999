"""One task vector: fine-tune on one task (or on all of them jointly) in one training mode, and store θ* − θ0."""

from tangent_bench.provenance import job

with job(snakemake) as record:
    import torch

    from tangent_bench import artefacts, models, registry
    from tangent_bench.image_store import open_images
    from tangent_bench.loop import Recipe, Source, finetune
    from tangent_bench.results import image_tower
    from tangent_bench.vectors import subtract

    w, params = snakemake.wildcards, snakemake.params
    tower = image_tower(models.find(w.model, params.custom_models), w.init, 0)
    sources = []
    for name, data_file, head_file in zip(params.tasks, snakemake.input.train, snakemake.input.heads, strict=True):
        images, data, _ = open_images(data_file)
        head = torch.from_numpy(artefacts.load(head_file, "head")[0]["head"])
        sources.append(Source(name, images, data["labels"], head))
    encoder = registry.load("training", w.training).encoder(tower.module, tower.theta0)
    recipe = Recipe(**params.recipe)
    theta, losses = finetune(encoder, tower.theta0, sources, recipe, int(w.seed), tower.normalise, tower.size)
    vector = {key: value.numpy() for key, value in subtract(theta, tower.theta0).items()}
    record |= {"first_loss": losses[0], "last_loss": losses[-1], "recipe": params.recipe}
    artefacts.save(
        snakemake.output[0], "vector", vector, theta0=tower.digest, task=w.task, training=w.training, losses=losses
    )
