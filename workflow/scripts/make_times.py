"""Where the time went, as CSV, Markdown, and a page for the report."""

from tangent_bench.provenance import job

with job(snakemake):
    from pathlib import Path

    from tangent_bench import times
    from tangent_bench.artefacts import write_text
    from tangent_bench.figures import _render

    output = snakemake.output
    cells = times.build(times.read(Path(snakemake.params.results)))
    write_text(output.csv, _render.csv(cells))
    write_text(output.md, _render.markdown(cells, times.NOTE))
    write_text(output.html, _render.html(cells, times.TITLE, times.NOTE))
