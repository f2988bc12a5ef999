"""Some images of each class of a task, for people to look at."""

from tangent_bench.jobs.provenance import job

with job(snakemake) as record:
    from tangent_bench.figures._contact_sheet import sheet
    from tangent_bench.images.image_store import open_images
    from tangent_bench.store.artefacts import atomic

    images, of_each, about = open_images(snakemake.input[0])
    size = f"{len(images):,} images ({snakemake.params.split}), {len(about['class_names'])} classes"
    picture = sheet(images, of_each["labels"], about["class_names"], f"{about['title']}: {size}")
    with atomic(snakemake.output[0]) as temporary:
        picture.save(temporary, format="PNG", optimize=True)
    record["image_sha256"] = about["sha256"]
