"""The methods paragraph, and the doubts, of what ``run.json`` holds."""

from __future__ import annotations

import copy
import shlex

import pandas as pd
import pytest

from facies.methods import METHODS, make_method
from facies.methods.description import describe
from facies.report.doubts import doubts
from facies.report.methods_text import methods_paragraph, plain_methods

DESCRIPTION = {
    "title": "Deep embedded clustering",
    "citation": "Xie et al., 2016",
    "text": "An autoencoder was trained. The number of groups was set to 4.",
    "changed": {"latent_size": 12},
}
MANIFEST = {
    "input": {
        "n_images": 1200, "image_shape": [1, 28, 28], "dtype": "uint8", "value_range": [0.0, 255.0], "labelled": False,
        "origin": {"path": "my images", "options": {"size": [28, 28], "fit": "pad", "channels": "grey", "layers": None}},
        "fingerprint": "0123456789abcdefXYZ",
    },
    "method": "dec", "version": "0.3.0", "versions": {"torch": "2.13", "python": "3.11", "zarr": "3"}, "preset": "quick",
    "seed": 7, "partition": "dec", "left_out": [{"source": "a", "reason": "b"}], "notes": ["Two images are blank."],
    "parameters": {"latent_size": 12, "n_clusters": 4}, "description": DESCRIPTION,
}  # fmt: skip
PARTITION = {"name": "dec", "method": "Deep embedded clustering", "seed": 7}
CURVES = pd.DataFrame({"stage": ["pretrain"] * 2 + ["cluster"], "epoch": [1, 2, 30]})


def paragraph(**changes: object) -> str:
    manifest = {**copy.deepcopy(MANIFEST), **changes}
    return methods_paragraph(manifest, 12, PARTITION, None, (4, 0), CURVES)


def test_it_can_be_pasted_into_a_paper():
    assert paragraph() == (
        "1,200 images of 28 × 28 pixels, one channel (uint8, values from 0 to 255) were grouped without labels by dec (deep embedded "
        "clustering; Xie et al., 2016) as in Facies 0.3.0 (PyTorch 2.13, Python 3.11). They were brought to 28 × 28 pixels by "
        "padding and read as grey. An autoencoder was trained. The number of groups was set to 4. Epochs of training: pretrain 2, "
        "cluster 30. Each image was represented by 12 numbers (the embedding). 4 groups were found; every image was assigned to a "
        "group. The parameters were those of the preset “quick”, but for latent_size = 12; random seed 7. 1 file could not be used and "
        "was left out. To be noted: Two images are blank. The SHA-256 fingerprint of the images begins with 0123456789abcdef."
    )


def test_a_run_of_an_earlier_version_is_described_by_what_it_recorded():
    text = paragraph(description=None)
    assert (
        "clustered without labels by the method dec of Facies 0.3.0 (PyTorch 2.13), preset “quick”, random seed 7."
        in text
    )
    assert "The partition “dec” was made by Deep embedded clustering (seed 7)." in text
    assert "The method’s parameters were latent_size = 12; n_clusters = 4." in text


def test_plain_text_has_the_references():
    assert plain_methods(["One.", "Two."], ["A, B. 2016."]) == "One.\n\nTwo.\n\nReferences\nA, B. 2016."
    assert plain_methods(["One."], []) == "One."


@pytest.mark.parametrize("name", ["moe-vae", "focal-vae", "st-dac", "dac", "dec", "idec"])
def test_each_method_describes_itself(name: str):
    assert name in METHODS
    method = make_method(name, "quick", {"random_state": 3})
    method.n_clusters_ = 7
    described = describe(method, "quick")
    assert described["changed"] == {}
    assert described["citation"].rpartition(", ")[2] in type(method).reference
    assert described["text"].count(".") >= 3
    assert not {"{", "}"} & set(described["text"])
    asked = method.asked_n_clusters
    end = "was estimated from the images." if asked is None else f"was set to {asked}, of which 7 were left in the end."
    assert described["text"].endswith(f"The number of groups {end}")


def test_what_differs_from_the_preset_is_named_alone():
    method = make_method("moe-vae", "quick", {"grouping": "gaussian-mixture", "n_clusters": 7, "hardware.devices": 2})
    method.n_clusters_ = 7
    described = describe(method, "quick")
    assert described["changed"] == {"grouping": "gaussian-mixture", "n_clusters": 7}
    assert "by a Gaussian mixture in" in described["text"]
    assert described["text"].endswith("The number of groups was set to 7.")


GOOD = {"n_groups": 4, "n_images": 1200, "silhouette": 0.4, "silhouette_of_one_cloud": 0.1, "stability": 0.9}


@pytest.mark.parametrize(
    ("changes", "words", "options"),
    [
        ({"n_groups": 2}, "only 2 groups came out", ["--set", "n_clusters=10"]),
        ({"silhouette": 0.12}, "no better than pieces cut out of one cloud", ["--preset", "paper"]),
        ({"stability": 0.3}, "half of the images gives other groups than the other half", ["--set", "n_clusters=3"]),
    ],
)
def test_groups_that_may_say_little_are_doubted_with_what_to_try(changes, words, options):
    ((text, command),) = doubts({**MANIFEST, "reliability": {**GOOD, **changes}}, "my run")
    assert words in text
    said = shlex.split(command)
    assert said[:5] == ["facies", "cluster", "my images", "-o", "my run-2"]
    assert options == said[said.index(options[0]) :][:2]


def test_nothing_is_said_against_good_groups_nor_of_runs_that_did_not_measure():
    assert doubts({**MANIFEST, "reliability": GOOD}, "run") == []
    assert doubts(MANIFEST, "run") == []
