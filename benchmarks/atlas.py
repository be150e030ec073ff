"""How quickly the atlas answers: its server, started as a user starts it, asked over the loopback by a client that waits.

python benchmarks/atlas.py            # 1,000,000 images in 1,000 groups
python benchmarks/atlas.py 30000      # other sizes
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import record
from PIL import Image

from facies.images import open_images
from facies.runs import partition_table
from facies.runs.manifest import Manifest
from facies.runs.partitions import write_partition
from facies.runs.projections import write_projection

DIMENSIONS = 64
REPEATS = 7


def make_run(n: int, side: int = 16) -> Path:
    """Write a run of n square images of random pixels: groups are Gaussians, all sheets of thumbnails are the same file."""
    name = f"atlas-{n}" if side == 16 else f"atlas-{n}-{side}"
    run, pixels = record.WORK / name, record.WORK / f"{name}.npy"
    if (run / "run.json").exists() and pixels.exists():
        return run
    shutil.rmtree(run, ignore_errors=True)
    (run / "thumbnails").mkdir(parents=True)
    rng = np.random.default_rng(0)
    k = max(10, n // 1000)
    groups = rng.integers(0, k, n)
    groups[rng.random(n) < 0.05] = -1
    centres = rng.normal(size=(k + 1, DIMENSIONS)) * 2
    embedding = (centres[groups] + rng.normal(size=(n, DIMENSIONS))).astype(np.float32)
    points = (rng.normal(size=(k + 1, 2)) * 10)[groups] + rng.normal(size=(n, 2))
    np.save(pixels, rng.integers(0, 256, (n, side, side), dtype=np.uint8))
    opened = open_images(pixels)
    ids = opened.table["id"]
    images = pd.DataFrame(
        {
            "id": ids,
            "source": "synthetic",
            "sample": np.char.add("S", (np.arange(n) * 50 // n).astype(str)),
            "area_px": rng.lognormal(5, 1, n),
            "sharpness": rng.lognormal(0, 1, n),
        }
    )
    images.to_parquet(run / "images.parquet", index=False)
    np.save(run / "embedding.npy", embedding)
    for folder in ("projections", "partitions"):
        (run / folder).mkdir()
    write_projection(run / "projections", "map", points.astype(np.float32), {"method": "drawn"})
    write_partition(run / "partitions", "drawn", partition_table(ids, groups, embedding), {"method": "drawn"})
    write_sheets(run / "thumbnails", n)
    files = {str(p.relative_to(run)): p.stat().st_size for p in sorted(run.rglob("*")) if p.is_file()}
    manifest = Manifest(
        version="0",
        method="drawn",
        n_groups=k,
        partition="drawn",
        files=files,
        input={
            "origin": opened.origin,
            "n_images": n,
            "image_shape": [1, side, side],
            "dtype": "uint8",
            "fingerprint": f"drawn-{n}-{side}",
        },
    )
    (run / "run.json").write_text(json.dumps(manifest.to_dict()))
    return run


def write_sheets(folder: Path, n: int) -> None:
    """One sheet of noise, and links to it."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (512, 512), dtype=np.uint8)
    body = io.BytesIO()
    Image.fromarray(small).resize((2048, 2048)).save(body, "WEBP", quality=85, method=0)
    sheets = []
    for number in range(-(-n // 1024)):
        name = f"sheet-{number:03d}.webp"
        if number == 0:
            (folder / name).write_bytes(body.getvalue())
        else:
            os.link(folder / "sheet-000.webp", folder / name)
        sheets.append({"file": name, "first": number * 1024, "count": min(1024, n - number * 1024)})
    index = {
        "format": 1,
        "count": n,
        "tile": 64,
        "columns": 32,
        "per_sheet": 1024,
        "thumbnail": {"height": 64, "width": 64, "mode": "L"},
        "values": {"black": 0.0, "white": 255.0},
        "sheets": sheets,
    }
    (folder / "index.json").write_text(json.dumps(index))


class Asking:
    """A client that measures."""

    def __init__(self, client: httpx.Client, n: int) -> None:
        self.client, self.n = client, n
        self.rows: dict[str, dict[str, float]] = {}
        self.rng = np.random.default_rng(1)

    def mask(self, count: int) -> str:
        """A lasso: images that lie near each other in the order of the run have nothing to do with it, as on a map."""
        bits = np.zeros(self.n, np.bool_)
        bits[self.rng.choice(self.n, min(count, self.n // 2), replace=False)] = True
        return base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode()

    def get(self, path: str) -> httpx.Response:
        """Fetch, whole."""
        return self.client.get(f"/api/runs/{self.key}{path}").raise_for_status()

    def post(self, path: str, **body: Any) -> httpx.Response:
        """Send, and wait."""
        answer = self.client.post(f"/api/runs/{self.key}{path}", json=body)
        assert answer.is_success, answer.text
        return answer

    def act(self, kind: str, **body: Any) -> httpx.Response:
        """An action, acknowledged."""
        return self.post("/actions", kind=kind, **body)

    @property
    def key(self) -> str:
        return f"atlas-{self.n}"

    def measure(self, what: str, ask: Callable[[], httpx.Response], repeats: int = REPEATS) -> None:
        """Ask several times; keep the median and the slowest, in milliseconds, and the size of the answer."""
        times, size = [], 0
        for _ in range(repeats):
            began = time.perf_counter()
            size = len(ask().content)
            times.append(1000 * (time.perf_counter() - began))
        self.rows[what] = {"median_ms": float(np.median(times)), "slowest_ms": max(times), "bytes": size}
        print(f"{what:58s} {np.median(times):8.1f} ms   slowest {max(times):8.1f}   {size / 1e6:8.2f} MB", flush=True)

    def until_fitted(self, labelled: int) -> None:
        """Wait for the classifier."""
        while True:
            told = self.get("/probe").json()
            if told["status"] in ("ready", "failed") and told["n_labelled"] >= labelled:
                print(f"{'classifier, in the background':58s} {1000 * told['seconds']:8.1f} ms")
                self.rows["classifier, in the background"] = {"median_ms": 1000 * told["seconds"]}
                return
            time.sleep(0.1)


def ask_all(asking: Asking) -> None:
    """The page's first view, then an expert's actions."""
    asking.measure("first: groups with their facts", lambda: asking.get("/groups"), 1)
    asking.measure("first: counts", lambda: asking.get("/counts"), 1)
    for path in ("", "/points", "/state", "/classes", "/groups", "/counts", "/counts?by=sample", "/columns/area_px"):
        asking.measure(f"GET {path or 'the run'}", lambda path=path: asking.get(path))
    small, large = asking.mask(5000), asking.mask(asking.n // 4)
    for by in ("nearest", "random"):
        asking.measure(
            f"lasso of 5,000 to its gallery, {by}", lambda by=by: asking.post("/order", of={"mask": small}, by=by)
        )
    asking.measure(
        "lasso of a quarter of all to its gallery, nearest",
        lambda: asking.post("/order", of={"mask": large}, by="nearest"),
    )
    asking.measure("gallery of a group, nearest", lambda: asking.post("/order", of={"group": 3}, by="nearest"))
    digest = asking.get("").json()["thumbnails"]["hash"]
    asking.get(f"/thumbnails/{digest}/0.webp")
    asking.measure(
        "one thumbnail of any image",
        lambda: asking.get(f"/thumbnails/{digest}/{asking.rng.integers(asking.n)}.webp"),
        50,
    )
    asking.measure(
        "a page of 48 thumbnails of any images",
        lambda: asking.get(f"/thumbnails/{digest}?rows={','.join(map(str, asking.rng.integers(asking.n, size=48)))}"),
        20,
    )
    asking.measure("neighbours of one image", lambda: asking.post("/neighbours", of={"rows": [7]}))
    asking.measure("name a lasso of 5,000", lambda: asking.act("assign", of={"mask": asking.mask(5000)}, name="quartz"))
    asking.measure("undo it", lambda: asking.act("undo"))
    asking.measure("do it again", lambda: asking.act("redo"))
    asking.measure("name a group", lambda: asking.act("name", group=int(asking.rng.integers(0, 9)), name="foram"))
    revision = asking.get("").json()["revision"]
    asking.measure("name a quarter of all", lambda: asking.act("assign", of={"mask": large}, name="dark"), 3)
    asking.measure("what that changed", lambda: asking.get(f"/changes?since={revision}"), 3)
    asking.measure("undo a quarter of all", lambda: asking.act("undo"), 3)
    asking.until_fitted(1)
    asking.measure("least certain first, of all", lambda: asking.post("/order", of={"all": True}, by="least_certain"))
    asking.measure("validate 50", lambda: asking.act("validate", of={"group": 0}))
    groups = iter(range(1, 40))
    asking.measure("merge two groups", lambda: asking.act("merge", groups=[next(groups), next(groups)]), 3)
    asking.measure("the groups after a merge", lambda: asking.get("/groups"), 1)
    for _ in range(3):
        asking.act("undo")


def main() -> None:
    """Make the run, start the server, ask, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", nargs="?", type=int, default=1_000_000)
    n = parser.parse_args().n
    run = make_run(n)
    (run / "journal.sqlite").unlink(missing_ok=True)
    began = time.perf_counter()
    command = [sys.executable, "-m", "facies.cli", "atlas", str(run), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            base, token = server.stdout.readline().strip().split("/?token=")
            seconds = time.perf_counter() - began
            print(f"{n:,} images; the address after {seconds:.1f} s")
            with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=120) as client:
                asking = Asking(client, n)
                ask_all(asking)
            status = Path(f"/proc/{server.pid}/status").read_text()
            peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 2**20
            print(f"peak memory of the server {peak:.2f} GiB")
        finally:
            server.terminate()
    result = {"n": n, "start_seconds": seconds, "peak_gib": peak, "rows": asking.rows, "machine": record.machine()}
    record.keep("atlas", {**record.load("atlas"), str(n): result})


if __name__ == "__main__":
    main()
