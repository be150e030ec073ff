"""What is read of a table of samples, and what is said of one that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.grains.report.sample_metadata import read_sample_metadata


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "samples.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read(tmp_path, separator):
    text = "sample,core,depth_cm,dry_mass_g,split,remark\n 001 ,GC1,2.5,1.25,8,fine\n002,GC1,12,,,\n".replace(
        ",", separator
    )
    facts = read_sample_metadata(write(tmp_path, text, "utf-8-sig"))
    assert facts["sample"].to_list() == ["001", "002"]
    assert facts["depth_cm"].to_list() == [2.5, 12]
    assert facts["dry_mass_g"][0] == 1.25
    assert np.isnan(facts["dry_mass_g"][1])
    assert np.isnan(facts["split"][1])
    assert facts["remark"].to_list() == ["fine", ""]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,depth_cm\na,1\n", "no column 'sample'"),
        ("sample,depth_cm\na,1\na,2\n", "line 3, names a sample again"),
        ("sample,depth_cm\n,1\n", "line 2, names no sample"),
        ("sample,depth_cm\na,deep\n", "line 2: depth_cm is 'deep'"),
        ('sample;depth_cm\na;"2,5"\n', "with a dot"),
        ("sample,split\na,0.125\n", "8 for an eighth"),
        ("sample,dry_mass_g\na,0\n", "dry bulk mass"),
        ("sample,dry_mass_g\na,inf\n", "dry bulk mass"),
        ("sample,sieve_lower_um,sieve_upper_um\na,500,100\n", "swap them"),
        ("sample,sample\na,b\n", "two columns"),
    ],
)
def test_tables_that_are_wrong(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_sample_metadata(write(tmp_path, text))


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(InputError, match="no such file of samples"):
        read_sample_metadata(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read as a CSV file of samples"):
        read_sample_metadata(tmp_path / "empty.csv")
    (tmp_path / "picture.csv").write_bytes(bytes(range(128, 256)) * 4)
    with pytest.raises(InputError, match="cannot be read as a CSV file of samples"):
        read_sample_metadata(tmp_path / "picture.csv")
