from __future__ import annotations

from typing import Any

import pytest

from facies.cli.parameters import merged, read_settings
from facies.errors import InputError
from facies.methods import METHODS, method_class
from tests.workflows.factories import Brightness


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("n_clusters=4", 4),
        ("scale=2", 2.0),
        ("scale=1e-3", 1e-3),
        ("scale=null", None),
        ("scale=None", None),
        ("kind=median", "median"),
        ('kind="median"', "median"),
        ("epochs=auto", "auto"),
        ("epochs=3", 3),
        ("weights=[1, 2.5]", (1.0, 2.5)),
        ("exact=false", False),
        ("exact=False", False),
        (" n_clusters = 4 ", 4),
        ("hardware.precision=32-true", "32-true"),
        ("hardware.precision=32", "32"),
        ("precision=32", "32"),
    ],
)
def test_value(setting: str, value: Any) -> None:
    (read,) = read_settings(Brightness, [setting]).values()
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("n_clusters=2.5", "n_clusters takes a whole number"),
        ("n_clusters=true", "n_clusters takes a whole number"),
        ("n_clusters=", "n_clusters takes a whole number"),
        ("scale=big", "scale takes a number, or null"),
        ("scale=NaN", "scale takes a number, or null"),
        ("kind=mode", "kind takes 'mean' or 'median'"),
        ("epochs=always", "epochs takes a whole number of 1 or more, or 'auto'"),
        ("exact=1", "exact takes true or false"),
        ("weights=[1, true]", "weights takes a list whose entries are each a number"),
        ("nonsense", "name=value"),
        ("=3", "name=value"),
    ],
)
def test_value_of_another_type(setting: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(Brightness, [setting])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_last_of_several_holds() -> None:
    assert read_settings(Brightness, ["n_clusters=4", "n_clusters=5"]) == {"n_clusters": 5}


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("brightness", "silent")])
def test_every_parameter_of_every_method_can_be_set_to_what_its_presets_say(name: str) -> None:
    import json

    method = method_class(name)
    for values in method.presets.values():
        for parameter, value in {**method().parameters(), **values}.items():
            assert read_settings(method, [f"{parameter}={json.dumps(value)}"]) == {parameter: value}


def test_merged() -> None:
    assert merged({"a": 1}, {"b": 2, "c": None}) == {"a": 1, "b": 2}
    assert merged({"a": 1}, {"a": 1}) == {"a": 1}
    with pytest.raises(InputError, match="a is given twice, as 2 and by --set as 1"):
        merged({"a": 1}, {"a": 2})


def test_a_parameter_that_is_no_more_is_passed_over_with_a_word() -> None:
    said: list[str] = []
    assert read_settings(Brightness, ["hardware.strategy=ddp", "n_clusters=3"], said.append) == {"n_clusters": 3}
    assert said == ["--set hardware.strategy=ddp: this parameter did nothing, and is gone"]
