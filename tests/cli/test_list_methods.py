from __future__ import annotations

import json

from facies.methods.moe_vae.method import MoEVAE
from tests.cli.factories import call, error_line
from tests.workflows.factories import Brightness


def test_methods() -> None:
    found = {method["name"]: method for method in json.loads(call("methods", "--json").stdout)["methods"]}
    assert found["moe-vae"]["estimates_n_clusters"] is True
    assert found["moe-vae"]["has_soft_assignments"] is True
    assert found["moe-vae"]["supported_inputs"] == ["images", "focal stacks"]
    assert found["moe-vae"]["is_generative"] is True
    assert found["silent"]["is_generative"] is False
    assert found["brightness"]["reference"] == Brightness.reference
    text = " ".join(call("methods").stdout.split())
    assert f"moe-vae: {MoEVAE.title}" in text
    assert MoEVAE.reference in text


def test_presets_have_all_parameters() -> None:
    found = json.loads(call("presets", "moe-vae", "--json").stdout)
    assert set(found) == {"moe-vae"}
    for name, values in MoEVAE.presets.items():
        assert found["moe-vae"][name] == {**MoEVAE().parameters(), **values}
    assert {"moe-vae", "brightness"} <= set(json.loads(call("presets", "--json").stdout))


def test_presets_side_by_side() -> None:
    lines = [line.split() for line in call("presets").stdout.splitlines()]
    assert ["parameter", "quick", "paper"] in lines
    assert ["scale", "null", "2.0"] in lines
    assert ["kind", "mean", "mean"] in lines


def test_presets_of_one_method_say_what_each_parameter_does() -> None:
    lines = [" ".join(line.split()) for line in call("presets", "brightness").stdout.splitlines()]
    assert "parameter quick paper what it does" in lines
    assert "n_clusters 3 3 Number of groups." in lines
    assert any(line.startswith("scale null 2.0 Factor of the") for line in lines)
    assert any(line.startswith("hardware.devices 1 1 ") for line in lines)


def test_presets_of_no_method() -> None:
    result = call("presets", "moevae")
    assert result.exit_code == 2
    assert "did you mean 'moe-vae'?" in error_line(result)
