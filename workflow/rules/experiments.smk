# One job for each experiment, mode, model, initialisation and seed: a whole coefficient grid, never one coefficient.


def experiment_inputs(wildcards):
    """What a job reads; the tangent side reads features, never a network or images."""
    w, mode = wildcards, Mode.parse(wildcards.mode)
    scope, reads = needs(w.experiment, "scope"), reads_of(w.experiment)
    if scope == "inits":
        labels = [results(layout.base(w.model, config["inits"][0], t)) for t in EVALUATED]
        found = [
            layout.outcome(e, w.model, i, mode, w.seed, "safetensors")
            for e in reads
            for i in config["inits"]
        ]
        return labels + list(map(results, found))
    labels = [results(layout.base(w.model, w.init, t)) for t in EVALUATED]
    if scope == "together":
        return labels + outcomes("safetensors", w.model, w.init, w.seed, reads)
    vectors = [
        results(layout.vector(w.model, w.init, mode.training, s, w.seed))
        for s in sources(mode.training)
    ]
    features = [
        results(layout.features(w.model, w.init, mode.training, t, w.seed)) for t in EVALUATED
    ]
    images = [results(layout.data(t, s)) for t in EVALUATED for s in ("val", "test")]
    files = labels + [results(layout.head(w.model, w.init, t)) for t in EVALUATED]
    if scope == "model":
        return files + images if needs(w.experiment, "opens") else []
    if scope == "training":
        return files + images + vectors + features if needs(w.experiment, "opens") else vectors
    if mode.training == "none":
        return files
    return files + (features if mode.evaluation == "tangent" else vectors + images)


def settings(wildcards):
    """The part of the config that a job reads, so that editing the rest reruns nothing."""
    keys = ["tasks", "control", "method", "coefficients", "control_threshold", "bootstrap"]
    scope = needs(wildcards.experiment, "scope")
    keys += {"together": ["modes"], "inits": ["inits"]}.get(scope, [])
    if scope == "mode" and wildcards.mode.endswith("-network"):
        keys += ["evaluation"]
    keys += filter(None, [needs(wildcards.experiment, "section")])
    reads = {"reads": reads_of(wildcards.experiment)} if scope == "together" else {}
    joint = {"trainings": config["joint_training"]["trainings"]}
    more = {"joint_training": joint, "custom_models": custom_model(wildcards), **reads}
    protocols = {training: about["protocol"] for training, about in config["checkpoints"].items()}
    more |= {"protocols": protocols} if protocols else {}
    return {key: config[key] for key in keys} | more


def passes_images(wildcards):
    """Whether a job runs a network, and how much longer than usual; 0: it sums features or compares what was found."""
    usual = 2.5 if wildcards.experiment == "disentanglement" else 1
    return (
        usual if wildcards.mode.endswith("-network") or needs(wildcards.experiment, "opens") else 0
    )


def experiment_plugins(wildcards):
    """What a job loads by name: its experiment and those that it reads, the method, the model, the way of training."""
    training = Mode.parse(wildcards.mode).training
    return [
        *plugins("experiments", wildcards.experiment, *needs(wildcards.experiment, "reads")),
        *plugins("methods", config["method"]),
        *plugins("models", wildcards.model),
        *plugins("training", *([training] if training in config["trainings"] else [])),
    ]


rule run_experiment:
    input:
        experiment_inputs,
    output:
        rows=results("outcomes/{experiment}/{model}/{init}/{mode}/seed-{seed}.csv"),
        sidecar=results("outcomes/{experiment}/{model}/{init}/{mode}/seed-{seed}.safetensors"),
    log:
        results("logs/run_experiment/{experiment}.{model}.{init}.{mode}.{seed}.log"),
    wildcard_constraints:
        init=f"{layout.EVERY}|{INIT}",
    priority: 20  # the network's grids are the longest jobs: none of them should be the last to start
    threads: 1
    resources:
        **asked("run_experiment", num_times=passes_images),
    params:
        results=RESULTS,
        config=settings,
        code=lambda w: code("run_experiment", *experiment_plugins(w)),
    script:
        "../scripts/run_experiment.py"
