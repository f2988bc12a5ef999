"""One shard of the pre-training corpus: pictures, and captions as the text tower reads them."""

from tangent_bench.jobs.provenance import job

with job(snakemake):
    import numpy as np

    from tangent_bench import models
    from tangent_bench.finetuning import pretraining
    from tangent_bench.store import artefacts

    entry = snakemake.params.recipe
    size = entry["num_images"] // entry["num_shards"]
    first = int(snakemake.wildcards.shard) * size
    places = np.arange(first, first + size)
    pictures = pretraining.draw_shard(entry, models.find("tiny"), places)
    artefacts.save(snakemake.output[0], "corpus shard", pictures, seed=entry["seed"], first=first)
