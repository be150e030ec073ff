"""What a reader of images is: the contract that the formats of Facies and of other packages meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facies.images.image_set import ImageSet

Progress = Callable[[int, int], None]
"""Called with the number of files or images that have been read, and their total."""


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
        The name of the format. It is written into run folders, so that the same reader opens the images again; it must
        never change.
    description : str
        What the reader reads, such as ``a folder of images``, for the error message that lists all formats.
    can_read : callable
        ``can_read(path)`` returns whether an existing file or folder has this format. It must be quick, since it is
        called for every input: it should look at the suffix or at the names of files, not at pixels.
    read : callable
        ``read(path, image_format, progress)`` opens the images, lazily where it can. The reader may convert them to
        `image_format` while it decodes them; images that it leaves in another format are converted afterwards.
        `progress` is None, or is called with the number of files that have been read and their total. An input that
        cannot be read is reported by `facies.errors.InputError`.
    takes_pages : bool, default=False
        Whether `read` takes a fourth argument, `pages`: ``axes``, ``images``, ``channels`` or ``layers``, which is what
        the pages of a file are taken for.
    method : str, optional
        The name of the method that is made for such images; ``facies cluster`` takes it where none is named.
    """

    name: str
    description: str
    can_read: Callable[[Path], bool]
    read: Callable[..., ImageSet]
    takes_pages: bool = False
    method: str | None = None
