"""The results page in a real Chromium without a window: does it load, can it be read, can it be
used by keyboard?
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tangent_bench.report import results_page
from tangent_bench.store.artefacts import write_text
from tests import chromium, page_folder

pytestmark = [pytest.mark.full, chromium.needed]
WIDTHS = 400, 1600
# Elements with words of their own that are seen, and what they look like.
WORDS = """[...document.querySelectorAll("body *")].filter(
    e => !["SCRIPT", "STYLE"].includes(e.tagName) && e.checkVisibility()
    && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))"""
CONTRAST = f"""() => {{
  const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = e => getComputedStyle(e).backgroundColor;
  const behind = e => {{
    while (e && ground(e) === "rgba(0, 0, 0, 0)") e = e.parentElement;
    return ground(e);
  }};
  const contrast = e => {{
    const both = [light(behind(e)), light(getComputedStyle(e).color)];
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  }};
  return Math.min(...{WORDS}.map(contrast));
}}"""

# What can be used by keyboard, and the state of the element that has the focus.
USABLE = """[...document.querySelectorAll("a,button,summary,.scroll")]
    .filter(e => e.checkVisibility())"""
FOCUSED = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
  e.dataset.seen = 1;
  const inside = box.left >= 0 && box.top >= 0 && box.bottom <= innerHeight + 1;
  return {
    text: e.innerText,
    inside: inside || box.height > 300,
    ringed: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}"""


@pytest.fixture(scope="module", params=["light", "dark"])
def browser(request):
    with chromium.opened(request.param) as context:
        yield context


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    run = page_folder.fill(tmp_path_factory.mktemp("page"))
    write_text(run.folder / "index.html", results_page.page(run))
    return run.folder / "index.html"


@pytest.fixture(params=WIDTHS)
def page(browser, file, request):
    """The page, opened; the browser must not complain or ask for anything else."""
    page = browser.new_page()
    complaints = []
    requests = []
    page.set_viewport_size({"width": request.param, "height": 900})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    yield page
    page.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [file.as_uri()]


def test_all_images_and_drawings_are_shown(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "the page itself scrolls sideways"
    )
    images = page.evaluate(
        "[...document.images].map(i => [i.complete, i.naturalWidth, i.width, i.height, i.alt])"
    )
    assert len(images) == len(page_folder.FIGURES)
    for complete, *sizes, alt in images:
        assert complete
        assert min(sizes) > 100
        assert alt
    drawings = page.evaluate(
        "[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().width)"
    )
    assert len(drawings) == 8
    assert min(drawings) > 100


def test_words_are_large_and_dark_enough_to_read(page):
    sizes = page.evaluate(f"{WORDS}.map(e => parseFloat(getComputedStyle(e).fontSize))")
    assert min(sizes) >= 12
    assert page.evaluate(CONTRAST) >= 4.5


def test_no_title_is_executed(page):
    assert page.evaluate("window.harmed") is None


def test_what_is_too_wide_scrolls_inside_itself(page):
    cut = page.evaluate(
        """[...document.querySelectorAll("main, .scroll")].filter(box =>
            box.getBoundingClientRect().right > innerWidth + 0.5).length"""
    )
    boxes = page.evaluate(
        """[...document.querySelectorAll(".scroll")].map(box => [
            box.scrollWidth > box.clientWidth,
            getComputedStyle(box).overflowX,
            box.tabIndex,
            box.ariaLabel,
        ])"""
    )
    assert cut == 0
    for _, overflow, tab_index, label in boxes:
        assert overflow == "auto"
        assert tab_index == 0
        assert label
    narrow = page.viewport_size["width"] == min(WIDTHS)
    assert any(scrolls for scrolls, *_ in boxes) or not narrow


def test_headings_are_in_order_and_ids_unique(page):
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title().startswith("Results of preset")


def test_links_resolve(page, file):
    links = page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    assert len(links) > 30
    for link in links:
        if link.startswith("#"):
            assert page.evaluate("id => document.getElementById(id) !== null", link[1:]), link
        else:
            assert (file.parent / link).is_file(), link


def test_tab_reaches_everything_that_can_be_used_and_shows_where_it_is(page):
    stops = []
    for _ in range(page.evaluate(f"{USABLE}.length")):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
    assert stops[0]["text"] == "To the results"
    assert [stop for stop in stops if not (stop["inside"] and stop["ringed"])] == []
    unseen = f"{USABLE}.filter(e => !e.dataset.seen).map(e => e.outerHTML)"
    assert page.evaluate(unseen) == []


