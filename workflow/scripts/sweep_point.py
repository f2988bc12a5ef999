"""One training mode at one learning rate and number of steps, on all tasks of the development world."""

from tangent_bench.provenance import device, job

with job(snakemake) as record:
    import torch

    from tangent_bench import artefacts, models, rows, sweep
    from tangent_bench.loop import Recipe, Source
    from tangent_bench.results import image_tower
    from tangent_bench.selection import grid

    w, params, files = snakemake.wildcards, snakemake.params, snakemake.input
    tasks = []
    for name, train, val, head in zip(params.tasks, files.train, files.val, files.heads, strict=True):
        data, held = (artefacts.load(path, "images")[0] for path in (train, val))
        head_KD = torch.from_numpy(artefacts.load(head, "head")[0]["head"])
        source = Source(name, data["images"], data["labels"], head_KD)
        tasks.append(sweep.Development(source, held["images"], held["labels"]))
    tower = image_tower(models.find(w.model, params.custom_models), "pretrained", 0, device(snakemake))
    recipe = sweep.recipe_at(Recipe(**params.recipe), float(w.rate), int(w.steps))
    table = sweep.run(
        tower, w.model, w.training, tasks, recipe, grid(**params.coefficients), params.seed, params.batch_size,
        params.settings,
    )  # fmt: skip
    rows.write(snakemake.output[0], rows.frame(table))
