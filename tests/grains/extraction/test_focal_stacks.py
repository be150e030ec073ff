from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facies.errors import InputError
from facies.grains.extraction.focal_stacks import find_stacks, read_photograph
from facies.images.readers.pixels import UnreadableImage


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def found(folder: Path, **options: object) -> dict[str, tuple[str, ...]]:
    return {stack.name: stack.photographs for stack in find_stacks(folder, **options).stacks}


def test_by_name_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, *(f"S{stack}_z{layer}.png" for stack in (10, 2) for layer in (10, 9, 1)))
    stacks = find_stacks(tmp_path, layers=3)
    assert [stack.name for stack in stacks.stacks] == ["S2", "S10"]
    assert stacks.stacks[0].photographs == ("S2_z1.png", "S2_z9.png", "S2_z10.png")
    assert stacks.stacks[0].sample == "all"
    assert "file name" in stacks.how


@pytest.mark.parametrize(
    "form", ["core A/S{s}-{f}.jpg", "core A/S{s} layer {f}.jpg", "core A/S{s}.f{f}.tif", "core A/S{s} ({f}).png"]
)
def test_names_of_many_forms(form: str, tmp_path: Path) -> None:
    touch(tmp_path, *(form.format(s=stack, f=layer) for stack in (1, 2) for layer in range(6)))
    stacks = find_stacks(tmp_path).stacks
    assert [stack.name for stack in stacks] == ["core A/S1", "core A/S2"]
    assert {stack.sample for stack in stacks} == {"core A"}


def test_a_word_that_ends_in_a_layer_letter_is_no_layer(tmp_path: Path) -> None:
    touch(tmp_path, *(f"cell{number}.png" for number in range(2)))
    assert list(found(tmp_path, layers=2)) == ["cell"]


@pytest.mark.parametrize("form", ["S{s}/L{f}.png", "S{s}/{f}.png", "S{s}/near{f}.png"])
def test_by_folder(form: str, tmp_path: Path) -> None:
    touch(tmp_path / "a", *(form.format(s=stack, f=layer) for stack in (1, 2) for layer in range(3)))
    assert [stack.split("/")[:2] for stack in found(tmp_path, layers=3)] == [["a", "S1"], ["a", "S2"]]
    plain = find_stacks(tmp_path / "a", layers=3, grouping="folder").stacks
    assert {stack.sample for stack in plain} == {"all"}


def test_by_folder_where_names_tell_nothing(tmp_path: Path) -> None:
    touch(tmp_path, *(f"S{stack}/{name}.png" for stack in (1, 2) for name in ("bottom", "middle", "top")))
    stacks = find_stacks(tmp_path, layers=3)
    assert stacks.how == "by folder"
    assert stacks.stacks[1].photographs == ("S2/bottom.png", "S2/middle.png", "S2/top.png")


def test_running_numbers(tmp_path: Path) -> None:
    touch(tmp_path, *(f"DSC_{number:04d}.png" for number in range(12)))
    stacks = find_stacks(tmp_path, layers=3)
    assert [stack.name for stack in stacks.stacks] == ["DSC_0000", "DSC_0003", "DSC_0006", "DSC_0009"]
    assert "follow each other" in stacks.how


def test_running_numbers_with_one_missing_are_not_guessed(tmp_path: Path) -> None:
    touch(tmp_path, *(f"DSC_{number:04d}.png" for number in range(12) if number != 5))
    with pytest.raises(InputError, match="--stacks order"):
        find_stacks(tmp_path, layers=3)
    stacks = find_stacks(tmp_path, layers=3, grouping="order")
    assert len(stacks.stacks) == 3
    assert stacks.left_out == [("DSC_0010", "it has 2 photographs, not 3")]


def test_stacks_that_are_not_whole_are_named(tmp_path: Path) -> None:
    touch(tmp_path, *(f"S{stack}_{layer}.png" for stack in range(5) for layer in range(3)))
    (tmp_path / "S1_2.png").unlink()
    touch(tmp_path, "S3_3.png", "S4_1.jpg")
    (tmp_path / "S4_2.png").unlink()
    stacks = find_stacks(tmp_path, layers=3)
    assert [stack.name for stack in stacks.stacks] == ["S0", "S2"]
    assert dict(stacks.left_out) == {
        "S1": "it has 2 photographs, not 3: layer 2 is missing",
        "S3": "it has 4 photographs, not 3",
        "S4": "two of its photographs are of the same layer: S4_1.jpg and S4_1.png",
    }


