"""A stretch of a pre-training at constant rate, from the state before it or the initialisation."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    import numpy as np

    from tangent_bench import models
    from tangent_bench.finetuning import pretraining

    w = snakemake.wildcards
    params = snakemake.params
    recipe = pretraining.trunk(params.recipe)
    fetch = pretraining.open_corpus(snakemake.input.shards, recipe, shuffled=w.arm == "shuffled")
    trainer = pretraining.Pretraining(recipe, models.find(w.run), fetch)
    if snakemake.input.before:
        trainer.resume(snakemake.input.before[0])
    pretraining.advance(trainer, round(recipe.steps * int(w.percent) / 100))
    trainer.save(snakemake.output[0])
    record |= {
        "last_loss": float(np.mean(trainer.losses[-100:])),
        "training_seconds": trainer.seconds,
    }
