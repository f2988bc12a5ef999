"""The results page, from the parts that other jobs made."""

from tangent_bench.jobs.provenance import job

with job(snakemake):
    from pathlib import Path

    from tangent_bench.figures import _entities
    from tangent_bench.report import results_page
    from tangent_bench.store.artefacts import write_text

    _entities.use_titles(snakemake.params.own_titles)
    params = snakemake.params
    parts = {key: params[key] for key in ("shown", "sheets", "timed", "methods", "about")}
    run = results_page.PresetRun(folder=Path(params.results), config=snakemake.config, **parts)
    write_text(snakemake.output[0], results_page.page(run))
