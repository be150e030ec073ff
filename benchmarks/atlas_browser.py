"""How quickly the page of the atlas is there, and how it answers, in a real Chromium with software WebGL.

python benchmarks/atlas_browser.py                  # 30,000 and 1,000,000 images
python benchmarks/atlas_browser.py 30000
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import record
from atlas import make_run
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-precise-memory-info",
]
REPEATS = 5
NAMED = 5000
# One looks at images before one names them; meanwhile their thumbnails come.
LOOKING_MS = 4000

# The time from an event to the frame in which the page has answered: `until` is asked at each change of the page.
MEASURE = """([event, until]) => new Promise((resolve) => {
  const answered = new Function("return " + until);
  window.addEventListener(event, () => {
    const begun = performance.now();
    const look = () => answered() ? requestAnimationFrame(() => resolve(performance.now() - begun)) : setTimeout(look, 2);
    setTimeout(look, 0);
  }, { capture: true, once: true });
})"""


@contextmanager
def served(run: Path) -> Iterator[str]:
    """Start the command, and give its address."""
    command = [sys.executable, "-m", "facies.cli", "atlas", "--no-browser", str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def first_view(page: Page, address: str) -> float:
    """Seconds from the request of the page to a gallery with its first images, on a map that is drawn."""
    begun = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(".cell", timeout=120_000)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return time.perf_counter() - begun


def memory(cdp: CDPSession, page: Page) -> dict[str, float]:
    """The heap of the page, and all that its process holds, in MB."""
    processes = cdp.send("SystemInfo.getProcessInfo")["processInfo"]
    resident = [rss(process["id"]) for process in processes if process["type"] == "renderer"]
    heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    return {"heap_mb": round(heap, 1), "process_mb": round(max(resident), 1)}


def rss(pid: int) -> float:
    """What a process holds in memory, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    return 0.0


def timed(page: Page, event: str, until: str, deed: Any) -> float:
    """Milliseconds from an event to the frame that answers it."""
    page.evaluate(f"window.measured = ({MEASURE})([{json.dumps(event)}, {json.dumps(until)}]); undefined")
    deed()
    answer: float = page.evaluate("window.measured")
    return answer


def seconds_until_pictures(page: Page) -> float:
    """Seconds until all cells in view have their picture."""
    begun = time.perf_counter()
    page.wait_for_function(
        "[...document.querySelectorAll('.thumbnails canvas')].every((canvas) => canvas.dataset.came)", timeout=60_000
    )
    return time.perf_counter() - begun


def lasso(page: Page, share: float) -> None:
    """Draw a square about the middle of the map; a share of 1 is a frame about all of it."""
    box = page.locator("canvas.top").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    wide = high = share * min(box["width"], box["height"]) / 2
    if share == 1:
        wide, high = box["width"] / 2 - 1, box["height"] / 2 - 1
    page.mouse.move(x - wide, y - high)
    page.mouse.down()
    for dx, dy in ((wide, -high), (wide, high), (-wide, high), (-wide, -high)):
        page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()


def chosen(page: Page) -> int:
    """How many images are chosen."""
    return int(page.get_by_test_id("total").inner_text().replace(",", ""))


SHOWN = (
    "document.querySelector('.cell') && document.querySelector('.gallery h2').textContent"
    " === document.querySelector('[data-testid=total]').textContent + ' chosen on the map'"
)


def begin_anew(page: Page) -> None:
    """Show all images, with the lasso in the hand."""
    page.evaluate("document.querySelector('button.all').click()")
    page.wait_for_function("document.querySelector('.gallery h2').textContent === 'All images'")
    page.wait_for_function("!document.querySelector('.busy')")
    if page.locator("button[aria-pressed=true]", has_text="Lasso").count() == 0:
        page.get_by_role("button", name="Lasso").click()


