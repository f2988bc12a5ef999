"""Trains the text tower of all embedded CLIPs on what a sentence encoder says of texts."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    import numpy as np

    from tangent_bench import models
    from tangent_bench.finetuning import distillation
    from tangent_bench.store import artefacts

    recipe = distillation.Distillation.from_config(snakemake.params.recipe)
    teacher = distillation.Teacher()
    texts = [
        distillation.captions(recipe),
        distillation.words(teacher.vocabulary(), recipe.seed),
        distillation.prompts(),
    ]
    model = models.find("tiny")
    made = distillation.distil(recipe, model, texts, teacher)
    facts = {"step": recipe.steps, "texts": list(map(len, texts)), "agreement": made.agreement}
    artefacts.save(snakemake.output[0], distillation.KIND, made.weights, **facts)
    record |= {"last_loss": float(np.mean(made.losses[-100:]))} | facts
