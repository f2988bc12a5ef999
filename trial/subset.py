import sys, json
src = open("trial/trial.py").read().replace("\nmain()\n", "\n")
exec(compile(src, "trial", "exec"))
import torch; torch.set_num_threads(1)
from tangent_bench import registry
from tangent_bench.finetuning.loop import Source
from tangent_bench.measuring import sweep
from tangent_bench.measuring.selection import grid
DEVELOPMENT = ["digits", "letters", "counting", "textures"]
for arm in (("own", "today", 0), ("minilm", "today", 0)):
    network, made = network_of(arm)
    tower = tower_of(network)
    tasks = []
    for name in DEVELOPMENT:
        train, val = development(name, "train"), development(name, "val")
        tasks.append(sweep.Development(Source(name, train["images"], train["labels"], made[name]), val["images"], val["labels"]))
    tau = vectors_of(arm, "linear", tower, tasks)
    ev = sweep._evaluator(tower, True, tasks, tau, 100)
    m = sweep._measure(ev, tasks, grid(0.0, 1.0, 21))
    m["gain"] = (m["accuracy_tuned"] - m["accuracy_zero_shot"]) / (m["accuracy_single"] - m["accuracy_zero_shot"])
    m["singles"] = {t.source.name: round(float((ev.predict(t.source.name, "val", [{t.source.name: 1.0}])[0] == t.labels).mean()), 3) for t in tasks}
    print(json.dumps({"arm": arm_name(arm), **m, **localization(ev)}), flush=True)
