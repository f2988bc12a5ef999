"""One training mode at one setting of the sweep, on the development world."""

from tangent_bench.jobs.provenance import device, job

with job(snakemake) as record:
    import torch

    from tangent_bench import models
    from tangent_bench.finetuning.loop import Source
    from tangent_bench.finetuning.step import Recipe
    from tangent_bench.measuring import sweep
    from tangent_bench.measuring.selection import grid
    from tangent_bench.models._tower import image_tower
    from tangent_bench.store import artefacts, rows

    w = snakemake.wildcards
    params = snakemake.params
    files = snakemake.input
    tasks = []
    for name, train, val, head in zip(
        params.tasks, files.train, files.val, files.heads, strict=True
    ):
        data, _ = artefacts.load(train, "images")
        held, _ = artefacts.load(val, "images")
        head_KD = torch.from_numpy(artefacts.load(head, "head")[0]["head"])
        source = Source(name, data["images"], data["labels"], head_KD)
        tasks.append(sweep.Development(source, held["images"], held["labels"]))
    tower = image_tower(
        models.find(w.model, params.custom_models), "pretrained", 0, device(snakemake)
    )
    settings = params.settings
    if w.weight != "own":  # of the training's penalty
        settings = {**settings, "weight": float(w.weight)}
    recipe = sweep.recipe_at(Recipe(**params.recipe), float(w.rate), int(w.steps))
    table = sweep.run(
        tower,
        w.model,
        w.training,
        tasks,
        recipe,
        grid(**params.coefficients),
        params.seed,
        params.batch_size,
        settings,
    )
    rows.write(snakemake.output[0], rows.frame(table))
