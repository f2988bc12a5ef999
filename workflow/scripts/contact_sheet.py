"""Some images of each class of a task, for people to look at."""

from tangent_bench.provenance import job

with job(snakemake) as record:
    from tangent_bench.artefacts import atomic, load
    from tangent_bench.figures._contact_sheet import sheet

    tensors, about = load(snakemake.input[0], "images")
    size = f"{len(tensors['labels']):,} images ({snakemake.params.split}), {len(about['class_names'])} classes"
    picture = sheet(tensors["images"], tensors["labels"], about["class_names"], f"{about['title']}: {size}")
    with atomic(snakemake.output[0]) as temporary:
        picture.save(temporary, format="PNG", optimize=True)
    record["image_sha256"] = about["sha256"]
