# The embedded CLIPs from their recipe: `snakemake pretrain --cores all`, or in stretches (`make
# pretrain STEPS=...`). Not part of `all`; the weights are shipped. And the models that are
# pre-trained by the DAG itself: tiny-pre0 is `tiny` with pre-training seed 0 and the recipe
# `rebuilding`.
PRETRAINING = "results/pretraining"
EMBEDDED = config["pretraining"]["models"]
PERCENTS = sorted(config["rebuilding"]["percents"])


wildcard_constraints:
    run=models.REBUILT.pattern.strip("^$").replace("?P<base>", "").replace("?P<seed>", ""),
    embedded="|".join(name for name in registry.names("models") if models.find(name).config),
    arm="step|shuffled",
    percent=r"\d+",
    shard=r"\d+",


def shards(folder, recipe):
    return [f"{folder}/{k:02d}.safetensors" for k in range(config[recipe]["num_shards"])]


def seed_of(run):
    return int(models.REBUILT.fullmatch(run)["seed"])


def trunk_before(wildcards):
    """The state from which this stretch of the trunk goes on; none for the first."""
    place = PERCENTS.index(int(wildcards.percent))
    if place == 0:
        return []
    before = PERCENTS[place - 1]
    return [f"{PRETRAINING}/{wildcards.run}/trunk/{wildcards.arm}-{before}.safetensors"]


# Needs the extra `language`; what it makes is shipped (`tangent-bench ship results/pretraining/text`).
rule distil_text:
    output:
        f"{PRETRAINING}/text/tangent-text.safetensors",
    log:
        f"{PRETRAINING}/text/logs/distil_text.log",
    threads: 1
    resources:
        **asked("distil_text"),
    params:
        recipe=config["text_tower"],
        code=lambda w: code("distil_text", *plugins("models", "tiny")),
    script:
        "../scripts/distil_text.py"


rule draw_corpus:
    output:
        f"{PRETRAINING}/shards/{{shard}}.safetensors",
    log:
        f"{PRETRAINING}/logs/draw_corpus.{{shard}}.log",
    threads: 1
    resources:
        **asked("draw_corpus"),
    params:
        recipe=config["pretraining"],
        code=lambda w: code("draw_corpus", *plugins("models", "tiny")),
    script:
        "../scripts/draw_corpus.py"


use rule draw_corpus as draw_corpus_again with:
    output:
        f"{PRETRAINING}/corpus/seed-{{seed}}/{{shard}}.safetensors",
    log:
        f"{PRETRAINING}/logs/draw_corpus.{{seed}}.{{shard}}.log",
    priority: 40  # pre-trainings are the longest chains: nothing should wait for them at the end
    params:
        recipe=lambda w: config["rebuilding"] | {"seed": int(w.seed)},
        code=lambda w: code("draw_corpus", *plugins("models", "tiny")),


rule pretrain_model:
    input:
        shards(f"{PRETRAINING}/shards", "pretraining"),
    output:
        weights=f"{PRETRAINING}/{{embedded}}/tangent-{{embedded}}.safetensors",
        losses=f"{PRETRAINING}/{{embedded}}/losses.csv",
    log:
        f"{PRETRAINING}/{{embedded}}/logs/pretrain_model.log",
    threads: 1
    resources:
        **asked("pretrain_model"),
    params:
        model=lambda w: w.embedded,
        folder=lambda w: f"{PRETRAINING}/{w.embedded}",
        recipe=config["pretraining"],
        code=lambda w: code("pretrain_model", *plugins("models", w.embedded)),
    script:
        "../scripts/pretrain_model.py"


# A stretch of the trunk at constant rate, so that no job is long and each goes on from the last.
rule advance_trunk:
    input:
        shards=lambda w: shards(f"{PRETRAINING}/corpus/seed-{seed_of(w.run)}", "rebuilding"),
        before=trunk_before,
    output:
        f"{PRETRAINING}/{{run}}/trunk/{{arm}}-{{percent}}.safetensors",
    log:
        f"{PRETRAINING}/{{run}}/logs/advance_trunk.{{arm}}.{{percent}}.log",
    priority: 30
    threads: 1
    resources:
        **asked("advance_trunk"),
    params:
        recipe=lambda w: config["rebuilding"] | {"seed": seed_of(w.run)},
        code=lambda w: code("advance_trunk", *plugins("models", w.run)),
    script:
        "../scripts/advance_trunk.py"


rule cool_down:
    input:
        shards=lambda w: shards(f"{PRETRAINING}/corpus/seed-{seed_of(w.run)}", "rebuilding"),
        trunk=f"{PRETRAINING}/{{run}}/trunk/{{arm}}-{{percent}}.safetensors",
    output:
        f"{PRETRAINING}/{{run}}/towers/{{arm}}-{{percent}}.safetensors",
    log:
        f"{PRETRAINING}/{{run}}/logs/cool_down.{{arm}}.{{percent}}.log",
    priority: 25
    threads: 1
    resources:
        **asked("cool_down"),
    params:
        recipe=lambda w: config["rebuilding"] | {"seed": seed_of(w.run)},
        code=lambda w: code("cool_down", *plugins("models", w.run)),
    script:
        "../scripts/cool_down.py"
