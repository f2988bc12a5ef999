"""A job imports open_clip without three slow packages, unless its model uses one of them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tangent_bench.models import _open_clip
from tests.workflow.checkout import ROOT

SLOW = "transformers", "timm", "torch._dynamo"
PROGRAM = """
import json, sys
from tangent_bench import models
from tangent_bench.jobs import provenance
provenance._running = {{}} if {job} else None
network = models.create(models.find("tiny"))
before = [name for name in {slow} if name in sys.modules]
found = {{"before": before, "towers": str(type(network.visual))}}
import timm, transformers, torch._dynamo
torch._dynamo.disable(lambda: None)
found["versions"] = [timm.__version__, transformers.__version__]
print(json.dumps(found))
"""


@pytest.mark.full
@pytest.mark.parametrize("job", [True, False])
def test_a_job_leaves_them_out_and_they_can_be_imported_afterwards(job):
    program = PROGRAM.format(job=job, slow=SLOW)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["before"] == ([] if job else list(SLOW))
    assert "open_clip.transformer.VisionTransformer" in found["towers"] and all(found["versions"])


@pytest.mark.parametrize(
    ("architecture", "plain"),
    [
        ("ViT-B-32", True),
        ("convnext_base", False),  # of timm
        ("roberta-ViT-B-32", False),  # of transformers
        ("ViT-B-16-SigLIP", False),  # both
        ("no-such-model", False),
    ],
)
def test_only_models_with_towers_of_open_clip_alone_do_without(architecture, plain):
    assert _open_clip._is_plain(_open_clip.description(architecture, None)) is plain


@pytest.mark.parametrize(
    "text", ["", "[]", '{"vision_cfg": 3, "text_cfg": {}}', '{"vision_cfg": {}}']
)
def test_a_file_that_is_no_model_is_not_plain(tmp_path, text):
    file = tmp_path / "model.json"
    file.write_text(text, encoding="utf-8")
    assert not _open_clip._is_plain(_open_clip.description("model", file))
