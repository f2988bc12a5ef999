"""One shard of the pre-training corpus: pictures and tokenised captions."""

from tangent_bench.jobs.provenance import job

with job(snakemake):
    import numpy as np

    from tangent_bench import models
    from tangent_bench.finetuning import pretraining
    from tangent_bench.store import artefacts

    recipe = snakemake.params.recipe
    number, size = int(snakemake.wildcards.shard), recipe["num_images"] // recipe["num_shards"]
    pictures = pretraining.draw_shard(
        recipe["seed"], models.find("tiny"), np.arange(number * size, (number + 1) * size)
    )
    artefacts.save(
        snakemake.output[0], "corpus shard", pictures, seed=recipe["seed"], first=number * size
    )
