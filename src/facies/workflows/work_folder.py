"""The finished stages of an unfinished run, in a hidden folder beside the run to be."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from facies._version import __version__
from facies.errors import InputError
from facies.io import jsonable, user_errors, write_json_atomically

if TYPE_CHECKING:
    from facies.images import ImageSet
    from facies.methods import Method

_FORMAT = 1


@dataclass(frozen=True)
class UnfinishedFit:
    """Which method is being fitted to which images: a fit is resumed only with the same ones.

    `facies` is the version, and `parameters` are all of the method, as JSON holds them; `replaces` says whether the run
    that was there when the fit started may be replaced. ``run.json`` of the run that it becomes holds the random `id`, too.
    """

    facies: str
    method: str
    parameters: dict[str, Any]
    fingerprint: str
    n_images: int
    value_range: list[float] | None = None
    replaces: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def from_method(cls, method: Method, images: ImageSet, *, replaces: bool = False) -> Self:
        """Describe a fit that is about to start."""
        return cls(
            facies=__version__,
            method=method.name,
            parameters=jsonable(method.parameters()),
            fingerprint=images.fingerprint(),
            n_images=len(images),
            value_range=images.origin["options"].get("value_range"),
            replaces=replaces,
        )

    def differences(self, current: UnfinishedFit) -> list[str]:
        """Say in which points this fit, which started earlier, differs from the one that is asked for now."""
        points = []
        if self.facies != current.facies:
            points.append(f"it was begun by facies {self.facies}, and this is {current.facies}")
        if self.method != current.method:
            points.append(f"it was begun with --method {self.method}, not {current.method}")
        else:
            points += parameter_differences(self.parameters, current.parameters)
        if self.n_images != current.n_images:
            points.append(f"it was begun with {self.n_images:,} images, not {current.n_images:,}")
        elif self.fingerprint != current.fingerprint:
            points.append("the images are no longer the same")
        if self.value_range != current.value_range:
            before, now = (_range(fit.value_range) for fit in (self, current))
            points.append(f"it was begun with {before}, not {now}")
        return points


def parameter_differences(earlier: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Name the parameters that have changed: ``epochs was 10, is 20``."""
    names = dict.fromkeys([*earlier, *current])
    absent = object()
    return [
        f"{name} was {_value(earlier, name)}, is {_value(current, name)}"
        for name in names
        if earlier.get(name, absent) != current.get(name, absent)
    ]


def _range(value_range: list[float] | None) -> str:
    return "no --range" if value_range is None else "--range {:g},{:g}".format(*value_range)


def _value(parameters: Mapping[str, Any], name: str) -> str:
    return json.dumps(parameters[name], ensure_ascii=False) if name in parameters else "unknown"


class WorkFolder:
    """The folder ``.NAME.work`` beside the run ``NAME``: ``fit.json``, and the results of the finished stages."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.path = run.with_name(f".{run.name}.work")
        self._description = self.path / "fit.json"

    def read(self) -> UnfinishedFit | None:
        """Read which fit is unfinished here; None if there is none. A damaged ``fit.json`` raises `InputError`."""
        try:
            plain = json.loads(self._description.read_text("utf-8"))
        except FileNotFoundError:
            return None  # it is written before anything else: whatever is there without it is a remnant
        except (OSError, ValueError) as error:
            raise InputError(self._unusable(f"{self._description} cannot be read")) from error
        if not isinstance(plain, dict) or plain.pop("format", None) != _FORMAT:
            raise InputError(self._unusable(f"{self._description} is of another version of facies"))
        try:
            return UnfinishedFit(**plain)
        except TypeError as error:
            raise InputError(self._unusable(f"{self._description} is damaged")) from error

    def begin(self, fit: UnfinishedFit) -> None:
        """Make the folder for a new fit; whatever it held is removed."""
        self.remove()
        try:
            with user_errors(self.run):
                self.path.mkdir(parents=True)
            write_json_atomically(self._description, {"format": _FORMAT, **asdict(fit)})
        except Exception:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the folder; ``fit.json`` goes first, so that a half-removed folder is never resumed."""
        self._description.unlink(missing_ok=True)
        if self.path.is_symlink() or self.path.is_file():
            self.path.unlink()
        elif self.path.exists():
            shutil.rmtree(self.path)

    def remove_if_no_stage_is_finished(self) -> None:
        """Remove the folder of a fit that ended before its first stage had saved anything."""
        if self.path.is_dir() and all(entry == self._description for entry in self.path.iterdir()):
            self.remove()

    def _unusable(self, what: str) -> str:
        return f"{what}, so the unfinished run cannot go on: --overwrite begins anew"
