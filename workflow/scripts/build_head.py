"""The frozen zero-shot head of one model for one task, from class names and templates."""

from tangent_bench.provenance import job

with job(snakemake):
    from tangent_bench import artefacts, heads, models

    model = models.find(snakemake.wildcards.model, snakemake.params.custom_models)
    _, about = artefacts.load(snakemake.input.data, "images")
    network = models.create(model)
    head = heads.build(network, models.tokenizer(model), about["class_names"], about["templates"])
    facts = {key: about[key] for key in ("class_names", "templates")}
    artefacts.save(snakemake.output[0], "head", {"head": head.numpy()}, model=model.title, **facts)
