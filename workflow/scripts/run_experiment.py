"""One experiment in one mode: rows, and beside them predictions per image and bootstrap replicates."""

from tangent_bench.provenance import device, job

with job(snakemake) as record:
    from tangent_bench import artefacts, merging, registry, rows
    from tangent_bench.layout import Mode
    from tangent_bench.results import Results, study

    w, params = snakemake.wildcards, snakemake.params
    models = params.config["custom_models"]
    results = Results(params.results, w.model, w.init, int(w.seed), models, device(snakemake))
    merger = merging.find(**params.method) if params.get("method") else None
    work = study(results, w.experiment, Mode.parse(w.mode), params.config, merger)
    registry.load("experiments", w.experiment).run(work)
    tensors, about = work.sidecar()
    artefacts.save(snakemake.output.sidecar, "outcome", tensors, **about)
    rows.write(snakemake.output.rows, rows.frame(work.rows))
    record["num_rows"] = len(work.rows)
