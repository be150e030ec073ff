"""How to look at an OME-Zarr image with labels: commands and a link to paste. Nothing is started here."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

_PORT = 8000
_NEUROGLANCER = "https://neuroglancer-demo.appspot.com"


def viewer_commands(path: Path, labels: Sequence[str]) -> list[str]:
    """Return a command for napari, and for neuroglancer the command of a web server with the link that reads from it.

    Parameters
    ----------
    path : Path
        The OME-Zarr image.
    labels : sequence of str
        The names of its label images.
    """
    source = f"http://localhost:{_PORT}"
    layers: list[dict[str, object]] = [{"type": "image", "name": path.stem, "source": f"{source}/|zarr3:"}]
    layers += [
        {
            "type": "segmentation",
            "name": name,
            "source": f"{source}/labels/{name}/|zarr3:",
            "visible": name == labels[-1],
        }
        for name in labels
    ]
    state = quote(json.dumps({"layers": layers, "layout": "4panel"}, separators=(",", ":")))
    return [
        f"napari: napari --plugin napari-ome-zarr {shlex.quote(str(path))}",
        f"neuroglancer: npx http-server {shlex.quote(str(path))} --cors -p {_PORT}, and open {_NEUROGLANCER}/#!{state}",
    ]
