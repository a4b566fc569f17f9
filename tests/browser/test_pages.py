"""Report and comparison as people read them: on a screen, in the dark, on a phone, by keyboard, on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import opened

pytestmark = pytest.mark.browser

DESKTOP, PHONE = 1280, 390
A4_WIDTH, A4_HEIGHT = 703, 1016  # what the margins leave, in CSS pixels
CONTROLS = "a[href], summary, [tabindex='0']"


@pytest.fixture(params=["report", "comparison"])
def file(request: pytest.FixtureRequest) -> Path:
    """Each kind of page in turn."""
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")])
def test_everybody_can_read_it(
    browser: Browser, file: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    """No error, no request, nothing wider than the window, no serious defect for people with disabilities."""
    with opened(browser, file, width=width, scheme=scheme) as reader:
        widest = reader.page.evaluate("document.documentElement.scrollWidth")

        assert reader.grave_defects() == []
        assert reader.said == []
        assert reader.asked_for == []
        assert widest <= width


def charts(browser: Browser, file: Path, width: int) -> list[dict[str, Any]]:
    """Of each chart of a page: its parts that are really there, and those that lie outside of it."""
    script = """
    [...document.querySelectorAll('svg.chart')].map(svg => {
      const whole = svg.getBoundingClientRect();
      const parts = [...svg.querySelectorAll('rect, line, circle, path, text')];
      const box = part => part.getBoundingClientRect();
      const outside = parts.filter(part => box(part).left < whole.left - 2
        || box(part).right > whole.right + 2 || box(part).top < whole.top - 2
        || box(part).bottom > whole.bottom + 2);
      const count = selector => [...svg.querySelectorAll(selector)].filter(
        part => box(part).width + box(part).height > 1).length;
      return {
        results: count('circle, path.gone'), marks: count('path.mark'), limits: count('line.threshold'),
        courses: count('rect.course'), outside: outside.map(part => part.outerHTML),
        letters: Math.min(...[...svg.querySelectorAll('text')].map(text => box(text).height)),
        rows: [...svg.closest('figure').querySelectorAll('tbody tr')].map(row => row.cells[1].textContent),
      };
    })
    """
    with opened(browser, file, width=width) as reader:
        found: list[dict[str, Any]] = reader.page.evaluate(script)
    return found


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_chart_shows_its_alert(browser: Browser, file: Path, width: int) -> None:
    """Results, limits, therapy and marks are drawn, inside the picture, in letters that can be read."""
    found = charts(browser, file, width)

    assert len(found) >= 5
    for chart in found:
        assert chart["results"] >= 1
        assert chart["marks"] >= 1
        assert chart["courses"] >= 1
        assert chart["outside"] == []
        assert chart["letters"] >= 9
    assert sum(chart["limits"] > 0 for chart in found) >= len(found) * 3 / 4


def test_the_table_below_a_chart_carries_the_same(browser: Browser, file: Path) -> None:
    """As many results, limits and alert events as are drawn: nobody needs to see the picture."""
    for chart in charts(browser, file, DESKTOP):
        kinds = [kind.rpartition(": ")[2] for kind in chart["rows"]]
        assert kinds.count("result") == chart["results"]
        assert kinds.count("told") == chart["marks"]
        assert kinds.count("threshold") == chart["limits"]


def test_a_comparison_draws_the_limits_of_both_sides(browser: Browser, comparison: Path) -> None:
    """Of an alert that one side alone told, the limit of the silent side is drawn too."""
    with opened(browser, comparison) as reader:
        words = [
            chart.locator("text.words").all_text_contents()
            for chart in reader.page.locator("svg.chart").all()
        ]

    assert words == [
        ["A: platelets < 100 10*9/L", "B: platelets < 50 10*9/L"],
        ["B: wbc < 3.0 10*9/L", "A: wbc < 2.0 10*9/L"],
        ["A: alt >= 200 U/L", "B: alt >= 150 U/L"],
        ["A: platelets < 100 10*9/L", "B: platelets < 50 10*9/L"],
        ["A, B: alp >= 300 U/L"],
    ]


def test_the_weeks_add_up_to_the_alerts(browser: Browser, report: Path) -> None:
    """The stacked bar of the day is as high as its alerts, severity by severity."""
    with opened(browser, report) as reader:
        page = reader.page
        heights = page.locator("svg.weeks rect.part").evaluate_all(
            "parts => parts.map(part => [part.classList[1], part.getBoundingClientRect().height])"
        )
        tiles = {
            severity: int(page.locator(f".tiles .{severity} strong").inner_text()) for severity, _ in heights
        }

    per_alert = [height / tiles[severity] for severity, height in heights]
    assert len(heights) == 4
    assert max(per_alert) - min(per_alert) < 0.1


def test_the_keyboard_reaches_everything(browser: Browser, file: Path) -> None:
    """Tab visits every link, summary and scrollable table once, visibly; Enter opens and follows them."""
    with opened(browser, file) as reader:
        page = reader.page
        shown = f"[...document.querySelectorAll(`{CONTROLS}`)].filter(each => each.checkVisibility())"
        expected = page.evaluate(f"{shown}.length")
        visited = []
        for _ in range(expected):
            page.keyboard.press("Tab")
            visited.append(
                page.evaluate(f"""() => {{
                    const at = document.activeElement, style = getComputedStyle(at);
                    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
                    return [{shown}.indexOf(at), outlined];
                }}""")
            )
        assert [place for place, _ in visited] == list(range(expected))
        assert all(outlined for _, outlined in visited)

        summary = page.locator("article summary").first
        summary.focus()
        page.keyboard.press("Enter")
        assert page.locator("article details table").first.is_visible()


def test_the_first_tab_skips_to_the_content(browser: Browser, file: Path) -> None:
    """Who reads by keyboard need not pass the same links each time."""
    with opened(browser, file) as reader:
        reader.page.keyboard.press("Tab")
        assert reader.page.locator(".skip").is_visible()
        reader.page.keyboard.press("Enter")
        assert reader.page.evaluate("document.activeElement.id") == "content"


def test_links_of_the_list_lead_to_the_alerts(browser: Browser, file: Path) -> None:
    """Every link stays on the page and arrives."""
    with opened(browser, file) as reader:
        targets = reader.page.locator("a[href]").evaluate_all(
            "links => links.map(link => document.querySelector(link.getAttribute('href')) !== null)"
        )

    assert len(targets) > 5
    assert all(targets)


def test_paper_cuts_no_chart(browser: Browser, file: Path) -> None:
    """On A4 every alert fits on a page and is kept on one, light whatever the screen, no closed details."""
    script = """
    [...document.querySelectorAll('article.alert, svg.chart, figure')].map(part => {
      const box = part.getBoundingClientRect();
      const kept = part.closest('article, figure');
      return {
        kind: part.localName, width: box.right, height: box.height,
        kept: getComputedStyle(kept).breakInside,
      };
    })
    """
    with opened(browser, file, width=A4_WIDTH, scheme="dark") as reader:
        page = reader.page
        page.emulate_media(media="print", color_scheme="dark")
        parts = page.evaluate(script)
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        shown = page.locator("details").evaluate_all("all => all.filter(one => one.checkVisibility()).length")
        pdf = page.pdf(format="A4", prefer_css_page_size=True)

    assert len(parts) > 10
    for part in parts:
        assert part["kept"] == "avoid", part
        assert 0 < part["height"] <= A4_HEIGHT, part
        assert 0 < part["width"] <= A4_WIDTH, part
    assert paper == "rgb(255, 255, 255)"
    assert shown == 0
    assert pdf.startswith(b"%PDF-")
