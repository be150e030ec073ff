"""Sets of openml.org, fetched where a suite asks for one by name, and then alone."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError, suggest

HUB = "openml"
NAME = re.compile(r"openml:(?P<name>[\w.() -]+?)(?:@(?P<version>[1-9][0-9]*))?")
IMAGE_SETS = ("mnist_784", "Fashion-MNIST", "Kuzushiji-MNIST", "USPS", "CIFAR_10", "Olivetti_Faces")
"""Some sets of images there, to name the nearest of a name that is not there."""
SECONDS = 60.0
"""So long the server may say nothing."""


def check_hub(hub: Any, where: str) -> str:
    """Return what names a set of the hub, ``openml:NAME`` or ``openml:NAME@VERSION``; nothing is fetched.

    Raises
    ------
    InputError
        If it is written otherwise, or another hub is named.
    """
    if not isinstance(hub, str) or not NAME.fullmatch(hub):
        known = ", ".join(IMAGE_SETS)
        raise InputError(
            f"{where}: hub={hub!r}: sets are fetched from openml.org; write hub = 'openml:NAME' or 'openml:NAME@VERSION', "
            f"with a name of openml.org such as {known}"
        )
    return hub


def fetch(
    hub: str, shape: Sequence[int] | None, where: str, report: Callable[[str], None]
) -> dict[str, NDArray[np.generic]]:
    """Fetch a set, or read what an earlier call has fetched into scikit-learn's folder (``SCIKIT_LEARN_DATA``).

    Parameters
    ----------
    hub
        As `check_hub` returns it.
    shape
        Height and width of an image, or channels, height and width; None takes a square, grey or of three channels.
    where
        Begins the line of an error.
    report
        Told what was fetched, and what was assumed of it.

    Returns
    -------
    dict
        ``images``, (N, H, W) or (N, H, W, C), uint8 where whole numbers from 0 to 255 are given, else float32; and ``labels``, (N,)
        int64, where there is one label an image.

    Raises
    ------
    InputError
        If the hub cannot be reached, has no such set, or its values are no images.
    """
    parts = NAME.fullmatch(hub)
    assert parts is not None
    found = _ask(parts["name"], int(parts["version"]) if parts["version"] else "active", f"{where}: hub={hub!r}")
    pixels = _pixels(found.data, f"{where}: hub={hub!r}")
    planes = _shape(pixels.shape[1], shape, f"{where}: hub={hub!r}")
    images = pixels.reshape(len(pixels), *planes)
    if len(planes) == 3:
        images = images.transpose(0, 2, 3, 1)
    labels = _labels(found.target, len(images))
    version = found.details.get("version", "?")
    report(
        f"{where}: {parts['name']} of openml.org, version {version}: {len(images):,} images, whose {pixels.shape[1]:,} values are "
        f"taken as {' × '.join(map(str, planes))}" + ("" if labels else "; it has no label for each image")
    )
    return {"images": np.ascontiguousarray(images), **labels}


def _ask(name: str, version: int | str, where: str) -> Any:
    from sklearn.datasets import fetch_openml

    try:
        with _no_endless_wait(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # several versions: which was taken is said
            return fetch_openml(name, version=version, as_frame=False, n_retries=1)
    except OSError as error:  # also what urllib raises
        reason = " ".join(str(getattr(error, "reason", error)).split())[:200]
        raise InputError(
            f"{where}: openml.org cannot be reached, or does not answer ({reason}): try again with a connection, or give a path"
        ) from error
    except ImportError as error:
        raise InputError(f"{where}: cannot be read without a package that is not here ({error}): install it") from error
    except ValueError as error:  # of scikit-learn, for a set that is not there, is damaged, or is of another form
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{where}: cannot be had from openml.org ({reason}); {suggest(name, IMAGE_SETS, 'sets of images there are {}')}"
        ) from error


@contextlib.contextmanager
def _no_endless_wait() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _pixels(data: Any, where: str) -> NDArray[np.generic]:
    table = np.asarray(data.toarray() if hasattr(data, "toarray") else data)
    if table.ndim != 2 or table.dtype.kind not in "biuf" or not np.isfinite(table).all():
        raise InputError(f"{where}: its columns are no pixels (numbers, none missing): choose a set of images")
    whole = table.min() >= 0 and table.max() <= 255 and bool((table == np.floor(table)).all())
    return table.astype(np.uint8 if whole else np.float32)


def _shape(values: int, given: Sequence[int] | None, where: str) -> tuple[int, ...]:
    if given is not None:
        if math.prod(given) != values:
            raise InputError(f"{where}: shape={[*given]} has {math.prod(given):,} values, its images have {values:,}")
        return tuple(given)
    for channels in (1, 3):
        side = math.isqrt(values // channels)
        if side >= 2 and channels * side * side == values:
            return (side, side) if channels == 1 else (3, side, side)
    raise InputError(f"{where}: {values:,} values are no square image: give shape = [HEIGHT, WIDTH]")


def _labels(target: Any, count: int) -> dict[str, NDArray[np.int64]]:
    if target is None or np.shape(target) != (count,):
        return {}
    codes = np.unique(np.asarray(target).astype(str), return_inverse=True)[1]
    return {"labels": codes.astype(np.int64)}
