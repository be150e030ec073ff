"""The formats of tissue images, by what a path looks like, and the readers that `facies.images.open_images` uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from facies.errors import InputError
from facies.genes.gene_images import gene_images
from facies.genes.readers.anndata import is_spatialdata, read_h5ad, read_spatialdata
from facies.genes.readers.imzml import read_imzml
from facies.genes.readers.legacy_st import is_legacy_st, read_legacy_st
from facies.genes.readers.settings import GeneReading, IonReading
from facies.genes.readers.visium import is_visium, read_visium
from facies.genes.spatial_table import SpatialTable
from facies.images import ImageSet
from facies.images.readers.base import Progress, Reader
from facies.images.resize import ImageFormat

_GENE_TABLES: tuple[tuple[Callable[[Path], bool], Callable[[Path], SpatialTable]], ...] = (
    (lambda path: path.suffix.lower() == ".h5ad" and path.is_file(), read_h5ad),
    (is_visium, read_visium),
    (is_spatialdata, read_spatialdata),
    (is_legacy_st, read_legacy_st),
)


def is_imzml(path: Path) -> bool:
    """Whether a path is an ``.imzML`` file."""
    return path.suffix.lower() == ".imzml" and path.is_file()


def read_table(path: str | Path, settings: GeneReading | IonReading | None = None) -> SpatialTable:
    """Read the table of spots and genes, or pixels and ions, of a file or folder.

    Parameters
    ----------
    path : str or Path
    settings : GeneReading or IonReading, optional
        What is chosen; without it the defaults.

    Raises
    ------
    InputError
        If no reader knows the format, or the file is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if is_imzml(path):
        ions = settings if isinstance(settings, IonReading) else IonReading()
        return read_imzml(path, mz=ions.mz, ppm=ions.ppm, tic=ions.tic, max_ions=ions.max_ions)
    genes = settings if isinstance(settings, GeneReading) else GeneReading()
    if path.suffix.lower() == ".h5ad" and path.is_file():
        return read_h5ad(path, layer=genes.layer, section_key=genes.section_key)
    for can_read, read in _GENE_TABLES:
        if can_read(path):
            if genes.layer is not None or genes.section_key is not None:
                raise InputError(f"{path}: layer and section_key are for .h5ad files: leave them out")
            return read(path)
    raise InputError(
        f"{path}: is no table of spots; read are .h5ad, a Visium folder or its .h5, a SpatialData store, .tsv with spots "
        "such as 10x13, and .imzML"
    )


def _images(
    path: Path, image_format: ImageFormat, _progress: Progress | None, settings: GeneReading | IonReading
) -> ImageSet:
    images = gene_images(
        read_table(path, settings),
        min_spots=settings.min_spots,
        values=settings.values if isinstance(settings, GeneReading) else "auto",
        max_side=settings.max_side,
        shape=image_format.size,
    )
    images.origin = {**images.origin, "path": str(path.absolute())}
    return images


GENES = Reader(
    name="genes",
    description=".h5ad, a Visium folder",
    can_read=lambda path: any(can_read(path) for can_read, _ in _GENE_TABLES),
    read=_images,
    settings=GeneReading,
    method="darlc",
)
IONS = Reader(
    name="ions",
    description=".imzML",
    can_read=is_imzml,
    read=_images,
    settings=IonReading,
    method="darlc",
)
