# One job for each experiment, mode, model, initialisation and seed: a whole coefficient grid, never
# one coefficient.


def coordinates(wildcards):
    """Where a job of an experiment stands."""
    w = wildcards
    return experiments.Coordinates(w.model, w.init, Mode.parse(w.mode), w.seed)


def experiment_inputs(wildcards):
    """What a job reads, by the experiment's scope."""
    scope = experiments.scope_of(wildcards.experiment)
    return [results(path) for path in scope.inputs(config, coordinates(wildcards))]


def settings(wildcards):
    """The part of the config that a job reads, so that editing the rest reruns nothing."""
    experiment = registry.load("experiments", wildcards.experiment).EXPERIMENT
    keys = ["tasks", "control", "method", "coefficients", "control_threshold", "bootstrap"]
    if experiment.section:
        keys.append(experiment.section)
    part = {key: config[key] for key in keys}
    part |= experiment.scope.settings(config, Mode.parse(wildcards.mode))
    part["joint_training"] = {"trainings": config["joint_training"]["trainings"]}
    part["custom_models"] = custom_model(wildcards)
    if config["heads"] != layout.PROMPTS:
        part["heads"] = config["heads"]
    if config["checkpoints"]:
        part["protocols"] = {
            training: entry["protocol"] for training, entry in config["checkpoints"].items()
        }
    return part


def network_time(wildcards):
    """How much longer than usual a job runs a network; 0 for a job that runs none."""
    experiment = registry.load("experiments", wildcards.experiment).EXPERIMENT
    runs = experiment.scope.runs_network(Mode.parse(wildcards.mode))
    return experiment.relative_time if runs else 0


def experiment_plugins(wildcards):
    """The modules that a job loads by name.

    They are its experiment and those that it reads, the method, the model, the way of training.
    """
    scope = experiments.scope_of(wildcards.experiment)
    training = Mode.parse(wildcards.mode).training
    modules = [
        *plugins("experiments", wildcards.experiment, *scope.reads),
        *plugins("methods", config["method"]),
        *plugins("models", wildcards.model),
    ]
    if training in config["trainings"]:
        modules += plugins("training", training)
    return modules


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
    priority: 20  # the network's grids are the longest jobs: none should be the last to start
    threads: 1
    resources:
        **asked("run_experiment", num_times=network_time),
    params:
        results=RESULTS,
        config=settings,
        code=lambda w: code("run_experiment", *experiment_plugins(w)),
    script:
        "../scripts/run_experiment.py"
