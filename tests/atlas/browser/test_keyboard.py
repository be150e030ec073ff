"""By the keyboard alone: no mouse is touched in this file."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from facies.annotations import read_annotations
from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert


def test_a_session_without_a_mouse(expert: Expert, digits: RunFolder) -> None:
    page = expert.page
    expert.press("Space")
    group = expert.current_group()
    expert.sees_images()
    # Pick the first and the third image, and name them.
    expert.press("ArrowRight", "ArrowLeft", "Enter", "ArrowRight", "ArrowRight", "Enter")
    expect(page.get_by_role("button", name="2 picked")).to_be_visible()
    expert.name("odd")
    expert.chip("odd", 2)
    # The rest of the group.
    expert.name("usual")
    expect(expert.group(group)).not_to_have_attribute("aria-current", "true")
    expert.press("Shift+Space")
    assert expert.current_group() == group
    expert.press("1")
    expert.press("t")
    expect(page.get_by_test_id("counts")).to_be_visible()
    expert.press("t", "?")
    expect(page.get_by_role("dialog", name="All keys")).to_be_visible()
    expert.keep("help")
    expert.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expert.fine()
    assert int((read_annotations(digits).states == 2).sum()) > 2


def test_what_is_in_view_is_chosen_on_the_map_by_enter(expert: Expert) -> None:
    expert.page.locator("canvas.top").focus()
    expert.press("Enter")
    expert.total(720)
    # Nearer by 1.4, the top and the bottom of the circle are out of view.
    expert.press("+", "Enter")
    total = expert.page.get_by_test_id("total")
    expect(total).not_to_have_text("720")
    assert 0 < int(total.inner_text()) < 720
    expert.fine()


def test_every_control_can_be_reached_and_its_focus_is_seen(expert: Expert) -> None:
    page = expert.page
    expert.press("Space")
    seen: set[str] = set()
    unseen: list[str] = []
    for _ in range(140):
        page.keyboard.press("Tab")
        name, ring = page.evaluate(
            "() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [(e.ariaLabel || e.title || e.textContent || e.tagName).trim().slice(0, 40),"
            " e === document.body || (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1)]; }"
        )
        seen.add(name)
        if not ring:
            unseen.append(name)
    assert unseen == []
    for wanted in ("Counts and ratios (t)", "Export and report (x)", "Colour by", "Order", "Map of all images."):
        assert any(name.startswith(wanted) for name in seen), (wanted, sorted(seen))


def test_single_keys_can_be_switched_off(expert: Expert) -> None:
    page = expert.page
    expert.press("?")
    page.get_by_label("Keys without ctrl do something").uncheck()
    expert.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expert.press("t")
    page.wait_for_timeout(300)
    expect(page.get_by_test_id("counts")).to_have_count(0)


def test_the_tour_has_five_steps(new_expert: Callable[..., Expert], address: str) -> None:
    expert = new_expert(tour=True).open(address)
    tour = expert.page.get_by_role("dialog", name="Tour")
    for step in range(1, 6):
        expect(tour).to_contain_text(f"{step} of 5")
        expert.keep(f"tour-{step}")
        expert.press("Enter")
    expect(tour).to_have_count(0)
    expert.page.reload()
    expect(expert.page.locator(".cell").first).to_be_visible(timeout=60_000)
    expect(tour).to_have_count(0)
    expert.fine()


def test_a_held_key_names_one_group(expert: Expert, digits: RunFolder) -> None:
    expert.press("Space")
    expert.name_group("quartz")
    group = expert.current_group()
    for _ in range(12):
        expert.page.keyboard.down("1")  # without a release in between, as a held key sends
    expert.page.keyboard.up("1")
    expect(expert.group(group)).not_to_have_attribute("aria-current", "true")
    expert.page.wait_for_timeout(500)
    assert read_annotations(digits).revision == 3  # the class, its first group, and one more
    expert.fine()


def test_digits_are_keys_by_their_place_and_capitals_do_not_matter(expert: Expert) -> None:
    page = expert.page
    expert.press("Space")
    expert.name_group("quartz")
    group = expert.current_group()
    page.evaluate("window.dispatchEvent(new KeyboardEvent('keydown', {key: '&', code: 'Digit1', bubbles: true}))")
    expect(expert.group(group)).not_to_have_attribute("aria-current", "true")
    page.evaluate("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'T', code: 'KeyT', bubbles: true}))")
    expect(page.get_by_test_id("counts")).to_be_visible()
    expert.fine()
