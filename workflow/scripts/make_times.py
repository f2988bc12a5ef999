"""Where the time went, as CSV, Markdown, and a page for the report."""

from tangent_bench.jobs.provenance import job

with job(snakemake):
    from pathlib import Path

    from tangent_bench.report import render, times
    from tangent_bench.store.artefacts import write_text

    output = snakemake.output
    cells = times.build(times.read(Path(snakemake.params.results)))
    write_text(output.csv, render.csv(cells))
    write_text(output.md, render.markdown(cells, times.NOTE))
    write_text(output.html, render.html(cells, times.TITLE, times.NOTE))
