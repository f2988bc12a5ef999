"""Images of one split of one task, as uint8 in one file, with the digest of their order."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    from tangent_bench import registry
    from tangent_bench.images import prepare
    from tangent_bench.images.checks import limited, say_absent
    from tangent_bench.images.own_task import OwnTask
    from tangent_bench.images.sources import custom_task, open_split
    from tangent_bench.images.stored import gather
    from tangent_bench.store import artefacts

    name = snakemake.wildcards.task
    split = snakemake.wildcards.split
    params = snakemake.params
    source = custom_task(name, params.custom) if params.custom else registry.task(name)
    if not isinstance(source, OwnTask) and hasattr(source, "ORIGIN"):
        origin = source.ORIGIN
        subset = {"allow_counts": params.data["allow_counts"]}
        opened = open_split(source, split, **subset)
        labels = opened.labels[: params.limit]
        has_leaked = origin.leaked and split == "test"
        train = {}
        if snakemake.input:
            train = prepare.hashes(snakemake.input[0], open_split(source, "train", **subset))
        record["images"] = prepare.write_split(
            snakemake.output[0],
            source.TASK,
            opened,
            side=getattr(source, "side", params.data["side"]),
            native=origin.native,
            limit=params.limit,
            train=train,
            max_leaks=len(opened) if has_leaked else params.data["max_leaks"],
        )
    else:
        if isinstance(source, OwnTask):
            opened = source.checked(split, params.limit, params.data["max_leaks"])
            images = gather(opened, source.side)
        else:
            images = limited(source.load(split), params.limit, name, split)
        labels = images.labels
        tensors = {"images": images.images, "labels": labels, "blocks": images.blocks}
        about = prepare.facts(source.TASK)
        record["images"] = artefacts.save(snakemake.output[0], "images", tensors, **about)
    say_absent(labels, source.TASK.class_names, name, split)
