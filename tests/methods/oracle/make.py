"""Writes what other implementations make of `inputs.vectors`, for `test_oracles.py`; see README.md.

    python -m tests.methods.oracle.make [--clones FOLDER] [SOURCE ...]

A source is a function of this file: it returns {case: (method, its hyper-parameters by our names,
direction)}. The direction is written in the order of `inputs.SHAPES`, float32. Nothing foreign is
imported before its function runs.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import torch
from safetensors.torch import save

from tests.methods.oracle import _foreign, inputs, towers
from tests.methods.oracle.inputs import SHAPES, Vector, flat, unflat

HERE = Path(__file__).parent
COMMITS = {
    "prateeky2806/ties-merging": "44e7891fc84f3de7e4caa52664cd864ca3715e91",
    "yule-BUAA/MergeLM": "6d49ad96fd69c92013654b837041b868aa806564",
    "nik-dim/tall_masks": "d10af8b21383322367fb35474bd9cd0f9ebe9ecf",
    "danielm1405/magmax": "4f49f18fb30216d3a0dbe4220b469a3273e45475",
    "rezazzr/breadcrumbs": "f89fc664a171df2b90567aa1313ec7be677f2669",
    "wang-kee/LiNeS": "43a7bdd564a16195b164abc2c64ec1856c59c211",
    "JH-GEECS/CART": "964cfd78cde5facd84ae1d0af94f2dd4438fde73",
    "apanariello4/merge-and-rebase": "345c5704b846762c892f0026843adb8129c78a40",
    "duguodong7/pcb-merging": "5897888b5d24adfcd33e124793d113746e00f3ff",
    "nathanielyvo/WUDI-Merging": "dc3cd1204a68d1930a32da11c5cddb0cbd7410bb",
    "fredzzhang/atlas": "557d7fbd61a28fc85f8463b2fd522706d8e4e980",
}
SHORT = 2**-10  # vectors of networks are as short
Cases = dict[str, tuple[str, dict, Vector]]
Opener = Callable[..., object]


def drawn(num_tasks: int = 3, factor: float = 1.0) -> list[Vector]:
    return list(inputs.vectors(num_tasks, factor).values())


def stacked(num_tasks: int = 3, factor: float = 1.0) -> torch.Tensor:
    return torch.stack([flat(tau) for tau in drawn(num_tasks, factor)])


def zeros() -> Vector:
    return {name: torch.zeros_like(tau) for name, tau in drawn(1)[0].items()}


def mapped(taus: list[Vector], merge: Callable[[list[torch.Tensor]], torch.Tensor]) -> Vector:
    return {name: merge([tau[name] for tau in taus]) for name in SHAPES}


def packed(masked: torch.Tensor) -> torch.Tensor:
    """Which entries [T, N] were kept, eight to a byte."""
    return torch.from_numpy(np.packbits((masked != 0).numpy(), axis=1))


def fusion_bench(opener: Opener) -> Cases:
    from fusion_bench.method.isotropic_merging.iso_utils import iso_c, iso_cts
    from fusion_bench.method.simple_average import simple_average
    from fusion_bench.method.task_singular_vector.utils import TSVM_utils
    from fusion_bench.method.ties_merging.ties_merging_utils import ties_merging
    from fusion_bench.utils.state_dict_arithmetic import state_dict_sum

    cases = {
        "average": ("weight_average", {}, simple_average(drawn())),
        "sum": ("task_arithmetic", {}, state_dict_sum(drawn())),
        "ties": (
            "ties",
            {"keep": 0.2},
            unflat(ties_merging(stacked(), reset_thresh=20, merge_func="mean")),
        ),
        "iso_c": ("iso_c", {}, iso_c(drawn(), accelerator="cpu")),
    }
    for number in (3, 5):
        found = TSVM_utils.compute_and_sum_svd_mem_reduction(drawn(number), accelerator="cpu")
        cases[f"tsv_m of {number}"] = ("tsv_m", {}, found)
    for share in (0.5, 0.8):
        found = iso_cts(drawn(), share, accelerator="cpu")
        cases[f"iso_cts {share:g}"] = ("iso_cts", {"common_space_fraction": share}, found)
    return cases | _fusion_bench_dare() | _fusion_bench_stock() | _fusion_bench_svc()


def _fusion_bench_dare() -> Cases:
    from fusion_bench.method.dare.utils import module_random_drop_

    torch.manual_seed(0)
    taus = drawn()
    for tau in taus:
        module_random_drop_(tau, 0.7, rescale=True)
    masks = packed(torch.stack([flat(tau) for tau in taus]))
    return {"dare": ("dare", {"drop": 0.7}, mapped(taus, sum) | {"masks": masks})}


def _fusion_bench_stock() -> Cases:
    from fusion_bench.method.model_stock.model_stock import (
        compute_angle,
        compute_ratio,
        merge_weights,
    )

    one, two = drawn(2)
    ratios = compute_ratio(compute_angle(one, two, zeros()), k=2)
    return {"model_stock of 2": ("model_stock", {}, merge_weights(one, two, zeros(), ratios))}


def _fusion_bench_svc() -> Cases:
    from fusion_bench.method.singular_value_calibration import utils

    def calibrated(taus: list[torch.Tensor]) -> torch.Tensor:
        if taus[0].ndim != 2:
            return sum(taus)
        return utils.subspace_consistency_spectral_calibration(
            torch.zeros_like(taus[0]), taus, sum(taus), alpha=floor
        )

    cases = {}
    for floor in (0.1, 1.0):
        cases[f"svc {floor:g}"] = (
            "svc+task_arithmetic",
            {"svc.floor": floor},
            mapped(drawn(), calibrated),
        )
    return cases


def mergekit(opener: Opener) -> Cases:
    from mergekit.merge_methods.api import merge_tensors

    def method(name: str, **given) -> Callable[[list[torch.Tensor]], torch.Tensor]:
        return lambda taus: merge_tensors(
            [torch.zeros_like(taus[0]), *taus], name, parameters=given, base_index=0
        )

    outliers = method("breadcrumbs", weight=1.0, density=0.5, gamma=0.25, rescale=False)
    return {
        "sum": ("task_arithmetic", {}, mapped(drawn(), method("task_arithmetic", weight=1.0))),
        "ties": (
            "ties",
            {"keep": 0.2},
            unflat(method("ties", weight=1.0, density=0.2)(list(stacked()))),
        ),
        "breadcrumbs": ("breadcrumbs", {"low": 0.25, "high": 0.75}, mapped(drawn(), outliers)),
        "model_stock": ("model_stock", {}, mapped(drawn(), method("model_stock"))),
    }


def ties_merging(opener: Opener) -> Cases:
    module = opener("prateeky2806/ties-merging", "src/utils/merge_utils.py")
    found = module.merge_methods("topk", stacked(5), 20, "mass", "dis-mean")
    return {"ties of 5": ("ties", {"keep": 0.2}, unflat(found))}


def MergeLM(opener: Opener) -> Cases:
    module = opener("yule-BUAA/MergeLM", "model_merging_methods/mask_weights_utils.py")
    torch.manual_seed(1)
    taus = [module.mask_input_with_mask_rate(tau, 0.9, True, "random") for tau in stacked(5)]
    return {
        "dare of 5": (
            "dare",
            {"drop": 0.9},
            unflat(sum(taus)) | {"masks": packed(torch.stack(taus))},
        )
    }


def tall_masks(opener: Opener) -> Cases:
    opener("nik-dim/tall_masks", "src/utils/utils.py")
    module = opener("nik-dim/tall_masks", "src/utils/tallmask_utils.py")
    cases = {}
    for number, scale, least in ((3, 0.4, 2), (5, 0.6, 3)):
        taus = stacked(number)
        masks = module.generate_task_masks(
            taus, taus, torch.zeros_like(taus[0]), tall_mask_lambda=scale
        )
        module.load_tall_mask = lambda *rest, kept=masks: {
            str(t): {"all": mask} for t, mask in enumerate(kept)
        }
        kept = module.construct_consensus_mask({}, least, SimpleNamespace())
        cases[f"consensus of {number}"] = (
            "consensus",
            {"scale": scale, "tasks": least},
            unflat(taus.sum(0) * kept),
        )
    return cases


def magmax(opener: Opener) -> Cases:
    module = opener("danielm1405/magmax", "src/merging/task_vectors.py")
    found = module.merge_max_abs([SimpleNamespace(vector=tau) for tau in drawn(5)])
    return {"magmax of 5": ("magmax", {}, found.vector)}


def breadcrumbs(opener: Opener) -> Cases:
    module = opener("rezazzr/breadcrumbs", "src/task_vectors.py")
    taus = [
        module.TaskVectorMiddleKeep(vector=tau, top_k_keep=0.5, top_k_remove=0.25)
        for tau in drawn()
    ]
    return {"breadcrumbs": ("breadcrumbs", {"low": 0.25, "high": 0.75}, sum(taus).vector)}


def LiNeS(opener: Opener) -> Cases:
    scaled = opener("wang-kee/LiNeS", "src/eval/eval.py").LiNeS_scaling
    taus = stacked()
    largest = taus.gather(0, taus.abs().argmax(0, keepdim=True))[0]
    cases = {}
    for inner, direction, beta in (("task_arithmetic", taus.sum(0), 1.0), ("magmax", largest, 0.4)):
        # aggregation.py and eval.py: both norms are sums of magnitudes, alpha is their ratio over
        # the number of tasks
        alpha = (taus.sum(dim=0).abs().sum().item() / direction.abs().sum().item()) * 1 / len(taus)
        found = scaled(SimpleNamespace(vector=unflat(direction)), alpha, beta, num_blocks=3)
        cases[f"lines+{inner}"] = (f"lines+{inner}", {"lines.beta": beta}, found.vector)
    return cases


def CART(opener: Opener) -> Cases:
    vectors = opener("JH-GEECS/CART", "src/models/task_vectors.py")
    module = opener("JH-GEECS/CART", "src/merging.py")
    module.TaskVector = vectors.TaskVector
    config = SimpleNamespace(tasks=["a", "b", "c"], device="cpu", prior=2.0, initial_rank_ratio=0.3)
    encoder = torch.nn.Module()
    encoder.state_dict = zeros
    merged = module.StaticMergeModule(
        config, encoder, [vectors.TaskVector(vector=tau) for tau in drawn()]
    )
    merged._merge_weights("CART")
    return {"cart": ("cart", {"rank": 0.3, "scale": 2.0}, merged._merged_state_dict)}


def merge_and_rebase(opener: Opener) -> Cases:
    folder = "src/merge_and_rebase/merge/methods/functional"
    for name in ("_common", "_registry"):
        opener("apanariello4/merge-and-rebase", f"{folder}/{name}.py")
    solve = opener("apanariello4/merge-and-rebase", f"{folder}/wudi.py").wudi_impl

    def merge(taus: list[torch.Tensor]) -> torch.Tensor:
        if taus[0].ndim != 2:
            return sum(taus) / len(taus)
        return solve(taus, torch.ones(len(taus)), {"ridge": ridge, "work_dtype": "float64"})

    cases = {}
    for ridge in (1e-8, 0.3):
        given = {"closed_form": True, "ridge": ridge}
        cases[f"wudi {ridge:g}"] = ("wudi", given, mapped(drawn(), merge))
    return cases


def pcb_merging(opener: Opener) -> Cases:
    repository = "duguodong7/pcb-merging"
    language = opener(repository, "pcb-merging.py", opens=_foreign.script)
    given = {"normalise": False, "clamp": 1e-4, "keep": 0.1}
    cases = {}
    for size, factor in (("", 1.0), (" at 1/1024", SHORT)):
        found, _, _ = language.PCB_merge(stacked(5, factor), 0.1)
        cases[f"language of 5{size}"] = ("pcb", given, unflat(found))
        # its list of λ, all of them 1.2, is of eight tasks
        vision = opener(
            repository,
            "vision_source_code/pcb.py",
            opens=_foreign.script,
            tv_flat_checks=stacked(8, factor),
            ft_checks=[None],
            flat_ptm=None,
            model=None,
            datasets=[],
            args=SimpleNamespace(),
            compute_acc=lambda *rest: (0.0, []),
        )
        cases[f"vision of 8{size}"] = ("pcb", {}, unflat(vision.merged_tv / vision.lams[0]))
    return cases


def WUDI_Merging(opener: Opener) -> Cases:
    module = opener("nathanielyvo/WUDI-Merging", "vit/wudi_main.py")
    module.tqdm = iter
    module.TaskVector = SimpleNamespace
    cases = {}
    for name, factor, steps in (
        ("of 3", 1.0, 300),
        ("of 5 at 1/1024", SHORT, 300),
        ("50 steps of 3 at 1/1024", SHORT, 50),
    ):
        number = int(name.partition("of ")[2][0])
        taus = [SimpleNamespace(vector=tau) for tau in drawn(number, factor)]
        with patch.object(torch.Tensor, "cuda", lambda tensor: tensor):
            found = module.decompose_task_vectors(taus, steps)
        cases[name] = ("wudi", {} if steps == 300 else {"steps": steps}, zeros() | found.vector)
    return cases


def atlas(opener: Opener) -> Cases:
    """Their encoder; loss, clipping and optimiser are those of src/learn_task_addition.py, without
    16-bit arithmetic, on all images of each task at once."""
    module = opener("fredzzhang/atlas", "src/composition.py")
    cases = {}
    for name, further in (
        ("of 3", {}),
        ("of 3, from 0.4", {"initial": 0.4, "decay": 0.5}),
        ("of 5, 40 steps", {"steps": 40}),
    ):
        number = int(name[3])
        given = {"initial": 0.0, "steps": 20, "rate": 1e-2, "decay": 0.1, **further}
        weighted = _weighted(module, inputs.vectors(number))
        coefficients = _learned(weighted, list(inputs.vectors(number)), given)
        names = [key for key, _ in towers.Tower().named_parameters()]
        direction = {
            key: sum(
                row[names.index(key)] * tau[key] for row, tau in zip(coefficients, drawn(number))
            )
            for key in SHAPES
        }
        cases[name] = ("atlas", given, direction)
    return cases


def _weighted(module: object, vectors: dict[str, Vector]) -> torch.nn.Module:
    """Their encoder around our tower; it takes vectors in the order of the parameters."""
    tower = towers.Tower()
    for attribute in ("train_preprocess", "val_preprocess", "cache_dir"):
        setattr(tower, attribute, None)
    names = [key for key, _ in tower.named_parameters()]
    taus = [SimpleNamespace(vector={key: tau[key] for key in names}) for tau in vectors.values()]
    return module.WeightedImageEncoder(tower, taus, blockwise=True)


def _learned(weighted: torch.nn.Module, tasks: list[str], given: dict) -> torch.Tensor:
    start = torch.full(weighted.coef.shape, given["initial"], dtype=torch.float64)
    weighted.coef = torch.nn.Parameter(start)
    params = [p for p in weighted.parameters() if p.requires_grad]
    assert len(params) == 1 and params[0] is weighted.coef
    optimizer = torch.optim.AdamW(params, lr=given["rate"], weight_decay=given["decay"])
    for _ in range(given["steps"]):
        losses = []
        for task in tasks:
            features = weighted(towers.images(task, towers.NUM_IMAGES))
            logits = features / features.norm(dim=-1, keepdim=True) @ towers.head(task).T
            labels = towers.labels(task, towers.NUM_IMAGES)
            losses.append(torch.nn.CrossEntropyLoss()(logits, labels))
        sum(losses).backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return weighted.coef.detach()


SOURCES = {
    function.__name__: function
    for function in (
        fusion_bench,
        mergekit,
        ties_merging,
        MergeLM,
        tall_masks,
        magmax,
        breadcrumbs,
        LiNeS,
        CART,
        merge_and_rebase,
        pcb_merging,
        WUDI_Merging,
        atlas,
    )
}
PACKAGES = {"fusion_bench": "fusion-bench", "mergekit": "mergekit"}
REPOSITORIES = {
    repository.partition("/")[2].replace("-", "_"): repository for repository in COMMITS
}


def written(name: str, clones: Path) -> Path:
    """Run one source and write its file."""

    def opener(repository: str, path: str, opens=_foreign.opened, **given: object) -> object:
        return opens(clones, repository, COMMITS[repository], path, **given)

    with contextlib.redirect_stdout(io.StringIO()):
        cases = SOURCES[name](opener)
    tensors = {case: flat(direction).detach().float() for case, (_, _, direction) in cases.items()}
    tensors |= {
        f"{case}: masks": found[2]["masks"] for case, found in cases.items() if "masks" in found[2]
    }
    about = {
        "source": f"{PACKAGES[name]} {metadata.version(PACKAGES[name])}"
        if name in PACKAGES
        else REPOSITORIES[name],
        "commit": COMMITS[REPOSITORIES[name]] if name in REPOSITORIES else "",
        "script": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
        "inputs": inputs.digest(),
        "torch": torch.__version__,
        "cases": json.dumps({case: [method, given] for case, (method, given, _) in cases.items()}),
    }
    path = HERE / f"{name}.safetensors"
    path.write_bytes(save(tensors, about))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="SOURCE", help=f"default: all of {', '.join(SOURCES)}"
    )
    parser.add_argument(
        "--clones",
        type=Path,
        default=Path("clones"),
        help="clones named owner+name, for authors' code",
    )
    given = parser.parse_args()
    for name in given.names or SOURCES:
        print(written(name, given.clones))


if __name__ == "__main__":
    main()
