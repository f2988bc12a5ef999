"""Texts of one split of one task, as the tokens that the model reads of them."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    from tangent_bench import models, registry
    from tangent_bench.images import prepare
    from tangent_bench.images.checks import limited, say_absent
    from tangent_bench.images.task import Images
    from tangent_bench.store import artefacts

    name = snakemake.wildcards.task
    split = snakemake.wildcards.split
    params = snakemake.params
    source = registry.task(name)
    read = source.load(split)
    tokens = models.inputs(models.find(params.model)).tokens(read.texts)
    texts = limited(Images(tokens, read.labels, read.blocks), params.limit, name, split)
    tensors = {"images": texts.images, "labels": texts.labels, "blocks": texts.blocks}
    record["texts"] = artefacts.save(
        snakemake.output[0], "images", tensors, **prepare.facts(source.TASK)
    )
    say_absent(texts.labels, source.TASK.class_names, name, split)
