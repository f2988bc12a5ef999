# The development sweep: `snakemake sweep --cores all --configfile config/sweep.yaml`; of texts with
# config/language.yaml and config/sweep_language.yaml; of penalties with config/sweep_penalties.yaml. Not
# part of `all`; its rows are tracked.

SWEEP = f"results/published/{config['preset']}"


def points(wildcards):
    """Every setting that the config tries, in every training."""
    if not config["sweep"]:
        raise WorkflowError(
            "The config tries no setting under `sweep`; name one that does, as "
            "--configfile config/sweep.yaml."
        )
    return [
        path
        for model, tried in config["sweep"].items()
        for path in expand(
            results(
                f"sweep/{model}/{{training}}/rate-{{rate}}/steps-{{steps}}/weight-{{weight}}.csv"
            ),
            training=config["trainings"],
            rate=tried["learning_rates"],
            steps=tried["steps"],
            weight=tried.get("weights", ["own"]),
        )
    ]


rule sweep_point:
    input:
        train=expand(results("data/{task}/train.safetensors"), task=config["tasks"]),
        val=expand(results("data/{task}/val.safetensors"), task=config["tasks"]),
        heads=lambda w: [
            results(layout.head(w.model, "pretrained", t, config["heads"]))
            for t in config["tasks"]
        ],
        weights=weights_of,
    output:
        results("sweep/{model}/{training}/rate-{rate}/steps-{steps}/weight-{weight}.csv"),
    log:
        results("logs/sweep_point/{model}.{training}.{rate}.{steps}.{weight}.log"),
    threads: 1
    resources:
        **asked("sweep_point"),
    params:
        tasks=config["tasks"],
        recipe=config["training"],
        seed=config["seeds"][0],
        coefficients=config["coefficients"],
        batch_size=config["evaluation"]["batch_size"],
        custom_models=config["custom_models"],
        settings=lambda w: settings_of(w.training),
        code=lambda w: code(
            "sweep_point", *plugins("training", w.training), *plugins("models", w.model)
        ),
    script:
        "../scripts/sweep_point.py"


rule sweep:
    input:
        points,
    output:
        rows=f"{SWEEP}/rows.csv",
        choice=f"{SWEEP}/choice.md",
        figure=f"{SWEEP}/sweep.svg",
        picture=f"{SWEEP}/sweep.png",
    log:
        results("logs/sweep.log"),
    threads: 1
    resources:
        **asked("sweep"),
    params:
        code=lambda w: code("sweep", *plugins("training", *config["trainings"])),
    script:
        "../scripts/sweep.py"
