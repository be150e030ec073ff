"""A run with the columns that grains have, and a browser that asks like the page does."""

from __future__ import annotations

import atexit
import base64
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.testclient import TestClient

from facies.atlas import Atlas
from facies.atlas.binary_format import unpack_arrays
from facies.atlas.server import make_app
from facies.images import ImageSet
from facies.runs import RunContents, RunFolder, partition_table, write_run
from tests.runs.factories import make_images

N, K = 90, 3
TOKEN = "a-token-of-the-tests"
HOST = "127.0.0.1:8123"


def make_table(images: ImageSet, seed: int = 2) -> ImageSet:
    """Give images what `facies extract` would tell of grains."""
    rng = np.random.default_rng(seed)
    n = len(images)
    images.table = images.table.assign(
        sample=np.where(np.arange(n) % 2, "S01", "S02"),
        touches_border=np.arange(n) % 10 == 3,
        touching=rng.uniform(0, 1, n).astype(np.float32),
        sharpness=rng.lognormal(0, 1, n),
        area_px=rng.uniform(10, 100, n),
    )
    return images


def make_contents(images: ImageSet, n_groups: int = K) -> RunContents:
    """Make three groups far apart; every tenth image is noise, and image 1 is image 0 once more."""
    n = len(images)
    rng = np.random.default_rng(1)
    kinds = np.arange(n) % n_groups
    embedding = (np.eye(n_groups, 4)[kinds] * 8 + rng.normal(size=(n, 4))).astype(np.float32)
    embedding[4] = embedding[1] + 1e-4
    groups = kinds.copy()
    groups[::10] = -1
    table = partition_table(images.table["id"], groups, embedding, rng.uniform(0.5, 1, n).astype(np.float32))
    return RunContents(
        images=images,
        embedding=embedding,
        projections={
            "pca": (embedding[:, 1:3].copy(), {"method": "PCA", "seed": 0}),
            "umap": (embedding[:, :2].copy(), {"method": "UMAP", "seed": 0}),
        },
        partitions={"density": (table, {"method": "HDBSCAN", "seed": 0})},
        samples=rng.uniform(size=(n_groups, 5, *images.image_shape[-3:])).astype(np.float32),
        manifest={"method": "moe-vae", "seed": 0},
    )


def make_run(folder: Path, n: int = N) -> RunFolder:
    """Write the run."""
    return write_run(folder / "run", make_contents(make_table(make_images(folder, n=n))))


def mask_of(rows: Any, n: int = N) -> str:
    """Rows as the page sends them."""
    bits = np.zeros(n, np.bool_)
    bits[list(rows)] = True
    return base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode()


@functools.cache
def _event_loop() -> BlockingPortal:
    """One loop for all clients of the process: each request would have a thread and a loop of its own, which takes longer than it."""
    manager = start_blocking_portal()
    portal = manager.__enter__()
    atexit.register(manager.__exit__, None, None, None)
    return portal


class Browser:
    """Asks an atlas as its page does: with cookie, key and origin, and JSON."""

    def __init__(self, atlas: Atlas, key: str = "run", name: str = "page") -> None:
        app = make_app(atlas, token=TOKEN, port=8123)
        self.client = TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False)
        self.client.portal = _event_loop()
        location = self.client.get(f"/?token={TOKEN}", follow_redirects=False).headers["location"]
        page = location.split("#page=")[1]
        self.client.headers.update({"Origin": f"http://{HOST}", "X-Facies-Client": name, "X-Facies-Page": page})
        self.key = key

    def get(self, path: str, status: int = 200) -> Any:
        """The JSON of an address under the run."""
        answer = self.client.get(f"/api/runs/{self.key}{path}")
        assert answer.status_code == status, answer.text
        return answer.json()

    def arrays(self, path: str, body: Any = None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Header and arrays of an address under the run."""
        place = f"/api/runs/{self.key}{path}"
        answer = self.client.get(place) if body is None else self.client.post(place, json=body)
        assert answer.status_code == 200, answer.text
        return unpack_arrays(answer.content)

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        """The JSON of what was sent."""
        answer = self.client.post(f"/api/runs/{self.key}{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def act(self, kind: str, status: int = 200, **fields: Any) -> Any:
        """Do something."""
        return self.post("/actions", {"kind": kind, **fields}, status)

    def state(self) -> dict[str, list[int]]:
        """Class, state, group and reason of every image."""
        _, arrays = self.arrays("/state")
        return {name: arrays[name].tolist() for name in ("class", "state", "group", "reason")}

    def class_id(self, name: str) -> int:
        """The number of a class."""
        return next(reply["id"] for reply in self.get("/classes")["classes"] if reply["name"] == name)


def wait_for(found: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return value
