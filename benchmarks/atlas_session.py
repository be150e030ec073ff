"""Do the queues of the atlas lead an expert to the wrong names? Ten digits, named by a simulated expert who knows the truth.

    python benchmarks/atlas_session.py              # three fits; one that was done is not done again

She names each group by what most of its images are. Then she does 40 further actions, at the server that a user starts, as
the page offers them: pages of 50 images of the queue "name and classifier disagree", and when that has no page left, of the
least certain. On a page of disagreement she clicks the images of which the classifier is right; images of which neither is
right she picks and gives their class by its key, as all wrong ones on a page of the least certain. Enter settles the page.
Each key that changes something is one action. The true labels are her answers, and nothing else is made of them.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import record
from atlas_kill import start
from numpy.typing import NDArray

from facies.atlas.binary_format import unpack_arrays
from facies.runs import RunFolder

ACTIONS, PAGE = 40, 50
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
QUEUES = ("disagree", "least_certain", "never_looked_at")
PATIENCE_S = 30.0


class Expert:
    """Somebody who knows what each image is, at the page of one run."""

    def __init__(self, client: httpx.Client, key: str, truth: NDArray[np.int64], most: int = ACTIONS) -> None:
        self.client, self.path, self.truth, self.left = client, f"/api/runs/{key}", truth, most
        self.ids: dict[int, int] = {}
        self.curve: list[int] = []
        self.used: dict[str, int] = dict.fromkeys(QUEUES, 0)

    def arrays(self, path: str) -> dict[str, NDArray[Any]]:
        """Fetch arrays."""
        return unpack_arrays(self.client.get(self.path + path).raise_for_status().content)[1]

    def act(self, kind: str, **body: Any) -> dict[str, Any]:
        """Do an action, acknowledged."""
        answer = self.client.post(f"{self.path}/actions", json={"kind": kind, **body})
        assert answer.is_success, answer.text
        return answer.json()

    def n_wrong(self) -> int:
        """How many images have a wrong name, or none."""
        names = {number: digit for digit, number in self.ids.items()}
        named = np.array([names.get(int(number), -1) for number in self.arrays("/state")["class"]])
        return int((named != self.truth).sum())

    def name_groups(self) -> None:
        """Name each group by what most of its images are; noise, too."""
        groups = self.arrays("/state")["group"]
        for group in np.unique(groups).tolist():
            digit = int(np.bincount(self.truth[groups == group]).argmax())
            self.ids[digit] = self.act("name", group=group, name=NAMES[digit])["class"]
        self.curve.append(self.n_wrong())

    def wait(self, revision: int) -> None:
        """Wait until the classifier has learnt from the latest names, as long as one looks at a page."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            told = self.client.get(f"{self.path}/probe").json()
            if told["status"] == "ready" and told["revision"] >= revision:
                return
            time.sleep(0.1)

    def step(self, queue: str, kind: str, **body: Any) -> None:
        """Do one of the actions that are left."""
        if self.left > 0:
            self.left -= 1
            self.used[queue] += 1
            self.act(kind, **body)
            self.curve.append(self.n_wrong())

    def correct(self, queue: str, rows: NDArray[np.int64]) -> None:
        """Pick the images of each digit, and press its key."""
        for digit in np.unique(self.truth[rows]).tolist():
            of = {"rows": np.sort(rows[self.truth[rows] == digit]).tolist()}
            named = {"class": self.ids[digit]} if digit in self.ids else {"name": NAMES[digit]}
            if self.left > 0:
                self.step(queue, "assign", of=of, looked_at=True, **named)
            if digit not in self.ids:
                self.ids[digit] = max(self.arrays("/state")["class"][of["rows"]].tolist())

    def settle_page(self) -> bool:
        """Open the first queue that has a page, and settle its first page; False where all are empty."""
        for queue in QUEUES:
            rows = self.arrays(f"/queues/{queue}")["rows"][:PAGE].astype(np.int64)
            if len(rows) == 0:
                continue
            state, digit_of = self.arrays("/state"), {number: digit for digit, number in self.ids.items()}
            named, taken = (
                np.array([digit_of.get(int(number), -1) for number in state[name][rows]])
                for name in ("class", "prediction")
            )
            truth = self.truth[rows]
            if queue == "disagree":
                self.correct(queue, rows[(named != truth) & (taken != truth)])
                known = (named >= 0) & (taken >= 0)
                numbers = self.arrays("/state")["class"][rows]
                clicked = (taken == truth) & (named != truth)
                decided = np.where(clicked, state["prediction"][rows], numbers)
                self.step(queue, "decide", rows=rows[known].tolist(), classes=decided[known].tolist())
            else:
                self.correct(queue, rows[named != truth])
                right = np.sort(rows[named == truth])
                if len(right):
                    self.step(queue, "validate", of={"rows": right.tolist()})
            return True
        return False


def demo(seed: int) -> Path:
    """The run of `facies demo`, fitted once."""
    folder = record.WORK / f"demo-{seed}"
    if not (folder / "run" / "run.json").exists():
        command = [sys.executable, "-m", "facies.cli", "demo", "-o", str(folder), "--seed", str(seed)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "run"


def play(seed: int) -> dict[str, Any]:
    """One session of the expert."""
    run = record.WORK / f"session-{seed}" / "run"
    shutil.rmtree(run.parent, ignore_errors=True)
    shutil.copytree(demo(seed), run, ignore=shutil.ignore_patterns("journal*", ".*"))
    truth = RunFolder(run).images["label"].to_numpy(np.int64)
    server, client = start(run)
    with server, client:
        expert = Expert(client, "run", truth)
        expert.name_groups()
        while expert.left > 0:
            expert.wait(int(client.get("/api/runs/run").json()["revision"]))
            if not expert.settle_page():
                break
        server.terminate()
    first, last = expert.curve[0], expert.curve[-1]
    return {
        "seed": seed,
        "images": len(truth),
        "wrong_after_groups": first,
        "wrong_after_actions": last,
        "mended": (first - last) / max(1, first),
        "actions": ACTIONS - expert.left,
        "actions_by_queue": expert.used,
        "curve": expert.curve,
        "machine": record.machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--again", action="store_true", help="play those again that were played")
    arguments = parser.parse_args()
    result = record.load("atlas_session")
    for seed in range(arguments.seeds):
        if str(seed) not in result or arguments.again:
            result[str(seed)] = play(seed)
            record.keep("atlas_session", result)
        row = result[str(seed)]
        print(
            "seed {seed}: {wrong_after_groups} of {images} wrong after naming by group, {wrong_after_actions} after "
            "{actions} actions: {mended:.0%} mended; {actions_by_queue}".format(**row)
        )


if __name__ == "__main__":
    main()
