from __future__ import annotations

import os
import signal
import socket
import stat
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest
import trustme

from facies.atlas import Atlas
from facies.atlas.server.addresses import own_addresses
from facies.atlas.server.connection import HEADER_SECONDS
from facies.atlas.server.serve import _EXIT_SECONDS, _redirect_file, has_screen
from facies.runs import RunFolder
from tests.atlas.atlas_process import running_atlas


@pytest.mark.parametrize(
    ("platform", "variables", "opens"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("darwin", {}, True),
    ],
)
def test_a_browser_is_opened_where_there_is_a_screen(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], opens: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert has_screen() is opens


def test_each_start_has_a_token_of_its_own() -> None:
    with running_atlas() as first, running_atlas() as second:
        tokens = [atlas.address.split("token=")[1] for atlas in (first, second)]
        assert tokens[0] != tokens[1]
        assert all(len(token) >= 32 for token in tokens)
        headers = {"Authorization": f"Bearer {tokens[0]}"}
        assert first.client.get("/api/runs", headers=headers).status_code == 200
        assert second.client.get("/api/runs", headers=headers).status_code == 401


def test_the_address_is_not_on_the_command_line_of_the_browser(tmp_path: Path) -> None:
    page = _redirect_file(tmp_path, "http://127.0.0.1:1/?token=secret&x=1")
    assert "secret" not in page.as_uri()
    assert "url=http://127.0.0.1:1/?token=secret&amp;x=1" in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_all_interfaces_print_and_answer_to_the_own_addresses() -> None:
    with running_atlas("--host", "0.0.0.0") as atlas:
        assert atlas.address.startswith("http://127.0.0.1:")
        port = atlas.client.base_url.port
        for address in own_addresses():
            if not address.startswith("["):
                place = f"http://{address}:{port}"
                assert atlas.process.stdout is not None
                assert atlas.process.stdout.readline().startswith(f"{place}/?token=")
                assert httpx.get(f"{place}/api/runs", headers=atlas.client.headers).status_code == 200
        assert atlas.process.stderr is not None
        assert "without encryption" in atlas.process.stderr.readline()


def changed(folder: Path, *lines: str) -> Path:
    """A program that changes something of Facies, and is the command then."""
    program = folder / "changed.py"
    program.write_text("\n".join([*lines, "from facies.cli import main", "main()"]))
    return program


def test_a_connection_that_sends_nothing_is_closed(tmp_path: Path) -> None:
    assert HEADER_SECONDS <= 30
    sooner = changed(tmp_path, "import facies.atlas.server.connection as connection", "connection.HEADER_SECONDS = 1.0")
    with (
        running_atlas(program=sooner) as atlas,
        socket.create_connection(("127.0.0.1", atlas.client.base_url.port)) as idle,
    ):
        idle.sendall(b"GET / HTTP/1.1\r\nHost:")
        idle.settimeout(20)
        assert idle.recv(100) == b""
        assert atlas.client.get("/api/runs").status_code == 200


def test_sigterm_ends_a_server_that_still_reads(run: RunFolder, tmp_path: Path) -> None:
    assert _EXIT_SECONDS <= 10
    endless = changed(
        tmp_path,
        "import time",
        "import facies.atlas.server.serve as serve",
        "from facies.atlas.services.pictures import Pictures",
        "Pictures.full = lambda *_: time.sleep(600)",
        "serve._EXIT_SECONDS = 4.0",
    )
    with running_atlas(run.path, program=endless) as atlas:
        with pytest.raises(httpx.ReadTimeout):
            atlas.client.get("/api/runs/run/images/0", timeout=1)
        began = time.monotonic()
        atlas.process.send_signal(signal.SIGTERM)
        assert atlas.process.wait(20) == 0
        assert time.monotonic() - began < 15


def test_exports_of_a_killed_atlas_are_removed(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # others test atlases at the same time
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with running_atlas(run.path) as atlas:
        atlas.process.kill()
        atlas.process.wait()
    left = [path for path in Path(tempfile.gettempdir()).glob("facies-atlas-*") if path.is_dir()]
    assert left
    for path in left:
        os.utime(path, (time.time() - 3600,) * 2)
    with Atlas([]) as opened:
        assert not any(path.exists() for path in left)
        assert opened.exports_folder.exists()


def test_an_encrypted_atlas(run: RunFolder, tmp_path: Path) -> None:
    certificate = write_certificate(tmp_path)
    with running_atlas(run.path, "--certificate", certificate) as atlas:
        assert atlas.address.startswith("https://127.0.0.1:")
        with httpx.Client(base_url=atlas.client.base_url, headers=atlas.client.headers, verify=False) as client:
            assert client.get("/api/runs").status_code == 200
            answer = client.get(f"/?token={atlas.address.split('token=')[1]}")
            assert "Secure" in answer.headers["set-cookie"]


def test_a_certificate_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    with (
        pytest.raises(AssertionError, match=r"no\.pem cannot be used as a certificate .*--key"),
        running_atlas("--certificate", tmp_path / "no.pem"),
    ):
        pass


def write_certificate(folder: Path) -> Path:
    """Write a certificate with its key, in one file."""
    path = folder / "own.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path
