from __future__ import annotations

import json

from facies.methods.moe_vae.method import MoEVAE
from tests.cli.factories import call, error_line
from tests.workflows.factories import Brightness


def test_methods() -> None:
    found = {method["name"]: method for method in json.loads(call("methods", "--json").stdout)["methods"]}
    assert found["moe-vae"]["estimates_n_clusters"] is True
    assert found["moe-vae"]["samples"] is True
    assert found["silent"]["samples"] is False
    assert found["brightness"]["reference"] == Brightness.reference
    text = " ".join(call("methods").stdout.split())
    assert f"moe-vae: {MoEVAE.title}" in text
    assert MoEVAE.reference in text


def test_presets_have_all_parameters() -> None:
    found = json.loads(call("presets", "moe-vae", "--json").stdout)
    assert set(found) == {"moe-vae"}
    for name, values in MoEVAE.presets.items():
        assert found["moe-vae"][name] == {**MoEVAE().get_params(), **values}
    assert {"moe-vae", "brightness"} <= set(json.loads(call("presets", "--json").stdout))


def test_presets_side_by_side() -> None:
    lines = [line.split() for line in call("presets", "brightness").stdout.splitlines()]
    assert ["parameter", "quick", "paper"] in lines
    assert ["scale", "null", "2.0"] in lines
    assert ["kind", "mean", "mean"] in lines


def test_presets_of_no_method() -> None:
    result = call("presets", "moevae")
    assert result.exit_code == 2
    assert "did you mean 'moe-vae'?" in error_line(result)
