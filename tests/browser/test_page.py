"""The page as a reader has it: in a real Chromium, in every light, width and way of reading."""

import os
import re

import pytest

from tests.browser import looks, measure

WAYS = {
    "light": ({}, {}),
    "dark": ({"color_scheme": "dark"}, {}),
    "phone": ({"width": 390, "height": 844}, {}),
    "print": ({}, {"media": "print"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_rule_of_wcag_a_or_aa_is_broken(report, opened, way):
    size, media = WAYS[way]
    page = opened(report, **size).page
    page.emulate_media(**media)
    assert looks.violations(page, looks.PAPER if way == "print" else looks.LEVELS) == []


@pytest.mark.parametrize(
    "way", ["light", *(pytest.param(way, marks=pytest.mark.slow) for way in ["dark", "phone"])]
)
def test_nor_in_what_is_folded(report, opened, way):
    """Of long tables the first rows: the others are like them, and axe takes its time for each cell."""
    page = opened(report, **WAYS[way][0]).page
    looks.unfold(page)
    page.evaluate(
        'document.querySelectorAll("details tbody tr:nth-child(n+9)").forEach((row) => row.remove())'
    )
    assert looks.violations(page) == []


def test_nothing_is_asked_of_anybody_and_nothing_complains(report, opened):
    one = opened(report)
    looks.unfold(one.page)
    one.page.mouse.wheel(0, 100_000)
    one.page.wait_for_load_state("networkidle")
    assert one.requests == [one.address]
    assert one.complaints == []


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_figures_are_inside_their_boxes_and_their_labels_inside_them(report, opened, width):
    page = opened(report, width=width).page
    assert page.locator("svg").count() > 5
    looks.unfold(page)
    assert looks.cut(page) == []


def test_labels_of_figures_can_be_read_on_a_phone(report, opened):
    page = opened(report, width=390).page
    looks.unfold(page)
    small = looks.smallest(page)
    assert len(small) > 3
    assert {card: size for card, size in small.items() if size < 9} == {}


@pytest.mark.parametrize("width", [1440, 1024, 390, 360])
def test_the_page_is_no_wider_than_its_window(report, opened, width):
    """360 px: what 1440 are at a zoom of 400 %."""
    page = opened(report, width=width).page
    assert looks.over(page) == []
    looks.unfold(page)
    assert looks.over(page) == []


@pytest.mark.skipif(
    "DLOPT_PAGE" in os.environ, reason="of a page that is given, tests.browser.measure says it"
)
def test_the_page_of_quick_is_within_the_budget_of_a_report(report, browser):
    found = measure.measure(browser, report)
    assert len(found.answers) > 5
    assert found.over(measure.BUDGETS["report"]) == []


def test_every_link_within_the_page_leads_somewhere(report, opened):
    page = opened(report).page
    assert page.locator("a[href^='#']").count() > 5
    assert looks.dangling(page) == []


def shown(page, selector):
    """The visible text of each element, by its id."""
    return {
        one.get_attribute("id"): one.inner_text() for one in page.locator(selector).all() if one.is_visible()
    }


def test_all_is_there_without_script(report, opened):
    page, bare = opened(report).page, opened(report, java_script_enabled=False).page
    sections, bare_sections = shown(page, "section[id], article[id]"), shown(bare, "section[id], article[id]")
    assert len(sections) > 5
    assert list(bare_sections) == list(sections)
    for id, text in sections.items():
        buttons = page.locator(f"[id='{id}'] button").all_inner_texts()
        said = set(text.split()) - set(" ".join(buttons).split())
        assert said <= set(bare_sections[id].split()), id
    folds = bare.locator("details:not([open]) > summary")
    assert folds.count() > 5
    folds.first.click()
    assert bare.locator("details[open]").count() >= 1


def test_the_first_key_leads_past_the_navigation(report, opened):
    page = opened(report).page
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.bounding_box()["x"] >= 0
    target = skip.get_attribute("href")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == target
    page.keyboard.press("Tab")
    assert page.evaluate("(id) => document.querySelector(id).contains(document.activeElement)", target)


def luminance(page):
    """Of the page's ground, from 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_that_of_the_system_until_it_is_switched(report, opened, scheme):
    page = opened(report, color_scheme=scheme).page
    dark = [luminance(page) < 128]
    page.locator("#theme").click()
    dark.append(luminance(page) < 128)
    page.locator("#theme").focus()
    page.keyboard.press("Space")
    dark.append(luminance(page) < 128)
    system = scheme == "dark"
    assert dark == [system, not system, system]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_that_was_chosen_is_kept(report, opened, scheme):
    page = opened(report, color_scheme=scheme).page
    page.locator("#theme").click()
    page.reload()
    assert (luminance(page) < 128) == (scheme != "dark")


@pytest.mark.parametrize("width", [1440, 390])
def test_boxes_take_the_focus_only_where_they_scroll(report, opened, width):
    page = opened(report, width=width).page
    assert looks.idle(page) == []
    looks.unfold(page)
    assert looks.idle(page) == []


def column(table, number):
    """What a column's rows are sorted by: their hidden keys, or else their text."""
    return table.evaluate(
        "(table, number) => [...table.tBodies[0].rows].map(({cells}) => "
        "cells[number].dataset.sort ?? cells[number].textContent)",
        number,
    )


def as_numbers(keys):
    try:
        return [float(key) for key in keys]
    except ValueError:
        return None


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_tables_are_sorted_by_any_of_their_heads(report, opened, by):
    page = opened(report).page
    looks.unfold(page)
    table = page.locator("table[data-sortable]").filter(has=page.locator("tbody tr:nth-child(3)")).first
    heads = table.locator("thead th")
    before = sorted(table.locator("tbody tr").all_inner_texts())
    sorted_by_number = 0
    for number in range(heads.count()):
        button = heads.nth(number).get_by_role("button")
        for way in ("ascending", "descending"):
            if by == "mouse":
                button.click()
            else:
                button.focus()
                page.keyboard.press("Enter")
            told = [head.get_attribute("aria-sort") for head in heads.all()]
            assert told == [way if n == number else "none" for n in range(len(told))]
            keys = as_numbers(column(table, number))
            if keys is not None:
                assert keys == sorted(keys, reverse=way == "descending")
                sorted_by_number += len(set(keys)) > 1
    assert sorted_by_number
    assert sorted(table.locator("tbody tr").all_inner_texts()) == before
