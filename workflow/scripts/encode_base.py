"""f0 of the validation and test images of one task, with their labels and resampling units."""

from tangent_bench.jobs.provenance import device, job

with job(snakemake):
    from tangent_bench import models
    from tangent_bench.images.image_store import open_images
    from tangent_bench.models._tower import image_tower
    from tangent_bench.store import artefacts
    from tangent_bench.tangent import features

    model = models.find(snakemake.wildcards.model, snakemake.params.custom_models)
    tower = image_tower(model, snakemake.wildcards.init, 0, device(snakemake))
    batch_size = snakemake.params.batch_size
    tensors = {}
    digests = {}
    for split in ("val", "test"):
        images, data, about = open_images(snakemake.input[split])
        batches = tower.prepare(images)
        tensors[split] = features.base(tower.module, tower.theta0, batches, batch_size)
        tensors[f"{split}/labels"] = data["labels"]
        tensors[f"{split}/blocks"] = data["blocks"]
        digests[split] = about["sha256"]
    facts = {"num_classes": len(about["class_names"]), "images": digests, "theta0": tower.digest}
    artefacts.save(snakemake.output[0], "base features", tensors, **facts)
