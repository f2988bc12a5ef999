# A vector from a public checkpoint instead of from fine-tuning: the same file, so that nothing
# after it knows.

# Trainings whose vectors are read; if there are none, a pattern that matches nothing.
IMPORTED = "|".join(config["checkpoints"]) or "(?!)"


def checkpoint_of(wildcards):
    """The checkpoint that a vector is read from."""
    w = wildcards
    return CHECKPOINTS[layout.vector(w.model, w.init, w.training, w.task, w.seed)]


rule import_checkpoint:
    input:
        checkpoint=checkpoint_of,
        # Those that an index names, beside the index itself; the config of an adapter.
        shards=lambda w: weights.parts(checkpoint_of(w))[1:],
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
