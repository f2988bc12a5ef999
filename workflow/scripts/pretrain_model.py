"""Pre-trains an embedded CLIP; after a kill it goes on from the last saved state, bit for bit."""

from tangent_bench.jobs.provenance import device, job

with job(snakemake) as record:
    from pathlib import Path

    import numpy as np

    from tangent_bench.finetuning import stretches

    params = snakemake.params
    output = snakemake.output
    trainer = stretches.begin(params.model, params.recipe, snakemake.input, device(snakemake))
    stretches.advance(trainer, Path(params.folder), params.recipe["snapshots"])
    stretches.finish(trainer, output.weights, output.losses)
    record |= {
        "last_loss": float(np.mean(trainer.losses[-100:])),
        "training_seconds": trainer.seconds,
    }
