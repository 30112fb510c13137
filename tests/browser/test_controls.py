"""What can be pressed on the page: chips, tabs, copying and saving, by mouse and by keyboard."""

import csv
import io
from pathlib import Path

import pytest

from tests.browser import looks

OPTIMIZERS = "#bar button[data-optimizer]"
DATASETS = "#bar button[data-dataset]"
COPY = "button[data-copy]"
SAVE = "button[data-save]"
TABS = ".tabs"
PANEL = ".tab"

MARKS = """(kind) => [...document.querySelectorAll(`main [data-${kind}]:not(button)`)].map((one) => {
  let opacity = 1;
  for (let up = one; up; up = up.parentElement) opacity *= Number(getComputedStyle(up).opacity);
  return [one.dataset[kind], opacity, one.checkVisibility()];
})"""

by_mouse_and_keyboard = pytest.mark.parametrize("by", ["mouse", "Enter"])


def press(button, by):
    if by == "mouse":
        button.click()
    else:
        button.focus()
        button.page.keyboard.press(by)


def pressed(page):
    return page.locator("#bar button[aria-pressed='true']").all_inner_texts()


def lit(page, before):
    """The names whose marks are as before, when those of all others have faded."""
    after = page.evaluate(MARKS, "optimizer")
    assert len(after) == len(before)
    kept = {name for (name, was, _), (_, now, _) in zip(before, after, strict=True) if now == was}
    faded = {name for (name, was, _), (_, now, _) in zip(before, after, strict=True) if now < was / 2}
    assert kept.isdisjoint(faded)
    assert kept | faded == {name for name, _, _ in before}
    return kept


def shown(page, before):
    """The names whose marks can be seen as before, when those of all others are gone."""
    after = page.evaluate(MARKS, "dataset")
    was = [(name, visible) for name, _, visible in before]
    now = [(name, visible) for name, _, visible in after]
    kept = {name for name, visible in now if visible}
    assert now == [(name, visible and name in kept) for name, visible in was]
    return kept


@by_mouse_and_keyboard
def test_optimizers_are_lit_wherever_they_stand(report, opened, by):
    page = opened(report).page
    before = page.evaluate(MARKS, "optimizer")
    chips = page.locator(OPTIMIZERS)
    names = [chip.get_attribute("data-optimizer") for chip in chips.all()]
    everybody = {name for name, _, _ in before}  # also whom a reproduced finding compares
    assert everybody >= set(names)
    assert all(sum(name == one for one, _, _ in before) > 2 for name in names)
    assert pressed(page) == []

    press(chips.nth(1), by)
    assert pressed(page) == [chips.nth(1).inner_text()]
    assert lit(page, before) == {names[1]}
    press(chips.nth(0), by)
    assert lit(page, before) == {names[0], names[1]}
    press(chips.nth(1), by)
    assert lit(page, before) == {names[0]}
    press(chips.nth(0), by)
    assert lit(page, before) == everybody
    assert pressed(page) == []


@by_mouse_and_keyboard
def test_one_dataset_can_be_left_alone(report, opened, by):
    page = opened(report).page
    looks.unfold(page)
    before = page.evaluate(MARKS, "dataset")
    chips = page.locator(DATASETS)
    names = [chip.get_attribute("data-dataset") for chip in chips.all()]
    assert len(names) > 1
    assert {name for name, _, visible in before if visible} == set(names)

    press(chips.nth(0), by)
    assert pressed(page) == [chips.nth(0).inner_text()]
    assert shown(page, before) == {names[0]}
    assert looks.cut(page) == looks.over(page) == []
    press(chips.nth(1), by)
    assert shown(page, before) == {names[0], names[1]}
    press(chips.nth(0), by)
    press(chips.nth(1), by)
    assert shown(page, before) == set(names)


def chosen(page):
    """An optimizer lit and a dataset left alone: the chips pressed."""
    page.locator(OPTIMIZERS).first.click()
    page.locator(DATASETS).last.click()
    both = pressed(page)
    assert len(both) == 2
    return both


def test_the_address_remembers_what_was_chosen(report, opened):
    one = opened(report)
    before = one.page.evaluate(MARKS, "optimizer")
    both = chosen(one.page)
    address = one.page.url
    assert address != one.address

    for page in (opened(report).page, opened(report, width=390).page):
        page.goto(address)
        page.reload()
        assert pressed(page) == both
        assert len(lit(page, before)) == 1


