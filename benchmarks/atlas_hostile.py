"""What strangers can do to the atlas: 300 run folders that were tampered with, and 100 requests that no page sends.

    python benchmarks/atlas_hostile.py              # both
    python benchmarks/atlas_hostile.py requests     # or one of them: runs, requests

Counted are hangs, files read outside of the run folder (each holds a word that must come back nowhere), answers that call
themselves a fault of Facies, and changes of the journal.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import record
from atlas_kill import digest_of, make_run, start

REPOSITORY = Path(__file__).resolve().parents[1]
CANARY = "the-word-that-must-not-leave"
PATIENCE_S = 20.0
LIMIT_BYTES = 2**30


def hostile_runs() -> dict[str, Any]:
    """Open all tampered run folders of the tests."""
    sys.path.insert(0, str(REPOSITORY))
    from tests.atlas.hostile_runs import N_CASES, write_pristine

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pristine(folder)
        state = folder / "state"
        state.mkdir()
        confirmed = {"folders": [str((folder / "pictures").resolve())]}
        (state / "confirmed-folders.json").write_text(json.dumps(confirmed))
        environment = {**os.environ, "FACIES_STATE": str(state), "OMP_NUM_THREADS": "1"}
        for what in ("make", "open"):
            command = [sys.executable, "-m", "tests.atlas.hostile_runs", what, str(folder), "0", str(N_CASES)]
            began = time.perf_counter()
            done = subprocess.run(
                command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=3600, check=True
            )
            seconds = time.perf_counter() - began
    outcome = json.loads(done.stdout.splitlines()[-1])
    return {
        "cases": N_CASES,
        "faults": outcome["faults"],
        "peak_bytes": outcome["peak_bytes"],
        "seconds": seconds,
        "machine": record.machine(),
    }


class Hostile:
    """Draws requests: each a name and the bytes to send, in parts with a pause between them."""

    def __init__(self, host: str, token: str, secret: Path, n_images: int) -> None:
        self.host, self.token, self.secret, self.n = host, token, secret, n_images
        self.known = f"Authorization: Bearer {token}"
        self.json = f"{self.known}\r\nContent-Type: application/json"

    def request(self, line: str, *headers: str, body: bytes = b"", length: int | None = None) -> list[bytes]:
        """A request with the headers that a page sends, unless others are given."""
        lines = [line, *headers]
        if not any(header.lower().startswith("host:") for header in headers):
            lines.append(f"Host: {self.host}")
        if body or length is not None:
            lines.append(f"Content-Length: {len(body) if length is None else length}")
        return ["\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1", "replace") + body]

    def paths(self) -> Iterator[tuple[str, list[bytes]]]:
        """Addresses that lead out of the run, in many spellings."""
        up = "../" * 12
        target = str(self.secret).lstrip("/")
        spellings = [up + target, quote(up + target, safe=""), quote(quote(up + target, safe=""), safe="")]
        spellings += [(up + target).replace("../", "..%2f"), (up + target).replace("../", "%2e%2e/")]
        spellings += [(up + target).replace("../", "....//"), (up + target).replace("/", "\\"), "/" + target]
        spellings += [f"file://{self.secret}", (up + target).replace("../", "..%c0%af"), f"{up}{target}%00.webp"]
        for number, spelling in enumerate(spellings):
            for place in ("", "assets/", "api/runs/run/sheets/0123456789abcdef/", "api/runs/"):
                yield f"path {number} under /{place}", self.request(f"GET /{place}{spelling} HTTP/1.1", self.known)

    def headers(self) -> Iterator[tuple[str, list[bytes]]]:
        """Other hosts, other sites, other secrets, and heads that are none."""
        state = "GET /api/runs/run/state HTTP/1.1"
        for host in (
            "evil.example",
            f"{self.host}.evil.example",
            "127.0.0.1",
            "[::1]",
            "",
            f"{self.host}@evil",
            "a" * 5000,
        ):
            yield f"host {host[:20]}", self.request(state, self.known, f"Host: {host}")
        yield "two hosts", self.request(state, self.known, f"Host: {self.host}", "Host: evil.example")
        action = b'{"kind": "name", "group": 0, "name": "taken"}'
        for origin in (
            "null",
            "https://evil.example",
            f"http://{self.host}.evil.example",
            "file://",
            f"https://{self.host}",
        ):
            line = "POST /api/runs/run/actions HTTP/1.1"
            yield f"origin {origin}", self.request(line, self.json, f"Origin: {origin}", body=action)
        port = self.host.rsplit(":", 1)[-1]
        for cookie in (f"facies_{port}={self.token}", f"facies_{port}=", "=;;;=", f"facies_{port}=\xff", "a=b; " * 500):
            yield f"cookie {cookie[:12]}", self.request(state, f"Cookie: {cookie}")
        for wrong in ("Bearer", "Bearer x", f"Basic {self.token}", f"Bearer {self.token[:-1]}", "Bearer \xe9\xe9"):
            yield f"authorization {wrong[:12]}", self.request(state, f"Authorization: {wrong}")
        yield "a thousand headers", self.request(state, self.known, *(f"X-{i}: {i}" for i in range(1000)))
        yield "a header of a megabyte", self.request(state, self.known, "X-Long: " + "a" * 2**20)
        yield "a line of a megabyte", self.request(f"GET /{'a' * 2**20} HTTP/1.1", self.known)
        yield "another protocol", [b"\x16\x03\x01\x02\x00\x01\x00" + os.urandom(200)]
        yield "no end of the head", [f"GET / HTTP/1.1\r\nHost: {self.host}\r\nX: ".encode()]
        yield "a head, byte by byte", [bytes([letter]) for letter in b"GET / HTTP/1.1\r\nHost: 127"]
        yield "nothing at all", [b""]
        for method in ("TRACE", "CONNECT", "OPTIONS", "PUT", "BREW"):
            yield f"method {method}", self.request(f"{method} /api/runs/run/actions HTTP/1.1", self.known)

    def bodies(self) -> Iterator[tuple[str, list[bytes]]]:
        """Bodies that are too long, too deep, cut off, or no JSON."""
        line = "POST /api/runs/run/actions HTTP/1.1"
        yield "a body of 64 MB", self.request(line, self.json, body=b" " * 2**26)
        yield "a length of a terabyte", self.request(line, self.json, body=b"{}", length=2**40)
        yield "a negative length", self.request(line, self.json, "Content-Length: -1", body=b"{}")
        yield "a body that never ends", self.request(line, self.json, body=b"{", length=1000)
        chunked = self.request(line, self.json, "Transfer-Encoding: chunked")[0]
        yield "chunks without end", [chunked, *([b"10000\r\n" + b" " * 65536 + b"\r\n"] * 64)]
        yield "a chunk of no size", [chunked, b"zz\r\n"]
        for name, body in (
            ("deep", b"[" * 100_000),
            ("a number without end", b'{"kind": "name", "group": 1' + b"0" * 100_000 + b', "name": "a"}'),
            ("NaN", b'{"kind": "accept_probe", "of": {"all": true}, "least": NaN}'),
            ("not UTF-8", b'{"kind": "name", "group": 0, "name": "\xff"}'),
            ("rows out of range", b'{"kind": "assign", "of": {"rows": [-1, 99999999]}, "name": "a"}'),
            ("a mask that is none", b'{"kind": "assign", "of": {"mask": "%%%"}, "name": "a"}'),
            ("an unknown kind", b'{"kind": "__class__"}'),
        ):
            yield f"a body: {name}", self.request(line, self.json, body=body)
        for query in ("rows=" + "1," * 20_000, "rows=-1", "rows=1&layer=99999999999999999999", "rows=%00"):
            yield (
                f"thumbnails {query[:12]}",
                self.request(f"GET /api/runs/run/thumbnails/x?{query} HTTP/1.1", self.known),
            )

    def queries(self) -> Iterator[tuple[str, list[bytes]]]:
        """Names and numbers of things that there are not."""
        for path in (
            "columns/..%2f..%2fsecret.txt",
            "points?projection=../../../secret",
            "images/99999999999999999999",
            "images/-1/info",
            "samples/-1/-1.webp",
            "changes?since=-99999999999999999999",
            "counts?by=" + "a" * 50_000,
            "counts?ratio=" + "a/" * 500,
        ):
            yield f"GET {path[:24]}", self.request(f"GET /api/runs/run/{path} HTTP/1.1", self.known)

    def all(self) -> list[tuple[str, list[bytes]]]:
        """All of them."""
        return [*self.paths(), *self.headers(), *self.bodies(), *self.queries()]


def send(address: tuple[str, int], parts: list[bytes]) -> tuple[bytes, float, bool]:
    """Send the parts; return what came back, after how long, and whether the server neither answered nor hung up."""
    began = time.perf_counter()
    answer = b""
    with socket.create_connection(address, timeout=PATIENCE_S) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                if len(parts) > 1 and len(part) == 1:
                    time.sleep(0.02)
            while piece := connection.recv(2**16):
                answer += piece
        except TimeoutError:
            return answer, time.perf_counter() - began, not answer
        except OSError:
            pass  # it hung up, which is an answer
    return answer, time.perf_counter() - began, False


def hostile_requests() -> dict[str, Any]:
    """Send all requests to a server of a user, and look what became of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "secret.txt").write_text(CANARY)
        run = make_run(folder, 200)
        before = digest_of(run)
        server, client = start(run)
        with server, client:
            url = client.base_url
            token = client.headers["authorization"].removeprefix("Bearer ")
            drawn = Hostile(f"{url.host}:{url.port}", token, folder / "secret.txt", 200).all()
            found: dict[str, list[str]] = {"hangs": [], "read_outside": [], "faults": [], "let_in": []}
            slowest = 0.0
            for what, parts in drawn:
                answer, seconds, hung = send((url.host, url.port or 80), parts)
                slowest = max(slowest, seconds)
                status = answer.split(b" ", 2)[1:2]
                for kind, is_so in (
                    ("hangs", hung),
                    ("read_outside", CANARY.encode() in answer),
                    ("faults", b"fault of Facies" in answer or status == [b"500"]),
                ):
                    if is_so:
                        found[kind].append(what)
                        print(kind, what, answer[:200], flush=True)
            peak = 1024 * next(
                int(line.split()[1])
                for line in Path(f"/proc/{server.pid}/status").read_text().splitlines()
                if line.startswith("VmHWM")
            )
            answers_after = client.get("/api/runs/run").status_code == 200
            began = time.perf_counter()
            server.terminate()
            server.wait(60.0)
            ending = time.perf_counter() - began
        if digest_of(run) != before:
            found["let_in"].append("the journal has changed")
    return {
        "requests": len(drawn),
        **found,
        "slowest_s": slowest,
        "peak_bytes": peak,
        "answers_after": answers_after,
        "ended_after_s": ending,
        "machine": record.machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=["runs", "requests", []], default=[])
    chosen = parser.parse_args().what or ["runs", "requests"]
    result = record.load("atlas_hostile")
    for what in chosen:
        result[what] = hostile_runs() if what == "runs" else hostile_requests()
        print(what, json.dumps({name: value for name, value in result[what].items() if name != "machine"}, indent=2))
        record.keep("atlas_hostile", result)


if __name__ == "__main__":
    main()
