"""What an extraction is asked for, and whether what is on the disk is that."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from facies._version import __version__
from facies.errors import InputError
from facies.grains.extraction.background import Thresholds
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.focal_stacks import StackList
from facies.grains.extraction.grain_writer import FORMAT
from facies.io import jsonable


def read_description(folder: str | Path) -> dict[str, Any]:
    """Read ``grains.json`` of a folder of grains.

    Parameters
    ----------
    folder : path
        What `extract_grains` wrote.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If it is no such folder, or is damaged.
    """
    path = Path(folder).expanduser() / "grains.json"
    try:
        description = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{folder}: is no folder that facies extract wrote (it has no grains.json)") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}): extract the grains again") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise InputError(f"{path}: is of another version of facies, or damaged: extract the grains again")
    return description


def make_request(stacks: StackList, settings: ExtractionSettings, thresholds: str | Path | None) -> dict[str, Any]:
    """Describe what is extracted, and how; an unfinished extraction goes on only if its request was the same.

    Names and sizes of the photographs go into a digest. `thresholds` is a folder of grains whose thresholds are used.
    """
    digest = hashlib.sha256()
    for stack in stacks.stacks:
        for name in stack.photographs:
            try:
                size = (stacks.folder / name).stat().st_size
            except OSError:
                size = -1
            digest.update(f"{stack.name}\0{stack.sample}\0{name}\0{size}\n".encode("utf-8", "surrogateescape"))
    given = None if thresholds is None else read_thresholds(thresholds).to_dict()
    return {
        "facies": __version__,
        "settings": settings.to_dict(),
        "layers": stacks.layers,
        "photographs": digest.hexdigest(),
        "given_thresholds": given,
    }


def read_thresholds(folder: str | Path) -> Thresholds:
    """Read the thresholds of a folder of grains."""
    try:
        return Thresholds(**read_description(folder)["thresholds"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder}: its grains.json has no thresholds: extract the grains again") from error


def is_complete(
    target: Path, unfinished: dict[str, Any] | None, request: dict[str, Any], *, resume: bool, overwrite: bool
) -> bool:
    """Return whether there is nothing left to do.

    An InputError says that the folder may not be replaced, or holds something else than is requested.
    """
    if not target.exists() or (unfinished is not None and unfinished["replaces"] and resume):
        return False
    if not (target / "grains.json").is_file():
        raise InputError(f"{target} exists and is no folder of grains, so it is not overwritten: choose another output")
    if overwrite:
        return False
    if not resume:
        raise InputError(f"{target} already exists: use --overwrite to replace it, or another output")
    complete = read_description(target)
    differences = _differences(complete["order"], request)
    if differences:
        raise InputError(
            f"{target} is complete, and is not what is asked for now ({'; '.join(differences)}): use --overwrite to "
            "replace it, or another output"
        )
    return True


def check_unfinished(
    target: Path, unfinished: dict[str, Any], request: dict[str, Any], *, resume: bool
) -> dict[str, Any]:
    """Return the description of an unfinished extraction that may go on.

    An InputError says that it was not asked to go on, or was begun with another request.
    """
    if not resume:
        raise InputError(
            f"{target}: an earlier extraction was not finished: use --resume to go on with it, --overwrite to "
            "begin anew"
        )
    differences = _differences(unfinished["order"], request)
    if differences:
        raise InputError(
            f"{target}: the unfinished extraction cannot go on, for {'; '.join(differences)}: ask for what was "
            "asked for then, or use --overwrite to begin anew"
        )
    return unfinished


def _differences(earlier: dict[str, Any], request: dict[str, Any]) -> list[str]:
    request = jsonable(request)
    differences = []
    if earlier["facies"] != request["facies"]:
        differences.append(f"it was begun by facies {earlier['facies']}, and this is {request['facies']}")
    # Settings newer than those grains have their defaults.
    before_all = ExtractionSettings.from_dict(earlier["settings"]).to_dict()
    for name, value in request["settings"].items():
        before = before_all[name]
        if before != value:
            differences.append(f"{name} was {json.dumps(before)}, is {json.dumps(value)}")
    if earlier["layers"] != request["layers"]:
        differences.append(f"layers was {earlier['layers']}, is {request['layers']}")
    elif earlier["photographs"] != request["photographs"]:
        differences.append("the photographs are no longer the same")
    if earlier["given_thresholds"] != request["given_thresholds"]:
        differences.append("the thresholds given are others")
    return differences
