"""What the page and its graphics process hold after scrolling through all images, and what became of pictures scrolled past.

    python benchmarks/atlas_memory.py           # 30,000 images of 64 × 64

The gallery is scrolled by the wheel from its first line to its last, at about the speed of somebody who looks; then it is
thrown from end to end, faster than pictures can come.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path
from typing import Any

import record
from atlas import make_run
from atlas_browser import FLAGS, first_view, seconds_until_pictures, served
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

SIDE = 64
WHEEL_PX = 600
JUMPS = 60


def resident(cdp: CDPSession) -> dict[str, float]:
    """MB of memory of the page's process and of the graphics process: all that is mapped, and their share of what is shared."""
    found = {}
    for process in cdp.send("SystemInfo.getProcessInfo")["processInfo"]:
        if process["type"] in ("renderer", "GPU"):
            rollup = Path(f"/proc/{process['id']}/smaps_rollup").read_text()
            fields = {line.split(":")[0]: line.split()[1] for line in rollup.splitlines()[1:]}
            kind = process["type"].lower()
            for name, field in (("rss", "Rss"), ("pss", "Pss")):
                found[f"{kind}_{name}_mb"] = max(found.get(f"{kind}_{name}_mb", 0.0), int(fields[field]) / 1000)
    return {**found, "together_mb": found["renderer_rss_mb"] + found["gpu_rss_mb"]}


class Requests:
    """Counts the requests of thumbnails, and how they end."""

    def __init__(self, page: Page) -> None:
        self.asked = self.came = self.cancelled = 0
        page.on("request", lambda request: self._add(request.url, "asked"))
        page.on("requestfinished", lambda request: self._add(request.url, "came"))
        page.on("requestfailed", lambda request: self._add(request.url, "cancelled"))

    def _add(self, url: str, name: str) -> None:
        if "/thumbnails/" in url or "/sheets/" in url:
            setattr(self, name, getattr(self, name) + 1)

    def since(self, before: dict[str, int]) -> dict[str, int]:
        """Return the counts after those of an earlier call."""
        return {name: count - before.get(name, 0) for name, count in vars(self).items()}


def scroll(page: Page, cdp: CDPSession) -> dict[str, float]:
    """Scroll through the whole gallery; return the largest of each figure on the way."""
    box = page.locator(".thumbnails").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    most: dict[str, float] = {}
    step = 0
    while True:
        page.mouse.wheel(0, WHEEL_PX)
        page.wait_for_timeout(100)
        step += 1
        if step % 20 == 0:
            most = {name: max(figure, most.get(name, 0.0)) for name, figure in resident(cdp).items()}
            place = page.evaluate(
                "(b => [b.scrollTop + b.clientHeight, b.scrollHeight])(document.querySelector('.thumbnails'))"
            )
            if place[0] > place[1] - 2 and not page.locator(".busy").count():
                return most


def throw(page: Page) -> None:
    """Jump through the gallery faster than pictures come."""
    for jump in range(JUMPS):
        where = (jump * 0.618) % 1
        page.evaluate(f"(b => b.scrollTop = {where} * b.scrollHeight)(document.querySelector('.thumbnails'))")
        page.wait_for_timeout(30)


def measure(browser: Browser, n: int) -> dict[str, Any]:
    """All figures for n images."""
    run = record.WORK / f"atlas-memory-{n}"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(make_run(n, SIDE), run, copy_function=os.link, ignore=shutil.ignore_patterns("journal*", ".*"))
    cdp = browser.new_browser_cdp_session()
    with served(run) as address:
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.add_init_script("localStorage.setItem('facies-tour', 'seen')")
        requests = Requests(page)
        first = first_view(page, address)
        first_pictures = first + seconds_until_pictures(page)
        before = resident(cdp)
        most = scroll(page, cdp)
        after, scrolled = resident(cdp), requests.since({})
        throw(page)
        settled = seconds_until_pictures(page)
        thrown = requests.since(scrolled)
        page.context.close()
    return {
        "first_cells_s": first,
        "first_pictures_s": first_pictures,
        "at_first": before,
        "most_while_scrolling": most,
        "after_scrolling": after,
        "requests_scrolling": scrolled,
        "requests_thrown": thrown,
        "pictures_after_throwing_s": settled,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, nargs="?", default=30_000)
    n = parser.parse_args().n
    path = shutil.which("chromium")
    assert path, "Chromium is needed: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        busy = os.getloadavg()[0]
        figures = {**measure(browser, n), "side": SIDE, "load_average": busy, "machine": record.machine()}
        browser.close()
    for name, figure in figures.items():
        print(name, figure)
    record.keep("atlas_memory", {**record.load("atlas_memory"), str(n): figures})


if __name__ == "__main__":
    main()
