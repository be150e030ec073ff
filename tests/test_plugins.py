"""What becomes of entry points: what they name, what is faulty, and who has a name that several packages use."""

from __future__ import annotations

import os
import sys
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

from facies import plugins
from facies.images.readers import Reader, readers
from facies.methods import METHODS, Method, method_class, method_names
from facies.plugins import FaultyPlugin, load_plugin, load_plugins, plugin_names
from facies.report import exporters
from tests.workflows.factories import Brightness

GROUP = "facies.things"


class Thing:
    """A contract."""


class Unfinished(Method):
    """Lacks all that a method does."""


THING, OTHER = Thing(), Thing()
READER = Reader(name="another", description="", can_read=Path.is_dir, read=lambda *_: pytest.fail("is not read"))


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch):
    """Register names and attributes of this file for packages, as PACKAGE=dict(NAME=ATTRIBUTE)."""

    def to_register(**packages: dict[str, str]) -> None:
        monkeypatch.setattr(plugins, "_entry_points", lambda group: tuple(
            entry_point(name, value if ":" in value else f"{__name__}:{value}", group, package)
            for package, values in packages.items() for name, value in values.items()
        ))  # fmt: skip

    return to_register


def entry_point(name: str, value: str, group: str, package: str) -> EntryPoint:
    entry = EntryPoint(name, value, group)
    vars(entry)["dist"] = SimpleNamespace(name=package)
    return entry


def faults(function, *arguments, **options):
    """What a function returns, and the warnings it gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*arguments, **options)
    assert all(issubclass(warning.category, FaultyPlugin) for warning in caught)
    return result, [str(warning.message) for warning in caught]


def test_packages_are_read_once_and_again_when_one_comes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    read, times = plugins.metadata.entry_points, []
    monkeypatch.setattr(plugins.metadata, "entry_points", lambda **of: times.append(1) or read(**of))
    assert [plugin_names(GROUP) for _ in range(3)] == [[], [], []]
    assert len(times) == 1
    about = tmp_path / "late-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\nthing = {__name__}:THING\n")
    os.utime(tmp_path, (1, 1))  # a folder that has changed, however coarse the clock of the disk is
    assert [plugin_names(GROUP) for _ in range(3)] == [["thing"]] * 3
    assert len(times) == 2


def test_what_is_registered_is_loaded_in_the_order_of_the_names(register):
    register(one={"b": "THING"}, two={"a": "OTHER"})
    assert plugin_names(GROUP) == ["a", "b"]
    assert list(load_plugins(GROUP, Thing)) == [("a", OTHER), ("b", THING)]
    assert load_plugin(GROUP, "c", Thing) is None


def test_the_names_of_facies_are_its_own(register):
    register(another={"a": "THING", "b": "OTHER"})
    loaded, (line,) = faults(lambda: dict(load_plugins(GROUP, Thing, reserved={"a"})))
    assert loaded == {"b": OTHER}
    assert line == (
        "facies.things: 'a' of the package another is left out, for facies has that name; "
        "update or remove that package"
    )  # fmt: skip


def test_of_several_packages_facies_comes_first_and_then_the_alphabet(register):
    register(b={"x": "OTHER", "y": "OTHER"}, a={"x": "OTHER", "y": "THING"}, facies={"x": "THING"})
    names, lines = faults(plugin_names, GROUP)
    assert names == ["x", "y"]
    assert len(lines) == 3
    assert [line.partition("is left out")[2] for line in lines] == [
        f", for {owner} has that name; update or remove that package" for owner in ("facies", "facies", "a")
    ]
    assert faults(load_plugin, GROUP, "x", Thing)[0] is THING
    assert faults(load_plugin, GROUP, "y", Thing)[0] is THING


def test_a_method_cannot_take_the_name_of_another(register, monkeypatch):
    monkeypatch.delitem(METHODS, "brightness", raising=False)  # other tests may have put it there
    register(another={"moe-vae": "Brightness", "brightness": "Brightness"})
    names, (line,) = faults(method_names)
    assert names.count("moe-vae") == 1
    assert "'moe-vae' of the package another is left out, for facies has that name" in line
    assert faults(method_class, "moe-vae")[0].__module__.startswith("facies.")
    assert faults(method_class, "brightness")[0] is Brightness


@pytest.mark.parametrize("name", ["npy", "folder"])
def test_a_reader_cannot_take_the_name_of_another(register, name):
    register(another={name: "READER"})
    listed, (line,) = faults(lambda: list(readers()))
    assert [reader.name for reader in listed].count(name) == 1
    assert READER not in listed
    assert f"{name!r} of the package another is left out, for facies has that name" in line


def test_an_exporter_cannot_take_the_name_of_another(register):
    before = exporters()["csv"]
    register(another={"csv": "THING"})
    listed, (line,) = faults(exporters.__wrapped__)
    assert listed["csv"].description == before.description
    assert "'csv' of the package another is left out, for facies has that name" in line


@pytest.mark.parametrize(
    ("value", "kind", "as_class", "reason"),
    [
        ("Thing", Thing, False, "it is no Thing (tests.test_plugins)"),
        ("THING", Thing, True, "it is no subclass of Thing (tests.test_plugins)"),
        ("THING", Method, True, "it is no subclass of Method (facies.methods.base)"),
        (
            "Unfinished",
            Method,
            True,
            "it does not define cluster_probabilities, embed, load_state, model_state, stages",
        ),
        ("Brightness", Method, True, "it calls itself 'brightness', not by the name of its entry point"),
        ("READER", Reader, False, "it calls itself 'another', not by the name of its entry point"),
    ],
)
def test_what_is_of_another_type_is_left_out(register, value, kind, as_class, reason):
    register(another={"x": value})
    loaded, (line,) = faults(load_plugin, GROUP, "x", kind, as_class=as_class)
    assert loaded is None
    assert line.startswith(f"facies.things: 'x' of the package another is left out, for {reason}")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that raises something when it is imported, and return its name."""
    plugins._load.cache_clear()
    monkeypatch.syspath_prepend(tmp_path)

    def write(raised: str) -> str:
        (tmp_path / "raises_at_import.py").write_text(f"raise {raised}\n")
        return "raises_at_import"

    yield write
    sys.modules.pop("raises_at_import", None)
    plugins._load.cache_clear()


@pytest.mark.parametrize("raised", ["SystemExit(3)", "BaseException('a\\nb')", "ImportError('b')", "MemoryError"])
def test_a_package_that_cannot_be_imported_is_named_once_whatever_it_adds(register, module, raised):
    name = module(raised)
    register(another={"x": f"{name}:X", "y": f"{name}:Y"}, one={"z": "THING"})
    loaded, lines = faults(lambda: dict(load_plugins(GROUP, Thing)))
    assert loaded == {"z": THING}
    (line,) = set(lines)
    assert line.startswith("raises_at_import of the package another is left out, for it cannot be imported (")
    assert raised.partition("(")[0] in line
    assert "\n" not in line


def test_ctrl_c_ends_the_program_also_while_a_package_is_imported(register, module):
    register(another={"x": f"{module('KeyboardInterrupt')}:X"})
    with pytest.raises(KeyboardInterrupt):
        load_plugin(GROUP, "x", Thing)


def test_an_entry_point_that_names_no_module_is_left_out(register):
    register(another={"x": "not a module:X"})
    loaded, (line,) = faults(load_plugin, GROUP, "x", Thing)
    assert loaded is None
    assert "cannot be imported" in line