def test_single_photographs(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a.png")
    assert found(tmp_path, layers=1) == {"a": ("a.png",), "b": ("b.png",)}


def test_pattern(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{layer}-of-{stack}-at-M1.png" for stack in "ab" for layer in ("low", "mid")), "other.png")
    stacks = find_stacks(tmp_path, layers=2, pattern=r"(?P<layer>\w+)-of-(?P<stack>\w)-at-(?P<sample>\w+)")
    assert [(stack.name, stack.sample) for stack in stacks.stacks] == [("a", "M1"), ("b", "M1")]
    assert stacks.left_out == [("other.png", "its name does not match the pattern")]


@pytest.mark.parametrize("pattern", ["(?P<stack>", "(?P<stack>.+)"])
def test_pattern_that_is_none(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--pattern"):
        find_stacks(touch(tmp_path, "a.png"), pattern=pattern)


def test_table_of_photographs(tmp_path: Path) -> None:
    touch(tmp_path / "photos", "u.png", "v.png", "w.png", "x.png", "y.png")
    table = tmp_path / "table.csv"
    table.write_text(
        "Photograph,stack,layer,sample\nv.png,one,0,A\nu.png,one,1,A\nx.png,two,0,B\nw.png,two,1,B\nz.png,three,0,B\n"
    )
    stacks = find_stacks(tmp_path / "photos", layers=2, table=table)
    assert [(s.name, s.sample, s.photographs) for s in stacks.stacks] == [
        ("one", "A", ("v.png", "u.png")),
        ("two", "B", ("x.png", "w.png")),
    ]
    assert {name for name, _ in stacks.left_out} == {"z.png", "y.png"}


def test_table_of_samples(tmp_path: Path) -> None:
    touch(tmp_path / "photos", *(f"S{stack}_{layer}.png" for stack in (1, 2) for layer in range(2)))
    table = tmp_path / "table.csv"
    table.write_text("stack,sample\nS1,top\nS2,bottom\n")
    assert [s.sample for s in find_stacks(tmp_path / "photos", layers=2, table=table).stacks] == ["top", "bottom"]
    table.write_text("stack,sample\nS1,top\n")
    with pytest.raises(InputError, match="S2"):
        find_stacks(tmp_path / "photos", layers=2, table=table)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2\n", "needed are"),
        ("photograph,stack\na.png,1\na.png,2\n", "two rows"),
        ("photograph,stack,layer\na.png,1,top\n", "give a number"),
    ],
)
def test_table_that_cannot_be_used(text: str, told: str, tmp_path: Path) -> None:
    touch(tmp_path / "photos", "a.png")
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        find_stacks(tmp_path / "photos", table=tmp_path / "table.csv")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_stacks(tmp_path / "none")
    with pytest.raises(InputError, match="no photograph"):
        find_stacks(tmp_path)
    with pytest.raises(InputError, match="no whole stack of 6"):
        find_stacks(touch(tmp_path, "a_1.png"), grouping="name")
    with pytest.raises(InputError, match="give the folder"):
        find_stacks(tmp_path / "a_1.png")
    with pytest.raises(InputError, match="at least 1"):
        find_stacks(tmp_path, layers=0)


def test_read_photograph(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 255, (10, 20), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(read_photograph(tmp_path / "grey.png"), np.dstack([grey] * 3))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / "turned.png", exif=exif)
    assert read_photograph(tmp_path / "turned.png").shape == (20, 10, 3)
    Image.fromarray(grey).save(tmp_path / "pages.tif", save_all=True, append_images=[Image.fromarray(grey)])
    with pytest.raises(UnreadableImage, match="2 pages"):
        read_photograph(tmp_path / "pages.tif")


def test_what_is_not_read_is_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a_0.png", "a_1.png", "a_0.CR2", "a_1.cr2")
    notes = find_stacks(tmp_path, layers=2).notes
    assert notes == [
        "passed over, since they are not read: 2 .cr2 (camera raw: convert them to TIFF with darktable or RawTherapee)"
    ]
