"""Images of one split of one task, as uint8 in one file, with the digest of their order."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    from tangent_bench import registry
    from tangent_bench.images import prepare
    from tangent_bench.images.checks import image_hashes, limited, require_disjoint
    from tangent_bench.images.folders import FolderTask
    from tangent_bench.images.sources import custom_task, open_split
    from tangent_bench.store import artefacts

    name = snakemake.wildcards.task
    split = snakemake.wildcards.split
    params = snakemake.params
    source = custom_task(name, params.custom) if params.custom else registry.load("tasks", name)
    if isinstance(source, FolderTask) or not hasattr(source, "ORIGIN"):
        images = limited(source.load(split), params.limit, name, split)
        if params.custom and split != "train":
            train = image_hashes(source.load("train"))
            require_disjoint(train, image_hashes(images), name, split)
        tensors = {"images": images.images, "labels": images.labels, "blocks": images.blocks}
        about = {key: getattr(source.TASK, key) for key in prepare.FACTS}
        record["images"] = artefacts.save(snakemake.output[0], "images", tensors, **about)
    else:
        origin = source.ORIGIN
        opened = open_split(source, split, allow_counts=params.data["allow_counts"])
        has_leaked = origin.leaked and split == "test"
        record["images"] = prepare.write_split(
            snakemake.output[0],
            source.TASK,
            opened,
            side=getattr(source, "side", params.data["side"]),
            native=origin.native,
            limit=params.limit,
            train=prepare.hashes(snakemake.input[0]) if snakemake.input else frozenset(),
            max_leaks=len(opened) if has_leaked else params.data["max_leaks"],
        )
