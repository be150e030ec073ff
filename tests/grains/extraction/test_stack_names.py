"""What names of photographs prove, and what they do not (the cases of shared/cases/stack_names.py, and their kin)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from facies.errors import InputError
from facies.grains.extraction.focal_stacks import StackList, find_stacks

FOUR, SIX = range(4), range(6)
HEIGHTS = (-20, -10, 0, 10, 20, 30)
KEYENCE = [f"XY{s:02d}_00001_Z{z:03d}_CH{c}.tif" for s in FOUR for z in SIX for c in (1, 4)]
TWINS = [f"S{s:02d}_{z}.{e}" for s in FOUR for z in SIX for e in ("jpg", "tif")]
LAYER_FOLDERS = [f"layer{z}/S{s:02d}.jpg" for z in SIX for s in FOUR]


def found(folder: Path, names: list[str], **options: object) -> StackList:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return find_stacks(folder, **options)


def refused(folder: Path, names: list[str], **options: object) -> str:
    with pytest.raises(InputError) as error:
        found(folder, names, **options)
    message = str(error.value)
    assert "\n" not in message
    return message


def offered(message: str) -> list[str]:
    return re.findall("--pattern '([^']+)'", message)


def test_layer_before_the_position(tmp_path: Path) -> None:
    stacks = found(tmp_path, [f"L{z}_S{s:02d}.jpg" for z in SIX for s in FOUR])
    assert [stack.name for stack in stacks.stacks] == ["S00", "S01", "S02", "S03"]
    assert stacks.stacks[2].photographs == tuple(f"L{z}_S02.jpg" for z in SIX)
    assert stacks.how == "by the number after 'l' in the file name"


def test_two_numbers_that_may_be_the_layer(tmp_path: Path) -> None:
    message = refused(tmp_path, [f"L{z}_S{s:02d}.jpg" for z in SIX for s in SIX])
    assert "may be the layer" in message
    assert offered(message) == ["L{layer}_{stack}", "L{stack}_S{layer}"]
    stacks = find_stacks(tmp_path, pattern="L{layer}_{stack}").stacks
    assert stacks[1].photographs == tuple(f"L{z}_S01.jpg" for z in SIX)


def test_a_location_that_looks_like_a_layer(tmp_path: Path) -> None:
    stacks = found(tmp_path, [f"L{place}_S{z:02d}.jpg" for place in SIX for z in FOUR], layers=4).stacks
    assert len(stacks) == 6
    assert stacks[5].photographs == tuple(f"L5_S{z:02d}.jpg" for z in FOUR)


@pytest.mark.parametrize("names", [TWINS, [f"{name[-3:]}/{name}" for name in TWINS]])
def test_one_picture_in_two_formats(names: list[str], tmp_path: Path) -> None:
    message = refused(tmp_path, names)
    assert ".jpg and .tif" in message
    stacks = find_stacks(tmp_path, pattern=offered(message)[0])
    assert len(stacks.stacks) == 4
    assert {name[-4:] for stack in stacks.stacks for name in stack.photographs} == {".tif"}
    assert len(stacks.left_out) == 24
    assert offered(refused(tmp_path, [], layers=1))[0].endswith("{stack}.tif")


def test_two_channels(tmp_path: Path) -> None:
    message = refused(tmp_path, KEYENCE)
    assert "CH1, CH4" in message
    one, every = offered(message)
    assert one == "{stack}_00001_Z{layer}_CH1"
    stacks = find_stacks(tmp_path, pattern=one)
    assert [stack.name for stack in stacks.stacks] == ["XY00", "XY01", "XY02", "XY03"]
    assert stacks.stacks[0].photographs == tuple(f"XY00_00001_Z{z:03d}_CH1.tif" for z in SIX)
    assert len(stacks.left_out) == 24
    both = find_stacks(tmp_path, pattern=every)
    assert len(both.stacks) == 8
    assert {stack.name for stack in both.stacks[:2]} == {"XY00 channel 1", "XY00 channel 4"}
    assert "counted, once in each" in both.notes[0]


def test_one_channel_of_its_own_is_none(tmp_path: Path) -> None:
    stacks = found(tmp_path, [name for name in KEYENCE if "CH4" in name]).stacks
    assert [len(stack.photographs) for stack in stacks] == [6] * 4


@pytest.mark.parametrize("form", ["S{s:02d}_z{z}_{c}.tif", "S{s:02d}_{z}_ch{c}.tif", "ch{c}_S{s:02d}_z{z}.tif"])
def test_channels_that_are_named_otherwise(form: str, tmp_path: Path) -> None:
    names = ("DAPI", "GFP") if "ch" not in form else (0, 1)
    message = refused(tmp_path, [form.format(s=s, z=z, c=c) for s in FOUR for z in SIX for c in names])
    assert "are these channels" in message
    assert len(find_stacks(tmp_path, pattern=offered(message)[0]).stacks) == 4


def test_a_folder_a_layer(tmp_path: Path) -> None:
    message = refused(tmp_path, LAYER_FOLDERS)
    assert "folders are called like layers" in message
    assert offered(message) == ["layer{layer}/{stack}"]
    stacks = find_stacks(tmp_path, pattern="layer{layer}/{stack}").stacks
    assert [stack.name for stack in stacks] == ["S00", "S01", "S02", "S03"]
    assert stacks[3].photographs == tuple(f"layer{z}/S03.jpg" for z in SIX)


def test_as_many_folders_of_layers_as_photographs_in_each(tmp_path: Path) -> None:
    names = [f"layer{z}/S{s:02d}.jpg" for z in SIX for s in SIX]
    assert "layer{layer}/{stack}" in offered(refused(tmp_path, names))
    assert len(find_stacks(tmp_path, grouping="folder").stacks) == 6  # whoever says so gets it


@pytest.mark.parametrize(
    "form", ["S00_z{z:+d}um.tif", "S00_z{z}um.tif", "S00_z{z}.tif", "S00_{z:+d}um.tif", "z{z:+d}um_S00.tif", "S00_z{z}.5µm.tif"]
)  # fmt: skip
def test_heights_are_ordered_by_their_value(form: str, tmp_path: Path) -> None:
    (stack,) = found(tmp_path, [form.format(z=z) for z in HEIGHTS]).stacks
    assert stack.photographs == tuple(form.format(z=z) for z in HEIGHTS)
    assert stack.name == "S00"


def test_a_stroke_is_no_minus(tmp_path: Path) -> None:
    stacks = found(tmp_path, [f"S{s}_z-{z}.tif" for s in FOUR for z in SIX]).stacks
    assert stacks[0].photographs == tuple(f"S0_z-{z}.tif" for z in SIX)


def test_missing_layers_are_named_by_stack(tmp_path: Path) -> None:
    gone = {"S01_2.jpg", "S02_0.jpg", "S02_5.jpg"}
    names = [name for s in range(5) for z in SIX if (name := f"S{s:02d}_{z}.jpg") not in gone]
    stacks = found(tmp_path, [*names, "S04_6.jpg"])
    assert dict(stacks.left_out) == {
        "S01": "it has 5 photographs, not 6: layer 2 is missing",
        "S02": "it has 4 photographs, not 6: layer 0, 5 is missing",
        "S04": "it has 7 photographs, not 6",
    }


def test_a_stack_of_other_layers_than_most_is_noted(tmp_path: Path) -> None:
    names = [f"S{s}_{z}.jpg" for s in FOUR for z in SIX]
    names[names.index("S2_3.jpg")] = "S2_6.jpg"
    stacks = found(tmp_path, names)
    assert len(stacks.stacks) == 4
    assert stacks.notes == [
        "1 stack has other layers than most (as S2: 0, 1, 2, 4, 5, 6; most: 0, 1, 2, 3, 4, 5): is a photograph of it "
        "missing?"
    ]


@pytest.mark.parametrize("form", ["S{s:02d}_{z:02d}.jpg", "S{s:02d}/img_{z:02d}.jpg", "S{s}_z{z:02d}.jpg"])
def test_stacks_of_more_layers_than_asked_for_are_not_cut_in_two(form: str, tmp_path: Path) -> None:
    message = refused(tmp_path, [form.format(s=s, z=z) for s in FOUR for z in range(12)])
    assert "--layers 12" in message


def test_times_in_names_are_passed_over_by_a_pattern(tmp_path: Path) -> None:
    message = refused(tmp_path, [f"S{s:02d}_L{z}_2026{6 * s + z:04d}.jpg" for s in FOUR for z in SIX])
    assert offered(message) == ["{stack}_L{layer}_*"]
    assert len(find_stacks(tmp_path, pattern="{stack}_L{layer}_*").stacks) == 4


def test_two_series_in_a_folder_are_no_stack(tmp_path: Path) -> None:
    message = refused(tmp_path, [f"P{s}/{a}_{z}.jpg" for s in FOUR for a in "ab" for z in range(3)])
    assert "--stacks folder" in message
    assert "--layers 3" in message


def test_running_numbers_with_a_gap_or_begun_anew_are_not_guessed(tmp_path: Path) -> None:
    message = refused(tmp_path / "gap", [f"DSC_{n:04d}.jpg" for n in range(25) if n != 7])
    assert "--stacks order" in message
    refused(tmp_path / "anew", [f"{folder}/DSC_{n}.jpg" for folder in "AB" for n in range(12)])


def test_parts_of_a_pattern(tmp_path: Path) -> None:
    names = [f"{core}/P{s}_T{t}_f{z}_x{s}{t}{z}.png" for core in "AB" for s in (1, 2) for t in (5, 7) for z in range(3)]
    stacks = found(tmp_path, [*names, "A/other.png"], layers=3, pattern="P{stack}_T{stack}_f{layer}_*.png")
    assert [stack.name for stack in stacks.stacks[:2]] == ["A/1_5", "A/1_7"]
    assert [stack.sample for stack in stacks.stacks] == ["A"] * 4 + ["B"] * 4
    assert stacks.left_out == [("A/other.png", "its name does not match the pattern")]
    by_sample = find_stacks(tmp_path, layers=3, pattern="{sample}/P{stack}_T7_f{layer}_{ignore}").stacks
    assert [(stack.name, stack.sample) for stack in by_sample] == [
        ("A/1", "A"), ("A/2", "A"), ("B/1", "B"), ("B/2", "B"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "told"),
    [("{stack}", "needs the parts"), ("{stack}_{depth}", "no part is called"), ("{stack}_{layer}_{layer}", "twice")],
)
def test_patterns_that_cannot_be_meant(pattern: str, told: str, tmp_path: Path) -> None:
    assert told in refused(tmp_path, ["a_1.png", "a_2.png"], layers=2, pattern=pattern)


def test_words_are_layers_in_the_order_in_which_they_appear(tmp_path: Path) -> None:
    message = refused(tmp_path, [f"S{s}_{word}.jpg" for s in FOUR for word in ("near", "mid", "far")], layers=3)
    assert offered(message) == ["{stack}_{layer}"]


def test_the_first_stacks_are_shown(tmp_path: Path) -> None:
    stacks = found(tmp_path, [f"S{s}_{z}.jpg" for s in FOUR for z in SIX])
    assert stacks.examples() == [f"S{s}: S{s}_0.jpg, S{s}_1.jpg, …, S{s}_5.jpg" for s in range(3)]