def test_what_was_chosen_stays_when_a_link_within_the_page_is_followed(report, opened):
    page = opened(report).page
    both = chosen(page)
    page.locator("nav a[href^='#']").last.click()
    assert pressed(page) == both
    page.locator("#bar [aria-pressed=true]").first.click()  # and can still be put out, alone
    assert pressed(page) == both[1:]


def test_an_address_of_nobody_changes_nothing(report, opened):
    one = opened(report)
    for hash in ("optimizer=nobody", "optimizer%3D%E0%A4", "dataset=", "=", "%", "<b>"):
        one.page.goto(f"{one.address}#{hash}")
        one.page.reload()
        assert pressed(one.page) == []
        names = {chip.get_attribute("data-dataset") for chip in one.page.locator(DATASETS).all()}
        assert {name for name, _, visible in one.page.evaluate(MARKS, "dataset") if visible} == names
    assert one.complaints == []


def test_every_link_leads_to_what_can_be_seen(report, opened):
    page = opened(report).page
    links = {one.get_attribute("href") for one in page.locator("a[href^='#']").all()}
    for link in sorted(links):
        page.evaluate("(link) => { location.hash = link }", link)
        page.wait_for_function(
            "(id) => document.getElementById(id).checkVisibility()", arg=link[1:], timeout=5000
        )


COPIED = "(text) => navigator.clipboard.readText().then((copied) => copied === text)"


def code(button):
    """The text that a button stands over."""
    return button.locator("xpath=following::pre[1]").text_content()


@by_mouse_and_keyboard
def test_code_is_copied(report, opened, by):
    one = opened(report, permissions=["clipboard-read", "clipboard-write"])
    looks.unfold(one.page)
    buttons = one.page.locator(COPY).filter(visible=True)
    assert buttons.count() > 1
    one.page.clock.install()
    for button in (buttons.first, buttons.last):
        says = button.inner_text()
        for _ in range(2):  # the second while it still tells of the first
            press(button, by)
            one.page.wait_for_function(COPIED, arg=code(button))
        one.page.clock.run_for(60_000)
        assert button.inner_text() == says
        one.page.evaluate("navigator.clipboard.writeText('')")
    assert one.complaints == []


def test_code_is_selected_where_the_browser_lets_nobody_copy(report, opened):
    one = opened(report)
    one.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    one.page.reload()
    looks.unfold(one.page)
    button = one.page.locator(COPY).filter(visible=True).first
    button.click()
    assert one.page.evaluate("getSelection().toString()").strip() == code(button).strip()
    assert one.complaints == []


@by_mouse_and_keyboard
def test_data_are_saved_from_the_page_wherever_it_lies(report, opened, tmp_path, by):
    alone = tmp_path / "moved" / "page.html"
    alone.parent.mkdir()
    alone.write_bytes(Path(report).read_bytes())
    one = opened(alone)
    looks.unfold(one.page)
    buttons = one.page.locator(SAVE)
    assert buttons.count() > 3
    for button in (buttons.first, buttons.last):
        with one.page.expect_download() as coming:
            press(button, by)
        assert coming.value.suggested_filename.endswith(".csv")
        saved = Path(coming.value.path()).read_text("utf-8")
        assert saved == code(button)
        head, *rows = csv.reader(io.StringIO(saved))
        assert rows
        assert {len(row) for row in rows} == {len(head)}
    assert one.complaints == []


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_tabs_show_one_code_each(report, opened, script, by):
    page = opened(report, java_script_enabled=script).page
    page.locator(f"details:has({TABS}) > summary").first.click()
    tabs = page.locator(TABS).first
    radios = tabs.get_by_role("radio")
    assert radios.count() > 2
    seen = []
    for number in range(radios.count()):
        if by == "mouse":
            tabs.locator("label").nth(number).click()
        elif number == 0:
            radios.first.focus()
        else:
            page.keyboard.press("ArrowRight")
        assert [one.is_checked() for one in radios.all()] == [n == number for n in range(radios.count())]
        (panel,) = tabs.locator(PANEL).filter(visible=True).all()
        seen.append(panel.inner_text())
    assert len(set(seen)) == radios.count()


def test_without_script_nothing_can_be_pressed_that_does_nothing(report, opened):
    page = opened(report, java_script_enabled=False).page
    assert page.locator("button").filter(visible=True).count() == 0
