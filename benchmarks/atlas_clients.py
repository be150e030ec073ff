"""Two clients of one atlas, 500 actions each at the same time: both screens and the journal end with the same.

Each client keeps its screen as the page does: it hears of every change by server-sent events, and fetches what it missed.

python benchmarks/atlas_clients.py
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import record
from atlas_kill import IMAGES, draw_actions, make_run, start

from facies.annotations import Journal
from facies.atlas.binary_format import unpack_arrays

ACTIONS_EACH = 500
PLACE = "/api/runs/run"


class Client:
    """One browser: it acts in one thread, and listens in another."""

    def __init__(self, client: httpx.Client, seed: int) -> None:
        self.client = client
        self.actions = draw_actions(ACTIONS_EACH, IMAGES, seed)
        self.done, self.refused, self.milliseconds = 0, 0, [0.0]
        self.heard: list[int] = []
        header, sections = unpack_arrays(client.get(f"{PLACE}/state").content)
        self.revision = int(header["revision"])
        self.screen = {name: sections[name].copy() for name in ("class", "state", "group", "reason")}
        self.listening = threading.Event()
        self.threads = [threading.Thread(target=self.act), threading.Thread(target=self.listen, daemon=True)]

    def act(self) -> None:
        """Do one action after the other."""
        self.listening.wait()
        for action in self.actions:
            began = time.perf_counter()
            answer = self.client.post(f"{PLACE}/actions", json=action)
            self.milliseconds.append(1000 * (time.perf_counter() - began))
            assert answer.status_code in (200, 400, 409), answer.text
            self.done += answer.status_code == 200
            self.refused += answer.status_code != 200

    def listen(self) -> None:
        """Keep the screen as the server tells."""
        with self.client.stream("GET", "/api/events", timeout=None) as stream:
            for line in stream.iter_lines():
                if line == "event: hello":
                    self.listening.set()
                if line.startswith("data: ") and '"kind"' in line:
                    self.heard.append(json.loads(line[6:])["revision"])
                    self.catch_up(self.heard[-1])

    def catch_up(self, revision: int) -> None:
        """Fetch what has changed, unless it came along already."""
        if revision <= self.revision:
            return
        header, sections = unpack_arrays(self.client.get(f"{PLACE}/changes?since={self.revision}").content)
        assert not header["full"]
        for name, array in self.screen.items():
            array[sections["rows"]] = sections[name]
        self.revision = int(header["revision"])


def play(run: Path) -> dict[str, Any]:
    """Let both play, and compare."""
    server, http = start(run)
    with server, http:
        headers, base = dict(http.headers), http.base_url
        clients = [Client(httpx.Client(base_url=base, headers=headers, timeout=60), seed) for seed in (1, 2)]
        began = time.perf_counter()
        for thread in (thread for client in clients for thread in client.threads):
            thread.start()
        for client in clients:
            client.threads[0].join()
        seconds = time.perf_counter() - began
        last = sum(client.done for client in clients)
        deadline = time.monotonic() + 30
        while any(client.revision < last for client in clients) and time.monotonic() < deadline:
            time.sleep(0.05)
        server.terminate()
    with Journal(run) as journal:
        decisions, groups = journal.annotations(), journal.groups()
    replayed = {"class": decisions.codes, "state": decisions.states, "group": groups}
    same = all(np.array_equal(client.screen[name], array) for client in clients for name, array in replayed.items())
    same &= np.array_equal(clients[0].screen["reason"], clients[1].screen["reason"])
    return {
        "same": bool(same),
        "revision": decisions.revision,
        "done": [client.done for client in clients],
        "refused": [client.refused for client in clients],
        "all_heard_in_order": [client.heard == list(range(1, last + 1)) for client in clients],
        "seconds": seconds,
        "median_ms": float(np.median(np.concatenate([client.milliseconds for client in clients]))),
    }


def main() -> None:
    """Play, compare, keep."""
    with tempfile.TemporaryDirectory() as folder:
        result = play(make_run(Path(folder)))
    print(json.dumps(result, indent=2))
    record.keep("atlas-clients", {**result, "actions_each": ACTIONS_EACH, "machine": record.machine()})


if __name__ == "__main__":
    main()
