from __future__ import annotations

from pathlib import Path

import pytest

from facies.errors import InputError
from facies.images import open_images
from facies.images.readers import suffixes
from facies.images.readers.suffixes import SUFFIXES, passed_over_note


def test_what_is_not_read_is_counted_by_kind(tmp_path: Path, save_png) -> None:
    for k in range(3):
        save_png(tmp_path / f"{k}.png", seed=k)
    for name in ("a.CR2", "b.cr2", "c.dcm", "d.vsi", "sub/e.vsi", "f.qqq", "g"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    for name in ("notes.txt", "table.csv", "Thumbs.db", ".hidden.vsi", "a.json", "README"):
        (tmp_path / name).write_bytes(b"x")
    images = open_images(tmp_path)
    (note,) = images.notes
    assert note == (
        "passed over, since they are not read: 2 .cr2 (camera raw: convert them to TIFF with darktable or RawTherapee); "
        "2 .vsi (convert them to OME-TIFF with bfconvert); 1 .dcm (DICOM: convert them to TIFF or PNG with dcm2pnm or "
        "pydicom); 1 .qqq, 1 without a suffix"
    )
    assert images.left_out.empty


def test_a_folder_of_nothing_else_says_what_it_holds(tmp_path: Path) -> None:
    for k in range(4):
        (tmp_path / f"{k}.dcm").write_bytes(b"x")
    with pytest.raises(InputError, match=r"no image file in this folder or below; passed over.*: 4 \.dcm \(DICOM"):
        open_images(tmp_path)


def test_what_an_extra_reads_names_the_extra() -> None:
    assert "pip install 'facies[heif]' reads them" in suffixes._MENDS[".heic"]
    assert "pip install 'facies[microscopy]'" in suffixes._MENDS[".czi"]
    assert passed_over_note([]) == []
    assert ".png" in SUFFIXES