def answers(page: Page) -> dict[str, float]:
    """Median milliseconds of what one does most."""
    lassos, names, undos, n, named = [], [], [], 0, 0
    for turn in range(REPEATS):
        begin_anew(page)
        lassos.append(timed(page, "pointerup", SHOWN, lambda: lasso(page, 0.1)))
        n = chosen(page)
        lasso(page, 0.1 * min(1, (NAMED / n) ** 0.5))
        page.wait_for_function("!document.querySelector('.busy')")
        named = chosen(page)
        page.wait_for_timeout(LOOKING_MS)
        if turn == 0:
            page.keyboard.press("/")
            page.keyboard.insert_text("grain")
            page.keyboard.press("Enter")
        else:
            said = "document.querySelector('.announcement').textContent.startsWith('Named')"
            names.append(timed(page, "keydown", said, lambda: page.keyboard.press("1")))
        page.wait_for_function("document.querySelector('.announcement').textContent.startsWith('Named')")
        page.wait_for_timeout(LOOKING_MS // 2)
        said = "document.querySelector('.announcement').textContent.startsWith('Undid')"
        undos.append(timed(page, "keydown", said, lambda: page.keyboard.press("Control+z")))
    return {
        "images_in_lasso": n,
        "images_named": named,
        "lasso_to_gallery_ms": round(statistics.median(lassos), 1),
        "name_to_acknowledged_ms": round(statistics.median(names), 1),
        "undo_ms": round(statistics.median(undos), 1),
    }


def answers_of_all(page: Page) -> dict[str, float]:
    """Median milliseconds of a lasso about all images, of their name, and of its undo."""
    lassos, names, undos, n = [], [], [], 0
    for _ in range(REPEATS):
        begin_anew(page)
        lassos.append(timed(page, "pointerup", SHOWN, lambda: lasso(page, 1)))
        n = chosen(page)
        page.wait_for_timeout(LOOKING_MS)
        said = "document.querySelector('.announcement').textContent.startsWith('Named')"
        names.append(timed(page, "keydown", said, lambda: page.keyboard.press("1")))
        page.wait_for_timeout(LOOKING_MS // 2)
        said = "document.querySelector('.announcement').textContent.startsWith('Undid')"
        undos.append(timed(page, "keydown", said, lambda: page.keyboard.press("Control+z")))
    return {
        "images_in_lasso_of_all": n,
        "lasso_of_all_to_gallery_ms": round(statistics.median(lassos), 1),
        "name_of_all_ms": round(statistics.median(names), 1),
        "undo_of_all_ms": round(statistics.median(undos), 1),
    }


def measure(browser: Browser, n: int) -> dict[str, Any]:
    """All figures for n images."""
    run = record.WORK / f"atlas-browser-{n}"
    shutil.rmtree(run, ignore_errors=True)
    # The same files under another name, without what was decided on them.
    shutil.copytree(make_run(n), run, copy_function=os.link, ignore=shutil.ignore_patterns("journal*", ".*"))
    with served(run) as address:
        views, pictures = [], []
        for _ in range(3):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            context.add_init_script("localStorage.setItem('facies-tour', 'seen')")
            page = context.new_page()
            views.append(first_view(page, address))
            pictures.append(views[-1] + seconds_until_pictures(page))
            if len(views) < 3:
                context.close()
        page.wait_for_timeout(1000)
        figures = memory(browser.new_browser_cdp_session(), page)
        figures |= answers(page) | answers_of_all(page)
        context.close()
    return {
        "first_view_s": round(min(views), 2),
        "first_views_s": [round(view, 2) for view in views],
        "first_pictures_s": [round(view, 2) for view in pictures],
        **figures,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[30_000, 1_000_000])
    sizes = parser.parse_args().sizes
    path = shutil.which("chromium")
    assert path, "Chromium is needed: apt-get install chromium"
    result = record.load("atlas_browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for n in sizes:
            busy = os.getloadavg()[0]
            figures = measure(browser, n)
            result[str(n)] = {**figures, "load_average": round(busy, 1), "machine": record.machine()}
            print(n, json.dumps(figures), f"load {busy:.1f}")
            record.keep("atlas_browser", result)
        browser.close()


if __name__ == "__main__":
    main()
