"""What a reader of images is: the contract that the formats of Facies and of other packages meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facies.errors import InputError, suggest

if TYPE_CHECKING:
    from facies.images.image_set import ImageSet
    from facies.parameters import Settings

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
    settings : type, optional
        A `facies.parameters.Settings` class of what can be chosen in reading this format; ``--set reading.NAME=VALUE`` on the
        command line, and ``reading=`` of `facies.images.open_images`, set its fields. `read` then has the keyword argument
        ``settings``.
    method : str, optional
        The name of the method that is made for such images; ``facies cluster`` takes it where none is named.
    """

    name: str
    description: str
    can_read: Callable[[Path], bool]
    read: Callable[..., ImageSet]
    takes_pages: bool = False
    settings: type[Settings] | None = None
    method: str | None = None


def reading_settings(reader: Reader, values: Mapping[str, Any], where: object) -> Settings | None:
    """Make the settings of a reader from values by name; None where it has none, and none were given.

    Raises
    ------
    InputError
        If the reader has no such setting, or does not take a value.
    """
    if reader.settings is None:
        if values:
            raise InputError(
                f"{where}: {reader.description} has nothing to set about reading: leave out {', '.join(values)}"
            )
        return None
    from facies.parameters import check_parameters, parameters_of  # scikit-learn comes with it, which takes a second

    made = reader.settings()
    known = parameters_of(reader.settings)
    for name, value in values.items():
        if name not in known:
            raise InputError(f"reading.{name}: there is nothing of this name to set; {suggest(name, known)}")
        setattr(made, name, tuple(value) if isinstance(value, list) else value)
    check_parameters(made, "reading.")
    return made
