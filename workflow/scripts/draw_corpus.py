"""One shard of the pre-training corpus: pictures and tokenised captions."""

from tangent_bench.provenance import job

with job(snakemake):
    import numpy as np

    from tangent_bench import artefacts, models, pretraining

    recipe = snakemake.params.recipe
    number, size = int(snakemake.wildcards.shard), recipe["num_images"] // recipe["num_shards"]
    pictures = pretraining.draw_shard(
        recipe["seed"], models.find("tiny"), np.arange(number * size, (number + 1) * size)
    )
    artefacts.save(snakemake.output[0], "corpus shard", pictures, seed=recipe["seed"], first=number * size)
