"""The issue's table of hostile input; each row is a test, and none has an effect."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
import pytest

from facies.atlas import Atlas
from facies.atlas.server import make_app, security
from facies.atlas.server.addresses import allowed_hosts, own_addresses
from facies.atlas.server.app import max_body_bytes
from tests.atlas.factories import HOST, TOKEN, Browser

ACTIONS = "/api/runs/run/actions"
NAMING = {"kind": "name", "group": 0, "name": "quartz"}


def nothing_happened(atlas: Atlas) -> bool:
    return atlas.run("run").journal.revision == 0


def stranger(browser: Browser) -> Any:
    """The same client without cookie and key."""
    browser.client.cookies.clear()
    browser.client.headers.pop("X-Facies-Page")
    return browser.client


def log_in(client: Any) -> tuple[str, str]:
    """Exchange the token; return the cookie and the key of the page."""
    answer = client.get(f"/?token={TOKEN}", follow_redirects=False)
    return answer.cookies["facies_8123"], answer.headers["location"].split("#page=")[1]


@pytest.mark.parametrize("cookie", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", "ü"])
def test_without_the_token_nothing_answers(atlas: Atlas, browser: Browser, cookie: str | None) -> None:
    client = stranger(browser)
    headers = {} if cookie is None else {"Cookie": f"facies_8123={cookie}".encode()}
    for path in ("/api/session", "/api/runs/run/state", "/api/events", "/assets/x.js"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert "sample" not in answer.text
    assert client.post(ACTIONS, json=NAMING, headers=headers).status_code == 401
    page = client.get("/", headers=headers)
    assert page.status_code == 401
    assert "Open the whole address" in page.text
    assert nothing_happened(atlas)


def test_the_cookie_of_another_port_is_none(browser: Browser) -> None:
    client = stranger(browser)
    cookie, page = log_in(client)
    client.cookies.clear()
    for name, status in (("facies_9999", 401), ("a=b; facies_8123", 200)):
        headers = {"Cookie": f"{name}={cookie}", "X-Facies-Page": page}
        assert client.get("/api/session", headers=headers).status_code == status


def test_a_server_that_receives_the_cookie_can_do_nothing_with_it(atlas: Atlas, browser: Browser) -> None:
    client = stranger(browser)
    cookie, page = log_in(client)
    assert TOKEN not in (cookie, page)
    for key in ({}, {"X-Facies-Page": cookie}, {"Authorization": f"Bearer {cookie}"}):
        for path in ("/api/session", "/api/events", "/api/runs/run/state", "/api/runs/run/images/0"):
            assert client.get(path, headers=key).status_code == 401
        assert client.post(ACTIONS, json=NAMING, headers=key).status_code == 401
    assert client.get("/api/runs/run/images/0", params={"page": page}).status_code == 200
    assert client.post(ACTIONS, json=NAMING, params={"page": page}).status_code == 401
    assert nothing_happened(atlas)
    client.cookies.clear()
    assert client.get("/api/session", headers={"X-Facies-Page": page}).status_code == 401


def test_the_token_becomes_a_strict_cookie_and_leaves_the_address(browser: Browser) -> None:
    client = stranger(browser)
    answer = client.get(f"/?run=a%20b&token={TOKEN}&x=%3C", follow_redirects=False)
    assert answer.status_code == 303
    place, _, page = answer.headers["location"].partition("#page=")
    assert place == "/?run=a+b&x=%3C"
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("facies_8123=", "HttpOnly", "SameSite=Strict", "Path=/"))
    assert TOKEN not in cookie
    assert client.get("/api/session", headers={"X-Facies-Page": page}).status_code == 200


def test_from_another_site_the_page_goes_on_by_itself(browser: Browser) -> None:
    client = stranger(browser)
    answer = client.get(f'/?token={TOKEN}&x="><script>', headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert "http-equiv" in answer.text
    assert "<script>" not in answer.text
    assert "set-cookie" in answer.headers


def test_a_wrong_token_gives_no_cookie(browser: Browser) -> None:
    client = stranger(browser)
    answer = client.get("/?token=wrong<script>")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "<script>" not in answer.text


def test_programs_may_use_a_header_instead(browser: Browser) -> None:
    client = stranger(browser)
    del client.headers["Origin"]
    assert client.get("/api/session", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/api/session", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.post(ACTIONS, json=NAMING, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8123", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.evil:8123", ""]
)
def test_a_foreign_host_is_not_answered(atlas: Atlas, browser: Browser, host: str) -> None:
    for path in ("/", f"/?token={TOKEN}", "/api/session"):
        answer = browser.client.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    assert browser.client.post(ACTIONS, json=NAMING, headers={"Host": host}).status_code == 403
    assert nothing_happened(atlas)


def test_the_hosts_of_an_address() -> None:
    local = {"127.0.0.1:8000", "localhost:8000", "[::1]:8000"}
    assert allowed_hosts("127.0.0.1", 8000) == local
    assert allowed_hosts("Lab.example", 8000) == local | {"lab.example:8000"}
    assert local < allowed_hosts("0.0.0.0", 8000)
    assert {f"{address}:8000" for address in own_addresses()} < allowed_hosts("0.0.0.0", 8000)
    assert "evil.example:8000" not in allowed_hosts("0.0.0.0", 8000)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://{HOST}"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
def test_another_site_can_change_nothing(atlas: Atlas, browser: Browser, headers: dict[str, str]) -> None:
    body = '{"kind": "name", "group": 0, "name": "quartz"}'
    answer = browser.client.post(ACTIONS, content=body, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code in (403, 415)
    assert answer.json()["kind"] == "forbidden" if answer.status_code == 403 else True
    assert nothing_happened(atlas)


def test_a_change_without_an_origin_needs_more_than_the_cookie(atlas: Atlas, browser: Browser) -> None:
    del browser.client.headers["Origin"]
    assert browser.client.post(ACTIONS, json=NAMING).status_code == 403
    assert nothing_happened(atlas)


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/assets/../../../../pyproject.toml",
        "/assets/%2e%2e/index.html",
        "//etc/passwd",
        "/etc/passwd",
        "/C:\\windows\\win.ini",
        "/api/runs/../run",
        "/api/runs/%2e%2e%2frun/state",
        "/api/runs/run/columns/..%2f..%2fimages.parquet",
        "/api/runs/run/columns/%2fetc%2fpasswd",
        "/api/runs/run/images/..%2f0",
        "/api/runs/run/thumbnails/..%2f/0.webp",
        "/api/runs/run/thumbnails/{digest}/..%2findex.webp",
        "/api/runs/run/thumbnails/{digest}/-1.webp",
        "/api/runs/run/thumbnails/{digest}/..%2f0.webp",
        "/api/runs/run/thumbnails/{digest}/90.webp",
        "/api/runs/run/samples/-1/0.webp",
        "/api/runs/run/points?projection=..%2f..%2fembedding",
        "/api/runs/run/exports/..%2f..%2fetc",
        "/api/runs/run/reclusterings/..%2f..",
        "/api/runs/run/images/90",
        "/api/runs/run/images/-1",
        "/%00",
    ],
)
def test_no_path_leads_out(browser: Browser, path: str) -> None:
    digest = browser.get("")["thumbnails"]["hash"]
    answer = browser.client.get(path.replace("{digest}", digest))
    assert answer.status_code in (400, 404)
    assert "error" in answer.json()
    assert "root:" not in answer.text


def test_a_body_that_is_too_large_is_not_read(atlas: Atlas, browser: Browser) -> None:
    body = b'{"kind": "name", "group": 0, "name": "' + b"x" * max_body_bytes(90) + b'"}'
    answer = browser.client.post(ACTIONS, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["kind"]) == (413, "limit")

    def drops() -> Any:  # without a length
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    answer = browser.client.post(ACTIONS, content=drops(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["kind"]) == (413, "limit")
    answer = browser.client.post(
        ACTIONS, content=b"{}", headers={"Content-Type": "application/json", "Content-Length": "-5"}
    )
    assert answer.status_code in (400, 413)
    assert nothing_happened(atlas)


def test_a_body_that_does_not_arrive_is_not_waited_for(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.05)
    sent: list[Any] = []
    headers = {
        "host": HOST,
        "authorization": f"Bearer {TOKEN}",
        "content-type": "application/json",
        "content-length": "99",
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": ACTIONS,
        "raw_path": b"",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    pieces = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Any:
        return pieces.pop() if pieces else await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(asyncio.wait_for(make_app(atlas, token=TOKEN, port=8123)(scope, receive, send), 30))
    assert [message["status"] for message in sent if "status" in message] == [408]
    assert nothing_happened(atlas)


def test_two_masks_of_any_run_fit_into_a_body() -> None:
    for n in (1, 90, 1_000_000):
        mask = 4 * math.ceil(math.ceil(n / 8) / 3)
        assert 2 * mask + 1000 < max_body_bytes(n)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror='alert(1)'>",
        "'; DROP TABLE action; --",
        '=HYPERLINK("http://evil")',
        "+1",
        "-1",
        "@SUM(A1)",
        "Globigerina “bulloides” ü 有孔虫",
        "../../etc/passwd",
    ],
)
def test_odd_names_are_kept_as_text(browser: Browser, name: str) -> None:
    browser.act("name", group=0, name=name)
    answer = browser.client.get("/api/runs/run/classes")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["classes"][0]["name"] == name


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 101, "x" * 10_000, "abc\u202egnp", "a\u200fb", "a\nb", "a\x00b", "\ud800"]
)
def test_names_that_hide_something_are_refused(atlas: Atlas, browser: Browser, name: str) -> None:
    for action in (
        {"kind": "name", "group": 0, "name": name},
        {"kind": "assign", "of": {"rows": [1]}, "name": name},
        {"kind": "exclude", "of": {"rows": [1]}, "reason": name},
        {"kind": "class", "name": name, "key": "1"},
    ):
        answer = browser.client.post(ACTIONS, content=_json(action), headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert len(answer.json()["error"]) < 500
        assert "\u202e" not in answer.json()["error"]
    assert nothing_happened(atlas)


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "fields",
    [{"colour": "red; background: url(//evil)"}, {"key": "12"}, {"key": "<"}, {"roles": ["king"]}, {"roles": "whole"}],
)
def test_classes_have_real_colours_keys_and_roles(atlas: Atlas, browser: Browser, fields: dict[str, Any]) -> None:
    browser.act("class", 400, name="quartz", **fields)
    assert nothing_happened(atlas)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"name"',
        b'{"kind": "nothing"}',
        b'{"kind": "name"}',
        b'{"kind": "name", "group": "0", "name": "x", "more": 1}',
        b'{"kind": "name", "group": 1e400, "name": "x"}',
        b'{"kind": "assign", "of": {"rows": [NaN]}, "name": "x"}',
        b'{"kind": "assign", "of": {"rows": [1]}}',
        b'{"kind": "assign", "of": {"rows": [1]}, "class": 77}',
        b'{"kind": "merge", "groups": [0]}',
        b'{"kind": "merge", "groups": [0, 99999]}',
        b'{"kind": "merge", "groups": [0, 99999999999999999999]}',
        b'{"kind": "split", "group": 0, "of": {"group": 0}}',
        b'{"kind": "split", "group": 0, "of": {"group": 1}}',
        b'{"kind": "recluster", "preview": "../x"}',
        b'{"kind": "audit", "rows": [1, 2], "true": [0]}',
        b'{"kind": "audit", "rows": [1, 1], "true": [0, 0]}',
        b'{"kind": "undo", "of": {"all": true}}',
        b'{"kind": "merge_classes", "classes": [1], "into": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_not_understood_changes_nothing(atlas: Atlas, browser: Browser, body: bytes) -> None:
    answer = browser.client.post(ACTIONS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 404), answer.text
    reply = answer.json()
    assert reply["kind"] in ("input", "missing")
    assert "\n" not in reply["error"]
    assert len(reply["error"]) < 600
    assert nothing_happened(atlas)


def test_every_answer_has_the_strict_headers(browser: Browser) -> None:
    for path in ("/", "/api/session", "/api/runs/run/state", "/nothing", "/api/runs/no"):
        headers = browser.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
        assert "frame-ancestors 'none'" in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_what_a_csv_says_is_no_formula(browser: Browser) -> None:
    from tests.atlas.server.exports import export_bytes

    browser.act("name", group=0, name='=HYPERLINK("http://evil")')
    browser.act("name", group=1, name="@SUM(1)")
    text = export_bytes(browser, "csv").decode()
    assert "'=HYPERLINK" in text
    assert "'@SUM(1)" in text
    assert ",=HYPERLINK" not in text
    assert ',"=HYPERLINK' not in text


def test_there_is_no_documentation_to_read(browser: Browser) -> None:
    for path in ("/docs", "/openapi.json", "/redoc", "/api/docs"):
        assert browser.client.get(path).status_code == 404


def test_other_methods_are_refused(browser: Browser) -> None:
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        answer = browser.client.request(method, "/api/runs/run/state", json={})
        assert answer.status_code in (404, 405)
        assert "error" in answer.json()
    assert browser.client.request("OPTIONS", "/api/session").status_code in (403, 404, 405, 415)


def test_a_development_server_is_let_in_only_by_name(atlas: Atlas) -> None:
    from starlette.testclient import TestClient

    from facies.atlas.server import make_app

    origin = "http://localhost:5173"
    app = make_app(atlas, token=TOKEN, port=8123, other_origin=origin)
    client = TestClient(app, base_url=origin, headers={"Origin": origin})
    assert client.get("/api/session").status_code == 401
    answer = client.get(f"/api/login?token={TOKEN}", follow_redirects=False)
    client.headers["X-Facies-Page"] = answer.headers["location"].split("#page=")[1]
    assert client.get("/api/session").status_code == 200
    assert client.get("/api/session", headers={"Origin": "http://localhost:5174"}).status_code == 403


def test_a_selection_of_bits_beyond_the_images_is_refused(atlas: Atlas, browser: Browser) -> None:
    import base64

    mask = base64.b64encode(np.full(12, 255, np.uint8).tobytes()).decode()
    browser.act("assign", 400, of={"mask": mask}, name="quartz")
    assert nothing_happened(atlas)
