"""What a run will cost, before it is run: `tangent-bench plan`.

`jobs`: which jobs there are, from Snakemake's own dry run or from the config. `sizes`: images, classes and bytes of
tasks, parameters of models. `work`, `experiments`: what a job does, in units of work. `costs`, `towers`: seconds of a
unit, measured on this machine or assumed of a GPU that is not there. `estimate`: jobs with their costs, by kind.
`records`: beside what the jobs of a finished run took.
"""
