# Merging methods beside the config's own: their directions, J d of them, and every experiment that
# merges, once more for each.

METHODS = merging.asked(config["methods"])


def crossed(label):
    """The experiments that a method is run with."""
    return experiments.crossed(config, METHODS[label])


def method_outcomes(suffix="csv"):
    """Outcome files of all methods."""
    files = []
    for label in METHODS:
        for experiment in crossed(label):
            files += outcomes_of(experiment, suffix, label)
    return files


def merging_outcomes(suffix="csv"):
    """Outcome files of the config's own method in the experiments that merge."""
    files = []
    for experiment in config["experiments"]:
        if experiments.scope_of(experiment).merges:
            files += outcomes_of(experiment, suffix)
    return files


def merging_modes():
    """The modes in which vectors are added or subtracted."""
    return list(filter(experiments.has_vectors, map(Mode.parse, config["modes"])))


def negated():
    """Labels of the methods that have outcomes of negation in this run."""
    if "task_negation" not in config["experiments"]:
        return []
    own = config["method"]
    return [label for label in METHODS if label == own or "task_negation" in crossed(label)]


def split_seen(label):
    """The split that a method looks at while it merges, "" for none."""
    return directions.SPLITS[METHODS[label].method.data]


def merge_inputs(wildcards):
    """Vectors of all tasks; for a method that looks, images, heads and labels (beside f0)."""
    w = wildcards
    split = split_seen(w.method)
    files = [layout.vector(w.model, w.init, w.training, task, w.seed) for task in config["tasks"]]
    if split:
        for task in config["tasks"]:
            head = layout.head(w.model, w.init, task, config["heads"])
            files += [layout.data(task, split), head]
            if split == "val":
                files.append(layout.base(w.model, w.init, task))
    return list(map(results, files))


def method_inputs(wildcards):
    """As of any experiment in a mode, and what was merged: the direction itself, or J d of it."""
    w = wildcards
    mode = Mode.parse(w.mode)
    files = experiment_inputs(w)
    if METHODS[w.method].is_sum:
        return files
    if mode.evaluation == "tangent":
        merged = layout.merged_features(w.model, w.init, mode.training, w.method, w.seed)
        return [*files, results(merged)]
    if experiments.scope_of(w.experiment).merges == "all":
        files.append(results(layout.merged(w.model, w.init, mode.training, w.method, w.seed)))
    return files


def given(wildcards):
    """A method as `merging.find` takes it."""
    method = METHODS[wildcards.method]
    return {"name": method.name, "given": dict(method.values)}


def merging_code(script, wildcards):
    """Digest of a job that merges; its method may be an installed package's."""
    return code(script, *METHODS[wildcards.method].modules, *plugins("models", wildcards.model))


rule merge:
    input:
        vectors=merge_inputs,
        weights=weights_of,
    output:
        results("merged/{model}/{init}/{training}/{method}/seed-{seed}.safetensors"),
    log:
        results("logs/merge/{model}.{init}.{training}.{method}.{seed}.log"),
    priority: 15
    threads: 1
    resources:
        **asked("merge"),
    params:
        results=RESULTS,
        tasks=config["tasks"],
        heads=config["heads"],
        method=given,
        custom_models=custom_model,
        code=lambda w: merging_code("merge", w),
    script:
        "../scripts/merge.py"


rule encode_merged:
    input:
        merged=results("merged/{model}/{init}/{training}/{method}/seed-{seed}.safetensors"),
        vectors=lambda w: [
            results(layout.vector(w.model, w.init, w.training, t, w.seed)) for t in config["tasks"]
        ],
        images=[results(layout.data(t, s)) for t in EVALUATED for s in ("val", "test")],
    output:
        results("merged_features/{model}/{init}/{training}/{method}/seed-{seed}.safetensors"),
    log:
        results("logs/encode_merged/{model}.{init}.{training}.{method}.{seed}.log"),
    threads: 1
    resources:
        **asked("encode_merged"),
    params:
        results=RESULTS,
        tasks=config["tasks"],
        control=CONTROL,
        each=lambda w: any(experiments.scope_of(e).merges == "each" for e in crossed(w.method)),
        method=given,
        custom_models=custom_model,
        batch_size=config["evaluation"]["batch_size"],
        code=lambda w: merging_code("encode_merged", w),
    script:
        "../scripts/encode_merged.py"


use rule run_experiment as run_method with:
    input:
        method_inputs,
    output:
        rows=results("outcomes/{experiment}/{model}/{init}/{mode}/{method}/seed-{seed}.csv"),
        sidecar=results(
            "outcomes/{experiment}/{model}/{init}/{mode}/{method}/seed-{seed}.safetensors"
        ),
    log:
        results("logs/run_method/{experiment}.{model}.{init}.{mode}.{method}.{seed}.log"),
    params:
        results=RESULTS,
        config=settings,
        method=given,
        code=lambda w: code("run_experiment", *METHODS[w.method].modules, *experiment_plugins(w)),
