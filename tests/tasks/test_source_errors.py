"""Every fault of a data set has its sentence: missing, gated, damaged, or another data set."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tangent_bench import registry
from tangent_bench.images.sources import open_split
from tests import hub_copies
from tests.hub_copies import (
    CLASSES,
    FILES,
    REVISION,
    SPLITS,
    content,
    datasets,
    tiny,
    write_cached,
    write_folder,
    write_parquet,
)

pytestmark = pytest.mark.usefixtures("alone")
ROOT = Path(__file__).parents[2]


def fails(match, module=None, split="test", root=None, **options):
    with pytest.raises(ValueError, match=match) as caught:
        content(open_split(module or tiny(), split, root, **options))
    return str(caught.value)


def test_missing_data_names_the_three_places_and_the_command(tmp_path):
    sentence = fails("Task 'tiny' has no images", root=tmp_path / "data")
    for part in (
        f"the folder {tmp_path}/data/tiny for <split>/<class>/<image>",
        f"a snapshot of lab/tiny at {REVISION}",
        "at the hub (",
        f"hf download lab/tiny --repo-type dataset --revision {REVISION} "
        "--include 'data/train-*.parquet'",
        f"--local-dir {tmp_path}/data/tiny",
        "without the hub: draw them",
    ):
        assert part in sentence, part
    assert "TANGENT_BENCH_DATA is not set" in fails("no images")


@pytest.mark.parametrize(
    ("name", "advice"), [("cars", "7545"), ("sun397", "9348"), ("resisc45", "no class for it")]
)
def test_dead_downloads_are_said(name, advice):
    assert advice in fails("has no images", registry.load("tasks", name))


def test_other_revision_in_the_cache_is_not_taken(tmp_path):
    write_cached(tmp_path, "f" * 40)
    assert f"other revisions: {'f' * 40}" in fails("has no images")


def test_other_revision_below_the_root_is_refused(tmp_path):
    note = (
        write_parquet(tmp_path / "tiny")
        / ".cache/huggingface/download/data/train-00000-of-00002.parquet.metadata"
    )
    note.parent.mkdir(parents=True)
    note.write_text(f"{'f' * 40}\netag\n0.0\n")
    fails(
        f"holds revision f+ of lab/tiny, expected {REVISION}; download that one: hf download",
        root=tmp_path,
    )
    note.write_text(f"{REVISION}\netag\n0.0\n")
    assert open_split(tiny(), "test", tmp_path).revision == REVISION


@pytest.mark.parametrize("damage", [b"", b"no image", None])
def test_damaged_file_is_named(tmp_path, damage):
    file = write_folder(tmp_path) / "tiny" / "test" / "dog" / "003.jpg"
    file.write_bytes(file.read_bytes()[:150] if damage is None else damage)
    fails(
        r"Task 'tiny': .*003\.jpg cannot be read as an image .*; repair or remove it", root=tmp_path
    )


def test_damaged_image_in_a_parquet_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(
        hub_copies, "encoded", lambda split, label, number: (b"\x89PNG\r\n\x1a\nno", "png")
    )
    write_cached(tmp_path)
    fails(r"Task 'tiny': image 0 of .*data cannot be read as an image")


def test_damaged_parquet_file_is_named(tmp_path):
    file = write_cached(tmp_path) / "data" / "test-00000-of-00001.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    fails(r"test-00000-of-00001\.parquet is no whole parquet file .*; download it again")


def test_number_of_classes_must_fit(tmp_path):
    write_cached(tmp_path)
    four = tiny()
    four.TASK = replace(four.TASK, class_names=(*CLASSES, "yak"))
    fails("has 3 classes, expected 4", four)
    fails("has 3 class folders, expected 4", four, root=write_folder(tmp_path / "root"))


def test_order_of_classes_must_fit(tmp_path):
    write_parquet(tmp_path / "tiny", ("big_cat", "owl", "dog"))
    fails("label 1 is 'owl', expected 'dog', and 1 more", root=tmp_path)


def test_synonyms_count_and_a_part_may_differ(tmp_path):
    write_parquet(tmp_path / "tiny", ("lion, Big Cat", "dog", "barn owl"))
    assert len(open_split(tiny(agreement=0.6), "test", tmp_path)) == 15
    fails("label 2 is 'barn owl', expected 'owl'", root=tmp_path)


def test_unknown_class_folder_is_named(tmp_path):
    folder = write_folder(tmp_path) / "tiny" / "test"
    (folder / "owl").rename(folder / "owls")
    fails("class folders that are no class of it: owls; name them as 'big cat'", root=tmp_path)


def test_labels_must_be_of_a_class(tmp_path, monkeypatch):
    def table(split, names):
        image = {"bytes": hub_copies.encoded(split, 0, 1)[0], "path": "a"}
        features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
        columns = {"image": [image] * 15, "label": [-1] * 15}
        return datasets.Dataset.from_dict(columns, features=features)

    monkeypatch.setattr(hub_copies, "table", table)
    write_parquet(tmp_path / "tiny")
    fails("has labels from -1 to -1, expected 0 to 2", root=tmp_path)


@pytest.mark.parametrize(
    ("cell", "kind", "sentence"),
    [
        (
            None,
            "label",
            "image 0 of .* has no image bytes in it; expected a copy with embedded images",
        ),
        ("lion", "text", "labels of .*parquet are object; expected a column of class numbers"),
        (0.5, "fraction", "labels of .*parquet are float64; expected a column of class numbers"),
    ],
)
def test_cells_must_hold_what_their_columns_promise(tmp_path, cell, kind, sentence, monkeypatch):
    picture = {
        "bytes": None if kind == "label" else hub_copies.encoded("test", 0, 1)[0],
        "path": "a",
    }
    label = 0 if kind == "label" else cell
    dtype = {"label": "int64", "text": "string", "fraction": "float64"}[kind]
    image = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    features = datasets.Features({"image": image, "label": datasets.Value(dtype)})

    def table(split, names):
        columns = {"image": [picture] * 15, "label": [label] * 15}
        return datasets.Dataset.from_dict(columns, features=features)

    monkeypatch.setattr(hub_copies, "table", table)
    write_parquet(tmp_path / "tiny")
    fails(sentence, root=tmp_path)


def test_columns_must_be_there(tmp_path):
    write_cached(tmp_path)
    fails("has the columns image, label; expected image and fine_label", tiny(label="fine_label"))


@pytest.mark.parametrize("split", SPLITS)
def test_other_counts_stop_unless_allowed(tmp_path, split):
    module = tiny(counts={"train": 540, "val": 60, "test": 150})
    root = write_folder(tmp_path)
    num = {"train": 54, "val": 6, "test": 15}[split]
    fails(
        rf"gives {num} images for '{split}', expected {num}0; complete it, or set allow_counts",
        module,
        split,
        root,
    )
    assert len(open_split(module, split, root, allow_counts=True)) == num


def test_empty_split_is_named(tmp_path):
    for file in write_folder(tmp_path).glob("tiny/test/*/*"):
        file.unlink()
    fails("split 'test' of .*tiny is empty", root=tmp_path, allow_counts=True)


def test_imagenets_validation_needs_training_images(tmp_path):
    module = tiny(without_train=registry.load("tasks", "imagenet").ORIGIN.without_train)
    write_folder(tmp_path, splits=("test",))
    fails(
        "'val' is cut off 'train', which it has not; .*5,000 of its 1,281,167.*50,000",
        module,
        "val",
        tmp_path,
    )


def test_missing_library_is_named(tmp_path, monkeypatch):
    write_cached(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    fails("Package 'pyarrow' is not installed")


class HubServer(http.server.BaseHTTPRequestHandler):
    """Answers as the hub does: a gated data set, and one without the revision that is asked for."""

    def _answer(self):
        gated = "gated" in self.path
        known = not gated and self.path.endswith("/lab/old")
        self.send_response(200 if known else 403 if gated else 404)
        if not known:
            self.send_header("X-Error-Code", "GatedRepo" if gated else "RevisionNotFound")
            self.send_header("X-Error-Message", "no")
        body = b'{"id": "lab/old", "sha": "0", "siblings": []}' if known else b"{}"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = _answer

    def log_message(self, format, *args):
        pass


def test_gated_data_and_wrong_revisions_are_said_as_the_hub_says_them(tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), HubServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = (
        "from tangent_bench.images import hub; from tangent_bench.images.sources import Origin\n"
        f"for repository in ('lab/gated', 'lab/old'):\n"
        f"    try: hub.from_hub('tiny', Origin(repository, '{REVISION}', {FILES}), 'test')\n"
        "    except (ValueError, ConnectionError) as error: print(type(error).__name__, error)\n"
    )
    environment = {
        **{key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "0",
    }
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=ROOT
    )
    server.shutdown()
    server.server_close()
    gated, revision = made.stdout.strip().splitlines()
    assert gated.startswith(
        "ValueError Task 'tiny': lab/gated is gated: accept its terms at https://huggingface.co"
    )
    assert revision.startswith(
        f"ValueError Task 'tiny': lab/old has no revision '{REVISION}' on the hub; give"
    ), made
