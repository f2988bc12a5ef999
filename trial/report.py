"""Table of the arms, and paired bootstrap of their differences over validation images."""
import json, sys
from pathlib import Path
import numpy as np
HOME = Path("trial")
T = ["digits", "letters", "counting", "textures", "signs", "clocks", "greek", "flags"]
R = 1000
rng = np.random.default_rng(0)
weights = {}
for t in T:
    blocks = np.load(HOME / f"tasks/{t}-val.npz")["blocks"]
    _, inverse = np.unique(blocks, return_inverse=True)
    n = inverse.max() + 1
    counts = rng.multinomial(n, np.full(n, 1 / n), size=R)
    w = np.vstack([np.ones(n), counts])[:, inverse]
    weights[t] = w / w.sum(1, keepdims=True)
    print(t, "val images", len(blocks), "units", n)


def stats(arm, training):
    z = np.load(HOME / f"arms/{arm}/{training}.npz")
    along = np.stack([weights[t] @ z[f"along/{t}"].T.astype(float) for t in T], -1)  # R A T
    single = np.stack([weights[t] @ z[f"single/{t}"].astype(float) for t in T], -1)  # R T
    norm = (along / single[:, None, :]).mean(-1)
    chosen = np.argmax(norm >= norm.max(-1, keepdims=True) - 1e-12, axis=-1)
    tuned = along[np.arange(len(along)), chosen].mean(-1)
    zero, one = along[:, 0].mean(-1), single.mean(-1)
    return {"zero": 100 * zero, "single": 100 * one, "sum": 100 * tuned,
            "gain": 100 * (tuned - zero) / (one - zero)}


rows = [json.loads(l) for l in open(HOME / "results.jsonl")]
last = {}
for r in rows:
    if r["stage"] in ("zero_shot", "pretrained", "evaluated"):
        last[(r["stage"], r["arm"], r.get("training", ""))] = r
arms = []
for r in rows:
    if r.get("arm") and r["arm"] not in arms and r["stage"] in ("pretrained", "evaluated"):
        arms.append(r["arm"])
for training in ("linear", "standard"):
    print("\n", training)
    print("| arm | loss | zero | single | sum | α | gain | one/own | others/own | own alone at α | ‖τ‖/‖θ0‖ |")
    for arm in arms:
        e = last.get(("evaluated", arm, training))
        if not e:
            continue
        p = last.get(("pretrained", arm, ""), {})
        s = stats(arm, training)
        se = {k: v[1:].std() for k, v in s.items()}
        print(f"| {arm} | {p.get('last_loss', float('nan')):.2f} | {s['zero'][0]:.1f} ± {se['zero']:.1f} | {s['single'][0]:.1f} ± {se['single']:.1f} "
              f"| {s['sum'][0]:.1f} ± {se['sum']:.1f} | {e['selected_coefficient']} | {s['gain'][0]:.1f} ± {se['gain']:.1f} | {e.get('one_own', float('nan')):.3f} "
              f"| {e.get('others_own', float('nan')):.3f} | {e['own_alone_at_selected']:.1f} | {e['relative_norm']:.3f} |")
    pairs = [("minilm-today-0", "own-today-0"), ("own-broad-0", "own-today-0"), ("minilm-broad-0", "minilm-today-0"),
             ("minilm-broad-0", "own-broad-0"), ("minilm-broad-0", "own-today-0"),
             ("minilm384-today-0", "minilm-today-0"), ("minilm-today-1", "own-today-1"),
             ("own-today-1", "own-today-0"), ("minilm-today-1", "minilm-today-0")]
    for a, b in pairs:
        if all((HOME / f"arms/{x}/{training}.npz").exists() for x in (a, b)):
            sa, sb = stats(a, training), stats(b, training)
            text = ", ".join(f"{k} {sa[k][0] - sb[k][0]:+.1f} ± {(sa[k] - sb[k])[1:].std():.1f}" for k in sa)
            ea, eb = last[("evaluated", a, training)], last[("evaluated", b, training)]
            if "one_own" in ea:
                text += f", one/own {ea['one_own'] - eb['one_own']:+.3f}, others/own {ea['others_own'] - eb['others_own']:+.3f}"
            print(f"{a} − {b}: {text}")
for key, r in last.items():
    if key[0] == "zero_shot":
        print(r)
for key, r in last.items():
    if key[0] == "evaluated" and "others_own_by_task" in r:
        print(r["arm"], r["training"], r["others_own_by_task"], "own_relative", r["own_relative"])
steps = [r for r in rows if r["stage"] in ("draw", "embed", "step")]
for stage in ("draw", "embed"):
    v = [r["ms_each"] for r in steps if r["stage"] == stage]
    if v: print(stage, "ms each", np.mean(v))
