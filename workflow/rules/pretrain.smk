# The embedded tiny CLIP from its recipe: `snakemake pretrain --cores all`. Not part of `all`; the weights are shipped.
PRETRAINING = "results/pretraining/tiny"


rule draw_corpus:
    output:
        f"{PRETRAINING}/shards/{{shard}}.safetensors",
    log:
        f"{PRETRAINING}/logs/draw_corpus.{{shard}}.log",
    threads: 1
    params:
        recipe=config["pretraining"],
        code=code("corpus/*.py", "seeds.py"),
    script:
        "../scripts/draw_corpus.py"


rule pretrain:
    input:
        expand(
            f"{PRETRAINING}/shards/{{shard}}.safetensors",
            shard=[f"{k:02d}" for k in range(config["pretraining"]["num_shards"])],
        ),
    output:
        weights=f"{PRETRAINING}/tangent-tiny.safetensors",
        losses=f"{PRETRAINING}/losses.csv",
    log:
        f"{PRETRAINING}/logs/pretrain.log",
    threads: 1
    params:
        folder=PRETRAINING,
        recipe=config["pretraining"],
        code=code("pretraining.py"),
    script:
        "../scripts/pretrain.py"
