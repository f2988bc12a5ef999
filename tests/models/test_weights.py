"""Weights of a tag: the places and their order, and the sentence if they are nowhere."""

from __future__ import annotations

import hashlib
import json
import pickle
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save, save_file

from tangent_bench import models
from tangent_bench.jobs import provenance
from tangent_bench.measuring import results
from tangent_bench.models import _weights
from tests import small
from tests.workflow.checkout import ROOT, Checkout

TAG = "mytag"
REPOSITORY = "owner/repo"
COMMIT = "a" * 40
MEAN = (0.1, 0.2, 0.3)  # of the images of that tag, no one else's


@pytest.fixture
def tagged(clip_folder, monkeypatch, tmp_path):
    """A small model whose weights are a tag of open_clip: not here, and the hub is out of reach."""
    import huggingface_hub.constants
    import open_clip.pretrained as known

    entry = {
        "hf_hub": f"{REPOSITORY}/",
        "mean": MEAN,
        "std": (0.5, 0.5, 0.5),
        "url": "https://nowhere.invalid/w.pt",
    }
    monkeypatch.setitem(known._PRETRAINED, "test-small", {TAG: entry})
    monkeypatch.delenv(_weights.ROOT, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", _unreachable)
    monkeypatch.chdir(tmp_path)
    return replace(small.clip_model(clip_folder), weights=TAG)


def _unreachable(*_, **__):
    raise OSError("no route\n to host")


def state(model, seed):
    return dict(models.create(model, "random", seed).state_dict())


def stored(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    return path


def cached(folder, tensors, name=_weights.SAFE):
    """A file as the hub's client keeps it in its cache."""
    place = folder / "hub/models--owner--repo"
    (place / "refs").mkdir(parents=True, exist_ok=True)
    (place / "refs/main").write_text(COMMIT)
    return stored(place / "snapshots" / COMMIT / name, tensors)


def test_a_file_comes_before_the_folder_and_the_folder_before_the_cache(
    tagged, tmp_path, monkeypatch
):
    monkeypatch.setenv(_weights.ROOT, str(tmp_path / "mine"))
    named = replace(tagged, weights=str(stored(tmp_path / "named.safetensors", state(tagged, 1))))
    below = stored(tmp_path / "mine/test-small/mytag.safetensors", state(tagged, 2))
    cached(tmp_path, state(tagged, 3))
    for model, seed in ((named, 1), (tagged, 2)):
        found = models.create(model).state_dict()
        assert all(torch.equal(value, found[key]) for key, value in state(tagged, seed).items())
    below.unlink()
    assert torch.equal(
        models.create(tagged).state_dict()["visual.proj"], state(tagged, 3)["visual.proj"]
    )


def test_images_are_normalised_as_the_tag_says_wherever_its_file_is(tagged, tmp_path, monkeypatch):
    cached(tmp_path, state(tagged, 1))
    assert models.create(tagged).visual.image_mean == MEAN
    monkeypatch.setenv(_weights.ROOT, str(tmp_path))
    stored(tmp_path / "test-small/mytag.safetensors", state(tagged, 2))
    assert models.create(tagged).visual.image_mean == MEAN
    own = replace(tagged, weights=str(tmp_path / "test-small/mytag.safetensors"))
    assert models.create(own).visual.image_mean != MEAN


def test_safetensors_are_preferred_and_a_download_of_the_hub_is_found(
    tagged, tmp_path, monkeypatch
):
    assert _weights.in_folder("test-small", TAG) is None
    monkeypatch.setenv(_weights.ROOT, str(tmp_path))
    assert _weights.in_folder("test-small", TAG) is None
    names = [
        "mytag.bin",
        "mytag.pt",
        f"mytag/{_weights.PICKLED}",
        f"mytag/{_weights.SAFE}",
        "mytag.safetensors",
    ]
    for name in names:
        found = stored(tmp_path / "test-small" / name, {"x": torch.zeros(1)})
        assert _weights.in_folder("test-small", TAG) == found == models.weights_file(tagged)
    assert (
        _weights.in_folder("test-large", TAG) is None
        and _weights.in_folder("test-small", "other") is None
    )


def test_nowhere_is_one_sentence_with_the_command(tagged, monkeypatch):
    monkeypatch.setattr(
        "open_clip.create_model", lambda *a, **k: pytest.fail("would try for minutes")
    )
    with pytest.raises(ValueError) as error:
        models.create(tagged)
    sentence = str(error.value)
    for words in (
        "Model 'Test': its weights 'mytag' are not on this machine",
        "$TANGENT_BENCH_WEIGHTS/test-small/mytag.safetensors (that variable is not set)",
        "the hub gave none (OSError: no route to host)",
        "hf download owner/repo open_clip_model.safetensors (or open_clip_pytorch_model.bin);",
    ):
        assert words in sentence
    assert "\n" not in sentence
    monkeypatch.setenv(_weights.ROOT, "/my/weights")
    with pytest.raises(
        ValueError, match=r"neither at /my/weights/test-small/mytag\.safetensors nor in"
    ):
        models.create(tagged)


def test_a_closed_port_is_no_wait(tagged, monkeypatch):
    """The hub's own client must neither try again and again nor raise what is not caught."""
    monkeypatch.undo()
    _at(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(ValueError, match="are not on this machine.*the hub gave none"):
        _weights.from_hub("Test", "test-small", TAG, "owner/nothing-of-that-name/")


def _at(monkeypatch, endpoint):
    """The hub's client asks another address."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        endpoint + "/{repo_id}/resolve/{revision}/{filename}",
    )
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "127.0.0.1")


class Hub(BaseHTTPRequestHandler):
    """The hub's answers about one repository."""

    files: dict[str, bytes] = {}

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        if (content := self._answer()) is not None:
            self.wfile.write(content)

    def _answer(self) -> bytes | None:
        content = self.files.get(
            self.path.removeprefix(f"/{REPOSITORY}/resolve/").partition("/")[2]
        )
        self.send_response(200 if content is not None else 404)
        if content is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        else:
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        return content

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tagged, monkeypatch):
    """`tagged`, with a hub that answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("ThisHub", (Hub,), {"files": {}}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    from huggingface_hub.file_download import get_hf_file_metadata

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", get_hf_file_metadata)
    _at(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield server.RequestHandlerClass.files
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", [_weights.SAFE, _weights.PICKLED])
def test_what_the_hub_has_is_downloaded_once(tagged, hub, name, tmp_path):
    if name == _weights.SAFE:
        hub[name] = save(state(tagged, 4))
    else:
        torch.save(state(tagged, 4), tmp_path / "w.bin")
        hub[name] = (tmp_path / "w.bin").read_bytes()
    assert torch.equal(
        models.create(tagged).state_dict()["visual.proj"], state(tagged, 4)["visual.proj"]
    )
    hub.clear()  # the second time it is in the cache
    assert torch.equal(
        models.create(tagged).state_dict()["visual.proj"], state(tagged, 4)["visual.proj"]
    )


def test_a_repository_without_weights_is_named(tagged, hub):
    with pytest.raises(
        ValueError, match="owner/repo has neither open_clip_model.safetensors nor open_clip_pytorch"
    ):
        models.create(tagged)


def test_a_state_dict_of_torch_is_read_and_a_malicious_one_is_not_run(tagged, tmp_path):
    torch.save(state(tagged, 5), tmp_path / "good.pt")
    good = replace(tagged, weights=str(tmp_path / "good.pt"))
    assert torch.equal(
        models.create(good).state_dict()["visual.proj"], state(tagged, 5)["visual.proj"]
    )

    class Touch:
        def __reduce__(self):
            return open, (str(tmp_path / "owned"), "w")

    torch.save({"visual.proj": Touch()}, tmp_path / "bad.pt")
    (tmp_path / "worse.pt").write_bytes(pickle.dumps({"visual.proj": Touch()}))
    for name in ("bad.pt", "worse.pt"):
        with pytest.raises(ValueError, match=rf"Model 'Test': .*{name} is not read: it"):
            models.create(replace(tagged, weights=str(tmp_path / name)))
    assert not (tmp_path / "owned").exists()


def test_a_program_is_not_run(tagged, tmp_path):
    """OpenAI's own files: TorchScript, with the code of the model beside its weights."""
    with zipfile.ZipFile(tmp_path / "ViT-B-32.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py", "data/0"):
            archive.writestr(f"ViT-B-32/{name}", b"")
    with pytest.raises(
        ValueError, match=r"ViT-B-32\.pt is not read: it is a TorchScript archive.*safetensors"
    ):
        models.create(replace(tagged, weights=str(tmp_path / "ViT-B-32.pt")))


@pytest.fixture
def job(tmp_path, monkeypatch):
    """The wrapper of a rule's script, leaving this process as it is; returns the record written."""
    for name in ("limit_threads", "keep_memory", "_open_log"):
        monkeypatch.setattr(provenance, name, lambda *_: None)
    about = {
        "wildcards": {},
        "params": {},
        "input": [],
        "output": [],
        "threads": 1,
        "rule": "encode_base",
    }
    snakemake = SimpleNamespace(
        log=[tmp_path / "logs/it.log"], resources=SimpleNamespace(), config={}, **about
    )

    def run(body) -> dict:
        with provenance.job(snakemake):
            body()
        return json.loads((tmp_path / "logs/it.json").read_text())

    return run


def test_record_of_a_job_has_the_weights_and_theta0_of_its_networks(tagged, tmp_path, job):
    file = cached(tmp_path, state(tagged, 6))
    towers = []
    record = job(lambda: towers.append(results.image_tower(tagged, "pretrained", 0)))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    expected = {"weights": {str(file): sha256}, "theta0": towers[0].digest}
    assert record["networks"] == {"Test, pretrained": expected}


def test_record_names_both_files_of_an_earlier_step_and_none_of_a_random_network(
    tagged, tmp_path, job
):
    from tangent_bench.store import artefacts

    end = stored(tmp_path / "end.safetensors", state(tagged, 7))
    step = tmp_path / "along/step-3.safetensors"
    early = {key: value.numpy() for key, value in state(tagged, 8).items()}
    artefacts.save(step, "pretraining weights", early)
    model = replace(tagged, weights=str(end), along=str(tmp_path / "along"))

    def body():
        models.create(model, "step-3")
        models.create(model, "random", 1)
        models.create(model, "random", 2)

    found = job(body)["networks"]
    assert set(found["Test, step-3"]["weights"]) == {str(end), str(step)}
    drawn = [about for name, about in found.items() if "random" in name]
    assert len(drawn) == 2 and not any(about["weights"] for about in drawn)
    assert len({about["theta0"] for about in found.values()}) == 3


def test_jobs_without_a_network_and_networks_without_a_job_leave_nothing(tagged, tmp_path, job):
    models.create(tagged, "random")
    assert "networks" not in job(lambda: None)
    provenance.add_network("x", [tmp_path / "missing"], lambda: pytest.fail("outside of a job"))


@pytest.mark.slow
def test_weights_in_the_folder_are_inputs_and_a_cached_copy_is_none(tmp_path, monkeypatch):
    """A copy that a first run downloads must not make the second run do everything again."""
    heads = [
        str(tmp_path / f"results/heads/{model}/final/mnist.safetensors")
        for model in ("vit_b_32", "vit_b_16")
    ]
    changed = tmp_path / "config.yaml"
    changed.write_text(f"models: [vit_b_32, vit_b_16]\nresults: {tmp_path}/results\n")
    monkeypatch.setenv(_weights.ROOT, str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    chosen = stored(
        tmp_path / "weights/ViT-B-32-quickgelu/openai.safetensors", {"x": torch.zeros(1)}
    )
    stored(
        tmp_path / "hub/models--timm--vit_base_patch16_clip_224.openai/snapshots/a" / _weights.SAFE,
        {},
    )
    finished = Checkout(ROOT).dry_run(*heads, "--configfile", "config/tiny.yaml", str(changed))
    assert finished.status == 0 and finished.jobs["build_head"] == 2, finished.output
    inputs = [line for line in finished.output.splitlines() if "input:" in line]
    assert sum(str(chosen) in line for line in inputs) == 1 and not any(
        _weights.SAFE in line for line in inputs
    )
