"""The tables of the atlas's reach: memory, pictures scrolled past, sessions of an expert, strangers, kills."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from record import where


def reach(results: dict[str, Any]) -> list[str]:
    """Sections of the page on the atlas, one for each of these that was measured."""
    sections: dict[str, Callable[[dict[str, Any]], list[str]]] = {
        "atlas-kill-sessions": kills,
        "atlas_memory": memory,
        "atlas_session": sessions,
        "atlas_hostile": strangers,
    }
    return [line for name, render in sections.items() if name in results for line in render(results[name])]


def page_in_browser(results: dict[str, Any]) -> list[str]:
    """What the page itself takes in a browser."""
    lines = [
        "\n## The page in a browser\n\nChromium, drawing without a graphics card; the page opened three times with nothing cached, until its pictures are there.\n",
        "| images | first views, s | with pictures, s | page, MB | lasso to its gallery, ms | naming, acknowledged, ms | undo, ms | lasso about all, ms | naming of all, ms | undo of all, ms |"
        "\n|---|---|---|---|---|---|---|---|---|---|",
    ]
    for count, row in results.items():
        views, pictures = (
            ", ".join(f"{view:.1f}" for view in row[name]) for name in ("first_views_s", "first_pictures_s")
        )
        lines.append(
            f"| {int(count):,} | {views} | {pictures} | {row['process_mb']:.0f} | {row['lasso_to_gallery_ms']:.0f} (of {row['images_in_lasso']:,}) | "
            f"{row['name_to_acknowledged_ms']:.0f} (of {row['images_named']:,}) | {row['undo_ms']:.0f} | "
            f"{row['lasso_of_all_to_gallery_ms']:.0f} | {row['name_of_all_ms']:.0f} | {row['undo_of_all_ms']:.0f} |"
        )
    return [*lines, f"\n{where(list(results.values()))}"]


def kills(result: dict[str, Any]) -> list[str]:
    """Kills while an expert audits, names, and takes names over."""
    sums = {
        kind: sum(row[kind] for row in result["rows"]) for kind in ("acknowledged", "audit", "name", "accept_probe")
    }
    return [
        f"\n## Kills in a session\n\nThe server was killed at {result['of']} random moments while an expert audited, named, and took the classifier's names over: "
        f"{sums['acknowledged']:,} acknowledged actions ({sums['audit']:,} answers of audits, {sums['name']} namings, {sums['accept_probe']} times the "
        f"classifier's). Every answer was there, as it was given: {result['kept']} times of {result['of']}. {where([result])}"
    ]


def memory(result: dict[str, Any]) -> list[str]:
    """Memory of the page and of its graphics process."""
    lines = [
        "\n## Memory of the page\n\nThe gallery scrolled through by the wheel, from the first image to the last, then thrown from end to end. Memory is what the page's "
        "process and the graphics process hold, the most on the way, once as resident (Chromium's own program counts in both), once with what is shared counted "
        "by its share; Chromium draws without a graphics card, so that textures are there, too. Requests are of pages of thumbnails.\n\n"
        "| images | side, px | at first, MB | most while scrolling, MB | page | graphics | with shares, MB | requests, scrolling | cancelled | thrown: requests | cancelled | then all pictures after, s |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|"
    ]
    for count, row in result.items():
        most, scrolling, thrown = row["most_while_scrolling"], row["requests_scrolling"], row["requests_thrown"]
        lines.append(
            f"| {int(count):,} | {row['side']} | {row['at_first']['together_mb']:.0f} | {most['together_mb']:.0f} | {most['renderer_rss_mb']:.0f} | "
            f"{most['gpu_rss_mb']:.0f} | {most['renderer_pss_mb'] + most['gpu_pss_mb']:.0f} | {scrolling['asked']:,} | {scrolling['cancelled']:,} | {thrown['asked']:,} | {thrown['cancelled']:,} | "
            f"{row['pictures_after_throwing_s']:.1f} |"
        )
    return [*lines, f"\n{where(list(result.values()))}"]


def sessions(result: dict[str, Any]) -> list[str]:
    """Errors that the queues lead to."""
    lines = [
        "\n## Errors found by the queues\n\n`benchmarks/atlas_session.py`: the digits of `facies demo`, each group named by what most of its images are, then 40 further actions "
        "led by the queues, in pages of 50 images. The true labels are the expert's answers.\n\n"
        "| seed | images | wrong after naming by group | wrong after the actions | mended | actions by queue |\n|---|---|---|---|---|---|"
    ]
    for row in result.values():
        used = ", ".join(f"{queue.replace('_', ' ')} {n}" for queue, n in row["actions_by_queue"].items() if n)
        lines.append(
            f"| {row['seed']} | {row['images']:,} | {row['wrong_after_groups']} | {row['wrong_after_actions']} | {row['mended']:.0%} | {used} |"
        )
    return [*lines, f"\n{where(list(result.values()))}"]


def strangers(result: dict[str, Any]) -> list[str]:
    """Run folders and requests of strangers."""
    lines = ["\n## Strangers\n"]
    if "runs" in result:
        runs = result["runs"]
        lines.append(
            f"{runs['cases']} run folders that were tampered with were opened in {runs['seconds']:.0f} s: {len(runs['faults'])} hung, read outside of their folder, or "
            f"were called a fault of Facies; peak memory {runs['peak_bytes'] / 2**20:.0f} MiB. {where([runs])}\n"
        )
    if "requests" in result:
        asked = result["requests"]
        lines.append(
            f"{asked['requests']} requests that no page sends: {len(asked['hangs'])} hung, {len(asked['read_outside'])} read outside, {len(asked['faults'])} were called a fault "
            f"of Facies, {len(asked['let_in'])} changed something; the slowest took {asked['slowest_s']:.1f} s (a head may take 10 s); peak memory "
            f"{asked['peak_bytes'] / 2**20:.0f} MiB. {where([asked])}"
        )
    return lines


def sessions_of_intervals(result: dict[str, Any]) -> list[str]:
    """Coverage of the shares that the atlas shows."""
    lines = [
        f"\n## Sessions in the atlas\n\n{result['samples']:,} sessions each: 5,000 images, named by group, 95 % rightly on average (91–99 % by class), some of each class "
        "audited; how often the interval of the share held the share of the sediment: mean over the classes, and the class least and most often held. *As "
        "counted* are the shares without audit (Wilson), of which the atlas says that they leave wrong names out. The atlas shows corrected shares from "
        "20 audited images a class on.\n\n| sediment | wrong images are | audited a class | held | as counted | mean width |\n|---|---|---|---|---|---|"
    ]
    for row in result["rows"]:
        held = row["coverage"]
        shown = "" if row["shown"] else " (not shown)"
        lines.append(
            f"| {row['sediment']} | {row['wrong']} | {row['audited']}{shown} | {np.mean(held):.1%} ({min(held):.1%}–{max(held):.1%}) | {np.mean(row['raw']):.1%} | "
            f"{row['width']:.1%} |"
        )
    for audited in dict.fromkeys(row["audited"] for row in result["rows"]):
        mean = np.mean([np.mean(row["coverage"]) for row in result["rows"] if row["audited"] == audited])
        lines.append(f"| all | | {audited} | {mean:.1%} | | |")
    return lines
