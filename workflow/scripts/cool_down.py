"""Both towers of a pre-training that is cooled down from a point of its trunk."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    import numpy as np

    from tangent_bench import models
    from tangent_bench.finetuning import pretraining
    from tangent_bench.store import artefacts

    w = snakemake.wildcards
    params = snakemake.params
    recipe = pretraining.trunk(params.recipe)
    fetch = pretraining.open_corpus(snakemake.input.shards, recipe, shuffled=w.arm == "shuffled")
    trainer = pretraining.Pretraining(recipe, models.find(w.run), fetch)
    trainer.resume(snakemake.input.trunk)
    trainer.cool_down(params.recipe["cooldown_steps"])
    pretraining.advance(trainer, trainer.recipe.steps)
    facts = {"step": trainer.step, "recipe": params.recipe}
    artefacts.save(snakemake.output[0], "pretraining weights", trainer.weights(), **facts)
    record |= {
        "last_loss": float(np.mean(trainer.losses[-100:])),
        "training_seconds": trainer.seconds,
    }
