"""The looks see what they are to see: each fault once, beside its twin without."""

import pytest

from tests.browser import looks

FIGURE = """<svg id="{id}" role="img" aria-label="A figure" style="width: {width}px" height="40"
  viewBox="0 0 {width} 40"><text x="{x}" y="20" font-size="{size}">{text}</text></svg>"""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Faults</title>
<style>.card {{ margin: 0; padding: 0 }} .scroll {{ overflow-x: auto }} pre {{ margin: 0 }}</style></head>
<body style="margin: 0"><main><h1>Faults</h1>{}</main></body></html>"""


@pytest.fixture
def at(opened, tmp_path):
    def make(body, **more):
        page = tmp_path / "faults.html"
        page.write_text(PAGE.format(body), encoding="utf-8")
        return opened(page, width=600, **more)

    return make


def test_axe_sees_a_picture_without_words_and_a_grey_on_grey(at):
    page = at("<img src='data:,'><p style='color: #999; background: #aaa'>grey</p><p>black</p>").page
    assert sorted(rule.split(" ")[0] for rule in looks.violations(page)) == ["color-contrast", "image-alt"]


def test_axe_looks_at_the_dark_page_where_it_is_dark(at):
    dim = "<style>@media (prefers-color-scheme: dark) { p { color: #eee } }</style><p>seen in the light</p>"
    assert looks.violations(at(dim).page) == []
    assert len(looks.violations(at(dim, color_scheme="dark").page)) == 1


def test_a_request_and_a_complaint_are_seen(at):
    asks = "<img alt='' src='https://example.org/x.png'><script>console.error('so')</script>"
    one = at(asks)
    assert one.requests == [one.address, "https://example.org/x.png"]
    assert "so" in one.complaints
    policy = "<meta http-equiv='Content-Security-Policy' content=\"script-src 'none'\"><script>1</script>"
    (said,) = at(policy).complaints
    assert "Content Security Policy" in said
    assert at("<script>throw Error('thrown')</script>").complaints


def test_what_is_wider_than_the_window_is_named_and_what_scrolls_is_not(at):
    wide = "<p id='{}' style='width: 700px'>long</p>"
    found = looks.over(at(f"<div class='scroll'>{wide.format('held')}</div>{wide.format('free')}").page)
    assert found == ["the page is 100 px wider than its window", "<p> in free ends at 700 of 600 px: long"]


def test_figures_out_of_their_box_and_cut_labels_are_named(at):
    def card(id, width, x=0, text="x"):
        figure = FIGURE.format(id=f"in-{id}", width=width, x=x, size=16, text=text)
        return f"<div class='card' id='{id}' style='width: 400px'><div class='scroll'>{figure}</div></div>"

    page = at(
        card("fits", 400)
        + card("wide", 500)
        + card("cut", 300, 280, "a long label")
        + card("left", 300, -5, "early")
        + f"<details>{card('folded', 500)}</details>"
    ).page
    assert looks.cut(page) == [
        "wide: a figure of 500 px in a box of 400 px",
        "cut: its figure cuts “a long label”",
        "left: its figure cuts “early”",
    ]
    looks.unfold(page)
    assert "folded: a figure of 500 px in a box of 400 px" in looks.cut(page)


def test_a_label_is_as_small_as_its_figure_is_scaled(at):
    half = FIGURE.format(id="svg", width=800, x=0, size=16, text="x").replace("width: 800px", "width: 400px")
    assert looks.smallest(at(f"<div id='one'>{half}</div>").page) == {"one": pytest.approx(8)}


def test_links_to_nothing_are_named(at):
    page = at(
        "<p id='β'><a href='#β'>right</a> <a href='#%CE%B2'>right</a> <a href='#gone'>wrong</a></p>"
        "<p aria-labelledby='β lost' id='named'></p><svg><use xlink:href='#mark' /></svg>"
    ).page
    assert looks.dangling(page) == [
        "<a> in β leads to #gone, which is not there",
        "<use> in a figure leads to #mark, which is not there",
        "<p> in named leads to #lost, which is not there",
    ]


def test_boxes_that_take_the_focus_for_nothing_are_named(at):
    box = "<div class='scroll' tabindex='0' id='{}'><p style='width: {}px'>x</p></div>"
    found = looks.idle(at(box.format("narrow", 300) + box.format("wide", 900)).page)
    assert found == ["<div> in narrow takes the focus and does not scroll"]
