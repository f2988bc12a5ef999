"""One shard of the pre-training corpus: pictures and tokenised captions."""

from tangent_bench.jobs.provenance import job

with job(snakemake):
    import numpy as np

    from tangent_bench import models
    from tangent_bench.finetuning import pretraining
    from tangent_bench.store import artefacts

    recipe = snakemake.params.recipe
    seed = recipe["seed"]
    size = recipe["num_images"] // recipe["num_shards"]
    first = int(snakemake.wildcards.shard) * size
    places = np.arange(first, first + size)
    pictures = pretraining.draw_shard(seed, recipe["families"], models.find("tiny"), places)
    artefacts.save(snakemake.output[0], "corpus shard", pictures, seed=seed, first=first)
