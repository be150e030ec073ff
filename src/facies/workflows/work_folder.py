"""What an unfinished run has found so far, in a hidden folder beside the run to be."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from facies.errors import InputError

_FORMAT = 1


@dataclass(frozen=True)
class Fit:
    """What is being fitted, to what, and how: a fit goes on only as what it was begun.

    Parameters
    ----------
    facies
        The version.
    method
        Its name.
    parameters
        All of them, as JSON holds them.
    fingerprint, n_images
        Of the images.
    replaces
        Whether the run that was there when the fit was begun may be replaced.
    id
        A name of its own; the run that comes of the fit bears it.
    """

    facies: str
    method: str
    parameters: dict[str, Any]
    fingerprint: str
    n_images: int
    replaces: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    def differences(self, wanted: Fit) -> list[str]:
        """Name all in which this fit, begun earlier, is not the one that is wanted now."""
        found = []
        if self.facies != wanted.facies:
            found.append(f"it was begun by facies {self.facies}, and this is {wanted.facies}")
        if self.method != wanted.method:
            found.append(f"it was begun with --method {self.method}, not {wanted.method}")
        else:
            found += parameter_differences(self.parameters, wanted.parameters)
        if self.n_images != wanted.n_images:
            found.append(f"it was begun with {self.n_images:,} images, not {wanted.n_images:,}")
        elif self.fingerprint != wanted.fingerprint:
            found.append("the images are no longer the same")
        return found


def parameter_differences(earlier: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Name the parameters that are not what they were: ``epochs was 10, is 20``."""
    names = dict.fromkeys([*earlier, *wanted])
    absent = object()
    return [
        f"{name} was {_value(earlier, name)}, is {_value(wanted, name)}"
        for name in names
        if earlier.get(name, absent) != wanted.get(name, absent)
    ]


def _value(parameters: Mapping[str, Any], name: str) -> str:
    return json.dumps(parameters[name], ensure_ascii=False) if name in parameters else "unknown"


class WorkFolder:
    """The folder ``.NAME.work`` beside the run ``NAME``: ``fit.json``, and what the stages found.

    Parameters
    ----------
    run : Path
        The run to be; absolute.

    Attributes
    ----------
    path : Path
        The folder.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self.path = run.with_name(f".{run.name}.work")
        self._description = self.path / "fit.json"

    def fit(self) -> Fit | None:
        """Read which fit is unfinished here; None if there is none.

        Raises
        ------
        InputError
            If that cannot be told.
        """
        try:
            plain = json.loads(self._description.read_text("utf-8"))
        except FileNotFoundError:
            return None  # it is written before anything else: whatever is there without it is a remnant
        except (OSError, ValueError) as error:
            raise InputError(self._unknown(f"{self._description} cannot be read")) from error
        if not isinstance(plain, dict) or plain.pop("format", None) != _FORMAT:
            raise InputError(self._unknown(f"{self._description} is of another version of facies"))
        try:
            return Fit(**plain)
        except TypeError as error:
            raise InputError(self._unknown(f"{self._description} is damaged")) from error

    def begin(self, fit: Fit) -> None:
        """Make the folder anew, for a fit."""
        from facies.io import user_errors, write_json_atomically

        self.remove()
        try:
            with user_errors(self.run):
                self.path.mkdir(parents=True)
            write_json_atomically(self._description, {"format": _FORMAT, **asdict(fit)})
        except Exception:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the folder: first what makes it one, so that a half of it is never taken for a whole."""
        self._description.unlink(missing_ok=True)
        if self.path.is_symlink() or self.path.is_file():
            self.path.unlink()
        elif self.path.exists():
            shutil.rmtree(self.path)

    def remove_if_nothing_was_found(self) -> None:
        """Remove the folder of a fit that ended before its first stage had kept anything."""
        if self.path.is_dir() and all(entry == self._description for entry in self.path.iterdir()):
            self.remove()

    def _unknown(self, what: str) -> str:
        return f"{what}, so the unfinished run cannot go on: --overwrite begins anew"
