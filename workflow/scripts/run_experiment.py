"""One job of an experiment: rows, and beside them predictions per image and replicates."""

from tangent_bench.jobs.provenance import device, job

with job(snakemake) as record:
    from tangent_bench import merging, registry
    from tangent_bench.experiments._opening import study
    from tangent_bench.measuring.results import Results
    from tangent_bench.store import artefacts, layout, rows
    from tangent_bench.store.layout import Mode

    w = snakemake.wildcards
    params = snakemake.params
    models = params.config["custom_models"]
    heads = params.config.get("heads", layout.PROMPTS)
    where = device(snakemake)
    results = Results(params.results, w.model, w.init, int(w.seed), models, where, heads)
    merger = merging.find(**params.method) if params.get("method") else None
    job_study = study(results, w.experiment, Mode.parse(w.mode), params.config, merger)
    registry.load("experiments", w.experiment).run(job_study)
    tensors, about = job_study.sidecar()
    artefacts.save(snakemake.output.sidecar, "outcome", tensors, **about)
    rows.write(snakemake.output.rows, rows.frame(job_study.rows))
    record["num_rows"] = len(job_study.rows)
