"""Which files of a folder are images, by their suffix; and what is to be done with those that are not read."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

from PIL import features

_ALWAYS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".gif"),
    *(".jp2", ".j2k", ".pbm", ".pgm", ".ppm", ".pnm", ".lsm", ".stk", ".zarr"),
)
_OPTIONAL = (
    ((".heic", ".heif", ".hif"), "pillow_heif", "heif", (3, 11)),
    ((".czi",), "czifile", "microscopy", (3, 12)),
    ((".lif",), "liffile", "microscopy", (3, 11)),
    ((".nd2",), "nd2", "microscopy", (3, 11)),
)
"""Suffixes, the module that reads them, the extra of Facies that brings it, and the Python that it needs."""


_AVIF = bool(features.check("avif"))
SUFFIXES = frozenset(
    {
        *_ALWAYS,
        *((".avif",) if _AVIF else ()),
        *(
            suffix
            for suffixes, module, _, python in _OPTIONAL
            if importlib.util.find_spec(module) is not None and sys.version_info >= python
            for suffix in suffixes
        ),
    }
)
"""The suffixes of image files that this installation reads, in lower case."""

# Others, such as EPS, would start programs to draw what a file says.
PILLOW_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "JPEG2000", "PPM", *(("AVIF",) if _AVIF else ()))

_COMPANIONS = frozenset(
    {
        *(".txt", ".csv", ".tsv", ".json", ".xml", ".md", ".rst", ".html", ".htm", ".log", ".ini", ".cfg", ".toml"),
        *(".yml", ".yaml", ".xls", ".xlsx", ".ods", ".doc", ".docx", ".odt", ".parquet", ".sqlite", ".db", ".pkl"),
        *(".py", ".ipynb", ".r", ".m", ".ijm", ".sh", ".bat", ".lnk", ".url", ".xmp", ".thm", ".aux", ".tfw", ".jgw"),
        *(".pgw", ".prj", ".roi", ".cpt", ".lut", ".icc", ".sha256", ".md5", ".tmp", ".part", ".ds_store", ".ome"),
    }
)
"""What commonly lies beside images and holds none."""

_MENDS: dict[str, str] = {
    **{
        suffix: f"pip install 'facies[{extra}]'{'' if python <= sys.version_info else ' under Python 3.12'} reads them"
        for suffixes, _, extra, python in _OPTIONAL
        for suffix in suffixes
    },
    ".avif": "Pillow 11.3 or later reads them",
    **dict.fromkeys(
        (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2", ".raw"),
        "camera raw: convert them to TIFF with darktable or RawTherapee",
    ),
    **dict.fromkeys((".dcm", ".dicom"), "DICOM: convert them to TIFF or PNG with dcm2pnm or pydicom"),
    **dict.fromkeys(
        (
            *(".vsi", ".oib", ".oif", ".oir", ".ims", ".lof", ".xlef", ".zvi", ".dv", ".r3d", ".sld", ".mvd2", ".scn"),
            *(".ndpi", ".svs", ".mrxs", ".bif", ".vms", ".ets", ".dm3", ".dm4", ".ser", ".al3d", ".ipl", ".flex"),
        ),
        "convert them to OME-TIFF with bfconvert",
    ),
    **dict.fromkeys(
        (".mrc", ".mrcs", ".rec", ".nii", ".gz", ".nrrd", ".mha", ".mhd", ".fits", ".fit", ".fts", ".hdf5", ".h5"),
        "save them as .npy or TIFF",
    ),
    **dict.fromkeys((".npy", ".npz", ".mat"), "an array is given by itself, not in a folder of images"),
    **dict.fromkeys((".zip", ".tar", ".7z", ".rar", ".tgz"), "unpack them first"),
    **dict.fromkeys((".avi", ".mp4", ".mov", ".mkv", ".wmv", ".mpg"), "films: save their frames as PNG, with ffmpeg"),
    **dict.fromkeys(
        (".psd", ".xcf", ".svg", ".pdf", ".eps", ".ai", ".tga", ".pcx", ".jxl", ".jxr", ".exr", ".hdr", ".ico", ".emf"),
        "save them as PNG or TIFF",
    ),
}


def is_companion(name: str) -> bool:
    """Return whether a file lies beside images without being one: tables, notes, scripts, what a system keeps."""
    path = PurePath(name.lower())
    return path.suffix in _COMPANIONS or path.name in ("readme", "license", "licence", "makefile", "source")


def passed_over_note(names: Iterable[str]) -> list[str]:
    """Say in one line which files were passed over, counted by their suffix, with the mend where there is one."""
    counts = Counter(PurePath(name).suffix.lower() or "without a suffix" for name in names)
    mends: dict[str, list[str]] = {}
    for suffix, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        mends.setdefault(_MENDS.get(suffix, ""), []).append(f"{count:,} {suffix}")
    if not mends:
        return []
    parts = [f"{', '.join(kinds)} ({mend})" if mend else ", ".join(kinds) for mend, kinds in mends.items()]
    return [f"passed over, since they are not read: {'; '.join(parts)}"]
