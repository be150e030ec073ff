"""Kill the atlas's server with SIGKILL: all that it acknowledged is there, and nothing is half.

python benchmarks/atlas_kill.py             # 20 times at random moments of 200 actions of every kind
python benchmarks/atlas_kill.py sessions    # 20 times while an expert audits, names, and takes the classifier's names
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd

from facies.annotations import Journal
from facies.atlas import Atlas
from facies.atlas.services.action_requests import AnyAction, perform
from facies.errors import InputError
from facies.images import open_images
from facies.runs import RunContents, partition_table, write_run

TIMES, ACTIONS, IMAGES = 20, 200, 3000


def make_run(folder: Path, n: int = IMAGES, apart: float = 0.0) -> Path:
    """Write a small run of noise in five groups, whose centres lie ``apart`` along an axis each."""
    rng = np.random.default_rng(0)
    np.save(folder / "images.npy", rng.integers(0, 255, (n, 1, 8, 8), dtype=np.uint8))
    images = open_images(folder / "images.npy")
    embedding = rng.normal(size=(n, 8)).astype(np.float32)
    groups = rng.integers(-1, 5, n)
    embedding[np.arange(n), groups] += apart * (groups >= 0)
    table = partition_table(images.table["id"], groups, embedding)
    contents = RunContents(
        images=images,
        embedding=embedding,
        projections={"map": (embedding[:, :2].copy(), {})},
        partitions={"noise": (table, {})},
        manifest={"method": "noise"},
    )
    return write_run(folder / "run", contents).path


def draw_actions(count: int, n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Actions of every kind; some will be refused, and always the same ones."""
    rng = np.random.default_rng(seed)
    actions: list[dict[str, Any]] = []
    for _ in range(count):
        of = {"rows": np.sort(rng.choice(n, rng.integers(1, n // 4), replace=False)).tolist()}
        name = str(rng.choice(["quartz", "foram", "fragment"]))
        kinds: list[dict[str, Any]] = [
            {"kind": "assign", "of": of, "name": name},
            {"kind": "name", "group": int(rng.integers(0, 5)), "name": name},
            {"kind": "exclude", "of": of, "reason": "cut"},
            {"kind": "include", "of": of},
            {"kind": "split", "of": of},
            {"kind": "merge", "groups": rng.choice(8, 2, replace=False).tolist()},
            {"kind": "class", "name": name, "excluded": bool(rng.integers(0, 2))},
            {"kind": "undo"},
            {"kind": "redo"},
        ]
        actions.append(kinds[rng.choice(len(kinds), p=[0.3, 0.1, 0.1, 0.05, 0.15, 0.05, 0.05, 0.15, 0.05])])
    return actions


def digest_of(run: Path) -> tuple[int, str]:
    """Revision and digest of all that a journal adds up to."""
    with Journal(run) as journal:
        decisions, groups = journal.annotations(), journal.groups()
    digest = hashlib.sha256()
    for array in (decisions.codes, decisions.states, decisions.reason_codes, groups):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(pd.DataFrame(decisions.classes).to_json().encode())
    return decisions.revision, digest.hexdigest()


def replay(pristine: Path, folder: Path, actions: list[dict[str, Any]]) -> dict[int, str]:
    """The digest after each revision of a run that nobody kills."""
    from pydantic import TypeAdapter

    run = Path(shutil.copytree(pristine, folder / "unbroken"))
    digests = dict([digest_of(run)])
    adapter = TypeAdapter[Any](AnyAction)
    with Atlas([run]) as atlas:
        for action in actions:
            try:
                perform(next(iter(atlas.runs.values())), adapter.validate_python(action))
            except InputError:
                continue
            revision, digest = digest_of(run)
            digests[revision] = digest
    return digests


@dataclass(frozen=True)
class Kill:
    """What was found after one kill."""

    acknowledged: int
    found: int
    equal: bool

    @property
    def is_well(self) -> bool:
        """Whether all that was acknowledged is there, and at most one more, and it is whole."""
        return self.found in (self.acknowledged, self.acknowledged + 1) and self.equal


def start(run: Path) -> tuple[subprocess.Popen[str], httpx.Client]:
    """Start the command, and a client with its token."""
    command = [sys.executable, "-m", "facies.cli", "atlas", str(run), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    base, token = server.stdout.readline().strip().split("/?token=")
    return server, httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def kill_once(run: Path, actions: list[dict[str, Any]], after: int, delay: float, digests: dict[int, str]) -> Kill:
    """Act until the server is killed, ``delay`` seconds after the first ``after`` actions were answered; then look."""
    server, client = start(run)
    acknowledged = 0
    killer = threading.Timer(delay, lambda: os.kill(server.pid, signal.SIGKILL))
    with server, client:
        try:
            for number, action in enumerate(actions):
                if number == after:
                    killer.start()
                answer = client.post("/api/runs/run/actions", json=action)
                if answer.status_code == 200:
                    acknowledged = answer.json()["revision"]
        except httpx.TransportError:
            pass
        killer.join()
    found, digest = digest_of(run)
    return Kill(acknowledged, found, digests.get(found) == digest)


def time_of(pristine: Path, folder: Path, actions: list[dict[str, Any]]) -> float:
    """How long all actions take when nobody kills."""
    server, client = start(Path(shutil.copytree(pristine, folder / "timed" / "run")))
    with server, client:
        began = time.perf_counter()
        for action in actions:
            client.post("/api/runs/run/actions", json=action)
        seconds = time.perf_counter() - began
        server.terminate()
    return seconds


def kill_many(folder: Path, times: int, count: int) -> list[Kill]:
    """Kill as often as asked: in the midst of an action drawn at random, or of one of the next two."""
    pristine = make_run(folder)
    actions = draw_actions(count, IMAGES)
    digests = replay(pristine, folder, actions)
    an_action = time_of(pristine, folder, actions) / count
    chance = random.Random(0)
    kills = []
    for number in range(times):
        run = Path(shutil.copytree(pristine, folder / f"kill-{number}" / "run"))
        after, delay = chance.randrange(count - 3), chance.uniform(0.0, 3.0) * an_action
        kills.append(kill_once(run, actions, after, delay, digests))
        print(f"killed {1000 * delay:.0f} ms after {after} of {count} actions: {kills[-1]}", flush=True)
    return kills


@dataclass(frozen=True)
class Answer:
    """An action that was acknowledged: its revision, and what it said of which images."""

    revision: int
    kind: str
    rows: tuple[int, ...]
    true: tuple[int, ...] = ()
    n: int = 0


def work(client: httpx.Client, seed: int, answers: list[Answer]) -> None:
    """Audit image after image, name groups, and take what the classifier says, until the server is gone."""
    rng = np.random.default_rng(seed)

    def act(kind: str, rows: tuple[int, ...] = (), true: tuple[int, ...] = (), /, **body: Any) -> dict[str, Any]:
        reply = client.post("/api/runs/run/actions", json={"kind": kind, **body})
        if reply.status_code == 200:
            answers.append(Answer(reply.json()["revision"], kind, rows, true, reply.json()["n"]))
        return reply.json()

    classes = [act("name", group=group, name=f"kind {group}")["class"] for group in range(4)]
    while True:
        drawn = client.post("/api/runs/run/audits", json={"per_class": 5, "seed": int(rng.integers(2**31))}).json()
        for row in drawn["rows"]:
            true = int(rng.choice(classes))
            act("audit", (row,), (true,), rows=[row], true=[true])
        act("name", group=int(rng.integers(0, 5)), name=f"kind {rng.integers(0, 4)}")
        of = {"rows": np.sort(rng.choice(IMAGES, 40, replace=False)).tolist()}
        act("clear", of=of)
        act("accept_probe", of={"all": True}, least=0.2)


def is_kept(run: Path, answers: list[Answer]) -> bool:
    """Whether each acknowledged answer is in the journal, as it was given."""
    kinds = {"accept_probe": "classify", "clear": "assign"}
    with Journal(run) as journal:
        actions = {action.id: action for action in journal.actions()}
        audited = set(journal.annotations().audits["row"].tolist())
    for answer in answers:
        action = actions.get(answer.revision)
        if action is None or action.kind != kinds.get(answer.kind, answer.kind) or len(action.rows) != answer.n:
            return False
        if answer.kind == "audit":
            said = tuple(int(true) for true in action.after["true"])
            if (tuple(action.rows.tolist()), said) != (answer.rows, answer.true):
                return False
    return {answer.rows[0] for answer in answers if answer.kind == "audit"} <= audited


def kill_sessions(folder: Path, times: int) -> list[dict[str, Any]]:
    """Kill at random moments of the work of an expert, and look for every answer."""
    pristine = make_run(folder, apart=8.0)
    chance = random.Random(1)
    found = []
    for number in range(times):
        run = Path(shutil.copytree(pristine, folder / f"session-{number}" / "run"))
        server, client = start(run)
        answers: list[Answer] = []
        with server, client:
            client.get("/api/runs/run")
            killer = threading.Timer(chance.uniform(1.0, 12.0), lambda pid=server.pid: os.kill(pid, signal.SIGKILL))
            killer.start()
            with contextlib.suppress(httpx.TransportError):
                work(client, number, answers)
            killer.join()
        counts = {kind: sum(answer.kind == kind for answer in answers) for kind in ("audit", "name", "accept_probe")}
        found.append({"kept": is_kept(run, answers), "acknowledged": len(answers), **counts})
        print(f"killed in a session: {found[-1]}", flush=True)
    return found


def main() -> None:
    """Kill, look, keep."""
    import record

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["actions", "sessions"], default="actions")
    if parser.parse_args().what == "sessions":
        with tempfile.TemporaryDirectory() as folder:
            sessions = kill_sessions(Path(folder), TIMES)
        kept = sum(session["kept"] for session in sessions)
        record.keep("atlas-kill-sessions", {"kept": kept, "of": TIMES, "rows": sessions, "machine": record.machine()})
        print(f"{kept} of {TIMES}: every acknowledged answer is there")
        return
    with tempfile.TemporaryDirectory() as folder:
        kills = kill_many(Path(folder), TIMES, ACTIONS)
    well = sum(kill.is_well for kill in kills)
    result = {
        "well": well,
        "of": TIMES,
        "actions": ACTIONS,
        "acknowledged": [kill.acknowledged for kill in kills],
        "found": [kill.found for kill in kills],
        "machine": record.machine(),
    }
    record.keep("atlas-kill", result)
    print(f"{well} of {TIMES}: every acknowledged action is there, none half")


if __name__ == "__main__":
    main()
