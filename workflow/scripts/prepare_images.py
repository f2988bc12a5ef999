"""Images of one split of one task, as uint8 in one file, with the digest of their order."""

from tangent_bench.provenance import job

with job(snakemake) as record:
    from tangent_bench import artefacts, registry
    from tangent_bench.tasks._checks import limited, require_disjoint
    from tangent_bench.tasks._folders import FolderTask

    name, split, custom = snakemake.wildcards.task, snakemake.wildcards.split, snakemake.params.custom
    source = FolderTask(name, custom) if custom else registry.load("tasks", name)
    images = limited(source.load(split), snakemake.params.limit, name, split)
    if custom and split != "train":
        require_disjoint(source.load("train"), images, name, split)
    tensors = {"images": images.images, "labels": images.labels, "blocks": images.blocks}
    task = source.TASK
    about = {
        key: getattr(task, key) for key in ("title", "class_names", "templates", "kind", "source", "licence", "block")
    }
    record["images"] = artefacts.save(snakemake.output[0], "images", tensors, **about)
