from snakemake.script import Snakemake

snakemake: Snakemake
