"""What a run will cost, before it is run: `tangent-bench plan`.

`config`, `config_schema` check the config. `jobs`: which jobs there are, from Snakemake's own dry
run. `sizes`: images, classes and bytes of tasks, parameters of models. `units`, `work`, `asking`:
what a job does, in units of work; an experiment counts its own in its file (`cost`). `costs`,
`towers`: seconds of a unit, measured on this machine or assumed of a GPU that is not there.
`estimate`: jobs with their costs, by kind. `records`: beside what the jobs of a finished run took.
`report`: the plan as text. `resources`: what a job asks a machine for. `missing`, `readiness`: what
a run lacks on this machine.
"""
