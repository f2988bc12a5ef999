"""Images of one split of one task, as uint8 in one file, with the digest of their order."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    from tangent_bench import registry
    from tangent_bench.images import prepare
    from tangent_bench.images.checks import image_hashes, limited, require_disjoint
    from tangent_bench.images.sources import custom_task, open_split
    from tangent_bench.store import artefacts

    name, split, params = snakemake.wildcards.task, snakemake.wildcards.split, snakemake.params
    source = custom_task(name, params.custom) if params.custom else registry.load("tasks", name)
    if origin := getattr(source, "ORIGIN", None):
        opened = open_split(source, split, allow_counts=params.data["allow_counts"])
        side, train = getattr(source, "side", params.data["side"]), snakemake.input[:1]
        max_leaks = len(opened) if origin.leaked and split == "test" else params.data["max_leaks"]
        record["images"] = prepare.write_split(
            snakemake.output[0], source.TASK, opened, side, origin.native, params.limit,
            prepare.hashes(train[0]) if train else frozenset(), max_leaks,
        )  # fmt: skip
    else:
        images = limited(source.load(split), params.limit, name, split)
        if params.custom and split != "train":
            train = image_hashes(source.load("train"))
            require_disjoint(train, image_hashes(images), name, split)
        tensors = {"images": images.images, "labels": images.labels, "blocks": images.blocks}
        about = {key: getattr(source.TASK, key) for key in prepare.FACTS}
        record["images"] = artefacts.save(snakemake.output[0], "images", tensors, **about)
