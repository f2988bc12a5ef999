"""Where `python -m snakemake --logger tangent-bench` looks for its plugin, in a checkout's folder.

It belongs to the checkout, as the Snakefile does, and not to the installed package: there it would
be loaded by every Snakemake of the environment.
"""

from tangent_bench.progress.handler import LogHandler

__all__ = ["LogHandler"]
