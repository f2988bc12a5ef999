# A vector from a public checkpoint instead of from fine-tuning: the same file, so that nothing after it knows.

IMPORTED = (
    "|".join(config["checkpoints"]) or "(?!)"
)  # trainings whose vectors are read; of none, what nothing matches


rule import_checkpoint:
    input:
        checkpoint=lambda w: CHECKPOINTS[layout.vector(w.model, w.init, w.training, w.task, w.seed)],
        weights=weights_of,
    output:
        results("vectors/{model}/{init}/{training}/{task}/seed-{seed}.safetensors"),
    log:
        results("logs/import_checkpoint/{model}.{init}.{training}.{task}.{seed}.log"),
    wildcard_constraints:
        training=IMPORTED,
    priority: 10
    threads: 1
    resources:
        **asked("import_checkpoint", num_times=lambda w: 0),
    params:
        layout=lambda w: config["checkpoints"][w.training]["layout"],
        custom_models=custom_model,
        code=lambda w: code(
            "import_checkpoint",
            *plugins("checkpoints", config["checkpoints"][w.training]["layout"]),
            *plugins("models", w.model),
        ),
    script:
        "../scripts/import_checkpoint.py"
