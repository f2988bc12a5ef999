"""Pre-trains an embedded CLIP; after a kill it goes on from the last saved state, bit for bit."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    from pathlib import Path

    import numpy as np

    from tangent_bench import models
    from tangent_bench.finetuning import pretraining
    from tangent_bench.store import artefacts

    params = snakemake.params
    recipe = pretraining.PretrainingRecipe.from_config(params.recipe)
    folder = Path(params.folder)
    fetch = pretraining.open_corpus(snakemake.input, recipe)
    trainer = pretraining.Pretraining(recipe, models.find(params.model), fetch)

    def snapshot(step, weights):
        path = folder / f"snapshots/step-{step:05d}.safetensors"
        artefacts.save(path, "pretraining weights", weights, step=step)

    snapshots = {round(recipe.steps * percent / 100) for percent in params.recipe["snapshots"]}
    pretraining.run(trainer, folder / "state.safetensors", snapshot, snapshots)
    artefacts.save(
        snakemake.output.weights, "pretraining weights", trainer.weights(), step=trainer.step
    )
    lines = [f"{step},{loss:.6f}" for step, loss in enumerate(trainer.losses)]
    artefacts.write_text(snakemake.output.losses, "\n".join(["step,loss", *lines]) + "\n")
    record |= {
        "last_loss": float(np.mean(trainer.losses[-100:])),
        "training_seconds": trainer.seconds,
    }
