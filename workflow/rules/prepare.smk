# Images (or tokens) once, heads once for each (model, text tower, task), and what the untouched network says
# (f0) once for all modes, methods and seeds.


def split_before(wildcards):
    """The training images of a real data set: none of them may be among the test images."""
    has_training = is_real(wildcards.task) and "train" in splits_of(wildcards.task)
    if not has_training or wildcards.split == "train":
        return []
    return [results(layout.data(wildcards.task, "train"))]


def head_of(wildcards, task):
    """The head that a model has for a task."""
    return results(layout.head(wildcards.model, wildcards.init, task, config["heads"]))


# All tasks of a run are of images, or all are of texts, which one model reads.
if any(has_texts(task) for task in EVALUATED):

    rule prepare_texts:
        output:
            results("data/{task}/{split}.safetensors"),
        log:
            results("logs/prepare_texts/{task}.{split}.log"),
        threads: 1
        resources:
            **asked("prepare_texts"),
        params:
            model=config["models"][0],
            limit=lambda w: config["data"][f"max_{w.split}"],
            code=lambda w: code(
                "prepare_texts",
                *plugins("tasks", w.task),
                *plugins("models", *config["models"]),
            ),
        script:
            "../scripts/prepare_texts.py"

else:

    rule prepare_images:
        input:
            split_before,
        output:
            results("data/{task}/{split}.safetensors"),
        log:
            results("logs/prepare_images/{task}.{split}.log"),
        threads: 1
        resources:
            **asked("prepare_images"),
        params:
            custom=lambda w: config["custom_tasks"].get(w.task),
            folder=lambda w: images_state(w.task),
            limit=lambda w: config["data"][f"max_{w.split}"],
            data=lambda w: settings_of_images(w.task),
            code=lambda w: code("prepare_images", *plugins("tasks", w.task)),
        script:
            "../scripts/prepare_images.py"


rule build_head:
    input:
        data=results("data/{task}/test.safetensors"),
        weights=weights_of,
    output:
        results("heads/{model}/{text}/{task}.safetensors"),
    log:
        results("logs/build_head/{model}.{text}.{task}.log"),
    threads: 1
    resources:
        **asked("build_head"),
    params:
        custom_models=custom_model,
        code=lambda w: code("build_head", *plugins("models", w.model)),
    script:
        "../scripts/build_head.py"


# The same for a model without a text tower, or by `heads: probe`: fitted on what the untouched
# network says of training images.
rule fit_probe:
    input:
        train=results("data/{task}/train.safetensors"),
        base=results("base/{model}/{init}/{task}.safetensors"),
        weights=weights_of,
    output:
        results("probes/{model}/{init}/{task}.safetensors"),
    log:
        results("logs/fit_probe/{model}.{init}.{task}.log"),
    threads: 1
    resources:
        **asked("fit_probe"),
    params:
        results=RESULTS,
        penalties=config["probe"]["penalties"],
        custom_models=custom_model,
        batch_size=config["evaluation"]["batch_size"],
        code=lambda w: code("fit_probe", *plugins("models", w.model)),
    script:
        "../scripts/fit_probe.py"


rule encode_base:
    input:
        val=results("data/{task}/val.safetensors"),
        test=results("data/{task}/test.safetensors"),
        weights=weights_of,
    output:
        results("base/{model}/{init}/{task}.safetensors"),
    log:
        results("logs/encode_base/{model}.{init}.{task}.log"),
    threads: 1
    resources:
        **asked("encode_base"),
    params:
        custom_models=custom_model,
        batch_size=config["evaluation"]["batch_size"],
        code=lambda w: code("encode_base", *plugins("models", w.model)),
    script:
        "../scripts/encode_base.py"