def _column(page, table, head):
    """Texts of a column, top to bottom, and how it is sorted."""
    return page.evaluate(
        """([label, head]) => {
            const table = document.querySelector(`[aria-label="${label}"] table`);
            const th = [...table.tHead.rows[0].cells].find(c => c.textContent === head);
            const rows = [...table.tBodies[0].rows];
            return [rows.map(r => r.cells[th.cellIndex].textContent.trim()), th.ariaSort];
        }""",
        [table, head],
    )


def _press(page, table, head):
    page.locator(f'[aria-label="{table}"]').get_by_role("button", name=head, exact=True).focus()
    page.keyboard.press("Enter")


TABLE1 = "Table 1. Task addition: one model for all tasks"
CLAIMS = "The claims of the paper, and what this run says of them"


def test_enter_sorts_numbers_and_a_third_time_restores_the_order(page):
    original, order = _column(page, TABLE1, "Recovered gain")
    assert order is None
    numbers = sorted((_number(text) for text in original if text != "–"), reverse=True)
    assert len(set(numbers)) == 3
    for expected, name in ((numbers, "descending"), (numbers[::-1], "ascending")):
        _press(page, TABLE1, "Recovered gain")
        column, order = _column(page, TABLE1, "Recovered gain")
        assert [_number(text) for text in column[:3]] == expected
        assert order == name
        assert set(column[3:]) == {"–"}, "empty cells stay last"
    _press(page, TABLE1, "Recovered gain")
    assert _column(page, TABLE1, "Recovered gain") == [original, None]


def _number(text):
    """The value of a cell with an interval."""
    return float(text.partition(" ")[0])


def test_words_are_sorted_as_words(page):
    _press(page, CLAIMS, "Verdict")
    words, order = _column(page, CLAIMS, "Verdict")
    assert words == sorted(words)
    assert len(set(words)) > 1
    assert order == "ascending"


def test_numbers_with_commas_are_sorted_as_numbers(page):
    _press(page, CLAIMS, "n")
    column, order = _column(page, CLAIMS, "n")
    numbers = [int(text.replace(",", "")) for text in column if text]
    assert numbers == sorted(numbers, reverse=True)
    assert len({len(str(number)) for number in numbers}) > 1
    assert order == "descending"
    _press(page, "Where the time went", "Seconds")
    assert _column(page, "Where the time went", "Seconds")[0] == ["1,210", "1,120", "90"]


def test_one_column_at_a_time_is_sorted(page):
    _press(page, CLAIMS, "Verdict")
    _press(page, CLAIMS, "n")
    assert _column(page, CLAIMS, "Verdict")[1] is None


def test_the_leaderboard_is_sorted_by_click_and_keyboard(page):
    _press(page, "Linear FT", "Accuracy (%)")
    _press(page, "Linear FT", "Accuracy (%)")
    accuracies, order = _column(page, "Linear FT", "Accuracy (%)")
    assert accuracies == sorted(accuracies, key=float)
    assert len(accuracies) == 4
    assert order == "ascending"
    page.locator('[aria-label="Linear FT"] button', has_text="Method").click()
    methods, order = _column(page, "Linear FT", "Method")
    assert methods == sorted(methods, key=str.casefold)
    assert order == "ascending"
    _press(page, "Linear FT", "Behind the best (points)")
    distances, _ = _column(page, "Linear FT", "Behind the best (points)")
    assert distances[-1] == "–", "the best is behind nobody"


def test_no_script_runs_even_if_a_title_were_not_escaped(browser, file):
    page = browser.new_page()
    page.goto(file.as_uri())
    page.evaluate("t => document.body.insertAdjacentHTML('beforeend', t)", page_folder.HOSTILE)
    page.wait_for_timeout(100)
    assert page.locator("img[src=x]").count() == 1
    assert page.evaluate("window.harmed") is None
    page.close()


def test_on_paper_there_is_no_navigation_and_nothing_is_cut_off(browser, file):
    page = browser.new_page()
    page.set_viewport_size({"width": 700, "height": 900})
    page.emulate_media(media="print")
    page.goto(file.as_uri())
    assert not page.locator("nav").is_visible()
    assert page.locator("#table1_addition table").is_visible()
    edges = page.evaluate("[...document.images].map(i => i.getBoundingClientRect().right)")
    assert max(edges) <= 700
    page.close()
