from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.atlas.atlas_process import running_atlas
from tests.atlas.factories import make_run
from tests.cli.factories import call, error_line


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("atlas")).path


@pytest.fixture
def run(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "run"))


def test_it_says_its_address_serves_and_ends_with_ctrl_c(run: Path) -> None:
    with running_atlas(run) as atlas:
        assert atlas.address.startswith("http://127.0.0.1:")
        answer = atlas.act(kind="name", group=0, name="quartz")
        assert answer.status_code == 200
        events: list[str] = []
        ready = threading.Event()

        def listen() -> None:
            with atlas.client.stream("GET", "/api/events") as stream:
                for line in stream.iter_lines():
                    events.append(line)
                    ready.set()

        thread = threading.Thread(target=listen)
        thread.start()
        assert ready.wait(20)
        assert atlas.act(kind="undo").status_code == 200
        atlas.process.send_signal(signal.SIGINT)
        _, errors = atlas.process.communicate(timeout=20)
        thread.join(10)
        assert not thread.is_alive()
    assert atlas.process.returncode == 0
    assert "Traceback" not in errors
    assert "the atlas is closed" in errors
    assert [line for line in events if line.startswith("event: ")] == [
        "event: hello",
        "event: change",
        *[line for line in events if line == "event: probe"],
        "event: closing",
    ]
    change = json.loads(next(line for line in events if '"kind":"undo"' in line).removeprefix("data: "))
    assert (change["run"], change["revision"], change["redo"]) == ("run", 2, True)


def test_sigterm_ends_it_too(run: Path) -> None:
    with running_atlas(run) as atlas:
        atlas.process.send_signal(signal.SIGTERM)
        _, errors = atlas.process.communicate(timeout=20)
    assert atlas.process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in errors


def test_without_a_run_it_is_empty_and_says_so() -> None:
    with running_atlas() as atlas:
        assert atlas.client.get("/api/runs").json() == []


def test_a_run_that_is_open_already(run: Path) -> None:
    with running_atlas(run):
        result = call("atlas", run, "--no-browser")
        assert result.exit_code == 2
        assert "open in another atlas" in error_line(result)


def test_a_port_that_is_taken(run: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        result = call("atlas", run, "--no-browser", "--port", listener.getsockname()[1])
    assert result.exit_code == 2
    assert "choose another --port" in error_line(result)


@pytest.mark.parametrize("path", ["nothing", "."])
def test_what_is_no_run(tmp_path: Path, path: str) -> None:
    result = call("atlas", tmp_path / path, "--no-browser")
    assert result.exit_code == 2
    assert "not a run folder" in error_line(result)


def test_an_address_of_another_machine(run: Path) -> None:
    result = call("atlas", run, "--no-browser", "--host", "192.0.2.1")
    assert result.exit_code == 2
    assert "cannot listen" in error_line(result)


def test_the_demo_opens_the_digits_that_are_there(run: Path, tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    shutil.copytree(run, tmp_path / "demo" / "run")
    with running_atlas("--demo", cwd=tmp_path) as atlas:
        session = atlas.client.get("/api/session").json()
        assert session["demo"] is True
        assert [entry["key"] for entry in session["runs"]] == ["run"]
