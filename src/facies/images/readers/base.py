"""What a reader of images is: the contract that the formats of Facies and of other packages meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facies.images.image_set import ImageSet
from facies.images.resize import ImageFormat

__all__ = ["Progress", "Reader"]

Progress = Callable[[int, int], None]
"""Called with the number of files or images that are done, and their total."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One format of images on the disk.

    A package outside Facies registers such an object under the entry-point group ``facies.readers``:

    .. code-block:: toml

        [project.entry-points."facies.readers"]
        gene-images = "my_package.gene_images:READER"

    Parameters
    ----------
    name : str
        The name of the format. Run folders keep it, to be opened by the same reader again: it must not change.
    description : str
        What the reader reads, for the error that lists all formats, such as ``a folder of images``.
    can_read : callable
        ``can_read(path)`` says whether an existing file or folder has this format. It must be quick, for it is asked
        about every input: look at the suffix, or at the names of files, not at pixels.
    read : callable
        ``read(path, image_format, progress)`` opens the images, lazily where it can. The reader may bring them to
        `image_format` while it decodes them; what it leaves as it was is converted afterwards. `progress` is None or is
        called with the number of files done and their total. What the user can mend is raised as
        `facies.errors.InputError`.
    """

    name: str
    description: str
    can_read: Callable[[Path], bool]
    read: Callable[[Path, ImageFormat, Progress | None], ImageSet]
