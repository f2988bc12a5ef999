"""What a run shows while it is at work: share of the work done, jobs at work, time left.

It is a logger plugin of Snakemake (`snakemake --logger tangent-bench`, which `make` gives).
"""
