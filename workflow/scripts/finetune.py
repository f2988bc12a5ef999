"""One task vector θ* − θ0: fine-tunes on one task, or on all jointly, in one training mode."""

from tangent_bench.jobs.provenance import device, job

with job(snakemake) as record:
    from pathlib import Path

    import torch

    from tangent_bench import models
    from tangent_bench.finetuning import modes
    from tangent_bench.finetuning.loop import Source
    from tangent_bench.finetuning.saving import Saving
    from tangent_bench.finetuning.step import Recipe
    from tangent_bench.images.image_store import open_images
    from tangent_bench.models._tower import image_tower
    from tangent_bench.store import artefacts
    from tangent_bench.tangent.vectors import subtract

    w = snakemake.wildcards
    params = snakemake.params
    tower = image_tower(models.find(w.model, params.custom_models), w.init, 0, device(snakemake))
    sources = []
    digests = {}
    for name, data_file, head_file in zip(
        params.tasks, snakemake.input.train, snakemake.input.heads, strict=True
    ):
        images, data, about = open_images(data_file)
        head, head_about = artefacts.load(head_file, "head")
        sources.append(Source(name, images, data["labels"], torch.from_numpy(head["head"])))
        digests[name] = [about["sha256"], head_about["sha256"]]
    others = {}
    for name, data_file in zip(params.others, snakemake.input.others, strict=True):
        others[name], _, about = open_images(data_file)
        digests[f"other images of {name}"] = about["sha256"]
    recipe = Recipe(**params.recipe)
    tower.checkpoint_activations(recipe.checkpoint_activations)
    made_from = {
        "recipe": params.recipe,
        "code": params.code,
        "theta0": tower.digest,
        "images and heads": digests,
        "settings": params.settings,
        "seed": w.seed,
    }
    saving = Saving(Path(snakemake.output[0]).with_suffix(".state"), made_from)
    theta, losses = modes.fit(
        w.training,
        tower.module,
        tower.theta0,
        sources,
        recipe,
        int(w.seed),
        tower.normalise,
        tower.size,
        settings=params.settings,
        others=others,
        saving=saving,
    )
    vector = {key: value.cpu().numpy() for key, value in subtract(theta, tower.theta0).items()}
    record |= {
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "recipe": params.recipe,
        "settings": params.settings,
        "others": params.others,
    }
    artefacts.save(
        snakemake.output[0],
        "vector",
        vector,
        theta0=tower.digest,
        task=w.task,
        training=w.training,
        losses=losses,
    )
    saving.drop()
