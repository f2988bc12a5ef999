"""The frozen zero-shot head of one model for one task, from class names and templates.

It is of the final text tower, or of the one that an initialisation brings along (`layout.text`).
"""

from tangent_bench.jobs.provenance import device, job

with job(snakemake):
    from tangent_bench import models
    from tangent_bench.jobs import devices
    from tangent_bench.models._prompts import text_side
    from tangent_bench.store import artefacts, layout
    from tangent_bench.tangent import heads

    w = snakemake.wildcards
    where = device(snakemake)
    devices.require(where)
    model = models.find(w.model, snakemake.params.custom_models)
    _, about = artefacts.load(snakemake.input.data, "images")
    side = text_side(model, "pretrained" if w.text == layout.FINAL else w.text, where)
    facts = {key: about[key] for key in ("class_names", "templates")}
    if side.cuts:
        heads.say_cut(side.tokenize, **facts)
    head = heads.build(side.encoder, side.tokenize, **facts)
    artefacts.save(
        snakemake.output[0], "head", {"head": head.cpu().numpy()}, model=model.title, **facts
    )
