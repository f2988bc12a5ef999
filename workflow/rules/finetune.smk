# A vector for each (model, init, training, task, seed), one more that is trained on all tasks, and
# their features on every task.


def training_tasks(wildcards):
    return config["tasks"] if wildcards.task == JOINT else [wildcards.task]


def other_tasks(wildcards):
    """Tasks that a vector is not trained on, for a mode that spares them."""
    if not of_training(wildcards.training).needs_others:
        return []
    return [task for task in config["tasks"] if task != wildcards.task]


def length(wildcards):
    """Images that a training sees, in units of one task's training."""
    recipe = recipes.recipe(config, wildcards.model)
    others = other_tasks(wildcards)
    steps = config["joint_training"]["steps"] if wildcards.task == JOINT else recipe["steps"]
    more = 0
    if others:
        training = registry.load("training", wildcards.training)
        more = training.images_seen(settings_of(wildcards.training), len(others), steps)
    return (steps + more / recipe["batch_size"]) / config["training"]["steps"]


rule finetune:
    input:
        train=lambda w: [results(layout.data(t, "train")) for t in training_tasks(w)],
        heads=lambda w: [head_of(w, t) for t in training_tasks(w)],
        others=lambda w: [results(layout.data(t, "train")) for t in other_tasks(w)],
        weights=weights_of,
    output:
        results("vectors/{model}/{init}/{training}/{task}/seed-{seed}.safetensors"),
    log:
        results("logs/finetune/{model}.{init}.{training}.{task}.{seed}.log"),
    wildcard_constraints:
        training=rf"(?!(?:{IMPORTED})/)[A-Za-z0-9_-]+",
    priority: 10
    threads: resources.num_threads("finetune", config["device"])
    resources:
        **asked("finetune", num_times=length),
    params:
        tasks=training_tasks,
        others=other_tasks,
        settings=lambda w: settings_of(w.training),
        recipe=lambda w: recipes.recipe(config, w.model)
        | ({"steps": config["joint_training"]["steps"]} if w.task == JOINT else {}),
        custom_models=custom_model,
        code=lambda w: code(
            "finetune", *plugins("training", w.training), *plugins("models", w.model)
        ),
    script:
        "../scripts/finetune.py"


rule encode_changes:
    input:
        val=results("data/{task}/val.safetensors"),
        test=results("data/{task}/test.safetensors"),
        vectors=lambda w: [
            results(layout.vector(w.model, w.init, w.training, s, w.seed))
            for s in layout.sources(config, w.training)
        ],
    output:
        results("features/{model}/{init}/{training}/{task}/seed-{seed}.safetensors"),
    log:
        results("logs/encode_changes/{model}.{init}.{training}.{task}.{seed}.log"),
    threads: 1
    resources:
        **asked("encode_changes"),
    params:
        results=RESULTS,
        sources=lambda w: layout.sources(config, w.training),
        custom_models=custom_model,
        batch_size=config["evaluation"]["batch_size"],
        code=lambda w: code("encode_changes", *plugins("models", w.model)),
    script:
        "../scripts/encode_changes.py"
