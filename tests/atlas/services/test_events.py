from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from facies.atlas.services import events as module
from facies.atlas.services.events import Events

Result = TypeVar("Result")


def in_a_loop(coroutine: Coroutine[None, None, Result]) -> Result:
    """Run in a thread of its own: in this one, the browser of other tests may keep a loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def test_all_who_listen_are_told_in_order_from_any_thread() -> None:
    async def read() -> list[list[bytes]]:
        events = Events()
        streams = [events.listen(lambda: {"runs": {}}) for _ in range(2)]
        got = [[await anext(stream)] for stream in streams]
        thread = threading.Thread(target=lambda: [events.publish("change", {"n": i}) for i in range(50)])
        thread.start()
        for stream, texts in zip(streams, got, strict=True):
            texts += [await anext(stream) for _ in range(50)]
        thread.join()
        events.close()
        for stream, texts in zip(streams, got, strict=True):
            texts += [text async for text in stream]
        return got

    for texts in in_a_loop(read()):
        assert texts[0] == b'event: hello\ndata: {"runs":{}}\n\n'
        assert texts[1:51] == [f'event: change\ndata: {{"n":{i}}}\n\n'.encode() for i in range(50)]
        assert texts[51:] == [b"event: closing\ndata: {}\n\n"]


def test_an_idle_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.01)

    async def read() -> bytes:
        stream = Events().listen(dict)
        await anext(stream)
        return await anext(stream)

    assert in_a_loop(read()).startswith(b":")


def test_who_reads_too_slowly_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_WAITING", 3)

    async def read() -> list[bytes]:
        events = Events()
        stream = events.listen(dict)
        await anext(stream)
        for i in range(10):
            events.publish("change", {"n": i})
        await asyncio.sleep(0)
        return [text async for text in stream]

    assert in_a_loop(read()) == []


def test_a_line_break_cannot_forge_an_event() -> None:
    async def read() -> bytes:
        events = Events()
        stream = events.listen(dict)
        await anext(stream)
        events.publish("change", {"text": "a\n\nevent: closing\ndata: {}"})
        return await anext(stream)

    assert in_a_loop(read()).count(b"\n") == 3


def test_after_the_end_nobody_listens() -> None:
    async def read() -> list[bytes]:
        events = Events()
        events.close()
        return [text async for text in events.listen(dict)]

    assert in_a_loop(read()) == []
