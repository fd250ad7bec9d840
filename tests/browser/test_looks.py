"""Phones, dark theme, and unusual names."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    JUNE,
    MADE_OF_NAMES,
    QUESTIONS,
    Open,
    Serve,
    darken,
    expect_soon,
    settle,
    settle_with_history,
)

pytestmark = pytest.mark.browser


def overhang(page: Page) -> list[str]:
    """What can be scrolled horizontally: the page, or its vertical scroll area."""
    told: list[str] = page.evaluate(
        """() => {
          const wide = [document.documentElement, document.querySelector("[data-testid=stMain]")]
            .filter((element) => element.scrollWidth > element.clientWidth);
          return wide.map((element) => `${element.tagName} is ${element.scrollWidth} wide`);
        }"""
    )
    return told


@pytest.mark.parametrize("path", QUESTIONS)
def test_nothing_scrolls_sideways_on_a_phone_by_day_or_night(
    at: Serve, open_page: Open, path: str
) -> None:
    # Only the demo has recorded history.
    there = f"{at(None)}/changes" if path == "changes" else f"{at()}/{path}?channel=whatsapp&{JUNE}"
    page = open_page(there, width=390)
    if path == "changes":
        settle_with_history(page)
        one_line = "text => text.clientHeight < 1.5 * parseFloat(getComputedStyle(text).lineHeight)"
        assert page.locator(".st-key-demo p").evaluate(one_line)
    expect_soon(page, lambda: not overhang(page), True)
    if path == "countries":
        world = page.locator(".st-key-place-world")
        expect_soon(page, lambda: world.evaluate("place => place.offsetHeight < 200"), True)
    if path == "workload":  # its chip is among the last, and all lists of the queue are offered
        in_view = "chip => chip.getBoundingClientRect().right <= innerWidth"
        current = page.locator(".st-key-pages [aria-current]")
        expect_soon(page, lambda: current.evaluate(in_view), True)
        lists = page.locator(".st-key-pick-queue [role=radiogroup]")
        assert lists.evaluate("row => row.scrollWidth <= row.clientWidth")
        # Four numbers in two rows, whose space was reserved.
        numbers = page.locator("[class*=st-key-numbers-]")
        kept = (
            "row => Math.abs(parseFloat(getComputedStyle(row).minHeight) - row.offsetHeight) <= 2"
        )
        expect_soon(page, lambda: numbers.evaluate(kept), True)
    darken(page)
    expect_soon(page, lambda: not overhang(page), True)


def test_text_in_figures_takes_the_colour_of_another_theme_at_once(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    label = page.locator("[class*='st-key-chart-overview-channels-'] .ytick text").first
    expect(label).to_have_css("fill", re.compile(r"rgb\((\d{1,2}), (\d{1,2}), (\d{1,2})\)"))
    darken(page)
    expect(label).to_have_css("fill", re.compile(r"rgb\((1|2)\d\d, (1|2)\d\d, (1|2)\d\d\)"))


def test_names_of_strangers_are_shown_as_text(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/tags?{JUNE}")
    page.get_by_role("combobox", name="Tags").click()
    option = page.get_by_role("option").filter(has_text="<b>bold</b>")
    name = option.inner_text().split(" · ")[0]
    option.click()
    page.keyboard.press("Escape")
    settle(page)
    expect(page.locator(".chips")).to_contain_text(name)
    expect(page.locator("main")).to_contain_text("only tagged <b>bold</b><script>alert(1)</script>")
    expect(page.locator("[class*='st-key-chart-tag-ranking-'] .ytick").first).to_be_attached()
    expect(page.locator(".chips a").first).to_have_text("<b>bold</b><script>alert(1)…")
    assert not page.locator(MADE_OF_NAMES).count()
    assert not page.locator("[role=tooltip] :is(b, script)").count()


def test_on_a_phone_pages_stand_in_a_row_and_filters_close_after_a_choice(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at()}/channels?channel=whatsapp&{JUNE}", width=390)
    pages = page.locator(".st-key-pages")
    expect(pages.get_by_role("link", name="Workload")).to_be_visible()
    expect(pages.locator("[aria-current]")).to_have_text(re.compile("Channels$"))
    assert pages.evaluate("row => row.scrollHeight <= row.clientHeight"), "chips are cut off"
    opens = page.get_by_test_id("stExpandSidebarButton")
    label = "button => getComputedStyle(button, '::after').content"
    expect_soon(page, lambda: opens.evaluate(label), '"Filters (1)"')
    opens.click()
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option", name="Nothing").click()
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    settle(page)
    page.evaluate("window.isSamePage = true")
    pages.get_by_role("link", name="Tags").click()
    expect(page.locator("h1")).to_have_text(QUESTIONS["tags"])
    expect(page.locator(".chips a").first).to_have_text("WhatsApp")
    assert page.evaluate("window.isSamePage"), "the page was loaded anew"


def test_on_a_phone_the_dates_in_the_head_are_a_menu_of_periods(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/channels?channel=whatsapp&{JUNE}", width=390)
    dates = page.locator(".st-key-period-menu button")
    expect(dates).to_have_text(re.compile(r"^1 Jun 2026 to 30 Jun 2026 \(America/Sao_Paulo\)"))
    expect(page.locator(".context > p")).to_be_hidden()
    dates.click()
    page.get_by_role("menuitem", name="All time").click()
    expect(page).to_have_url(re.compile(r"period=all&.*channel=whatsapp|channel=.*&period=all"))
    expect(dates).not_to_have_text(re.compile("^1 Jun"))


def test_on_a_phone_numbers_stand_in_pairs_with_room_for_a_million(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at()}/?{JUNE}", width=320)
    numbers = page.locator("dl.numbers")
    rows = """lists => lists.map((list) => {
      const cards = [...list.children].map((card) => card.getBoundingClientRect());
      const [wide, top] = [list.getBoundingClientRect().width, cards[0].top];
      const isPair = cards[1].top === top && cards[0].width > 0.45 * wide;
      return isPair && cards[2].top > top && cards[2].width > 0.99 * wide;
    })"""
    expect_soon(page, lambda: numbers.evaluate_all(rows), [True, True])
    cut = """lists => lists.flatMap((list) => {
      list.querySelectorAll(".value").forEach((value) => (value.textContent = "+1,234,567"));
      return [...list.children].filter((card) => card.scrollWidth > card.clientWidth);
    }).length"""
    assert numbers.evaluate_all(cut) == 0


@pytest.mark.parametrize("days", ["from=2026-06-08&to=2026-06-14", "from=2026-06-09&to=2026-06-09"])
def test_on_a_phone_days_and_hours_below_a_chart_do_not_run_into_each_other(
    at: Serve, open_page: Open, days: str
) -> None:
    page = open_page(f"{at()}/?{days}", width=390)
    crowded = """() => {
      const labels = [...document.querySelectorAll(".st-key-place-growth .xtick text")];
      const boxes = labels.map((label) => label.getBoundingClientRect()).sort((a, b) => a.x - b.x);
      const gaps = boxes.slice(1).map((box, before) => box.left - boxes[before].right);
      return gaps.length >= 3 && gaps.every((gap) => gap >= 8) ? "" : gaps.join(" ");
    }"""
    expect_soon(page, lambda: page.evaluate(crowded), "")


def test_beside_charts_names_and_numbers_are_not_cut_off_on_a_small_screen(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at()}/opt_in?channel=whatsapp&{JUNE}", width=1024)
    # All pages stand in one row, and what is chosen is named with its number.
    expect(page.get_by_test_id("stTopNav").get_by_role("link")).to_have_count(8)
    expect(page.get_by_test_id("stTopNavSection")).to_have_count(0)
    chosen = page.locator("[data-tag] > span[title^=WhatsApp]")
    assert chosen.evaluate("name => name.scrollWidth <= name.clientWidth")
    widths = page.evaluate(
        """() => [...document.querySelectorAll("[data-testid=stMain] [data-testid=stColumn]")]
          .map((column) => column.clientWidth)"""
    )
    assert widths
    assert min(widths) >= 330
    last_day = page.locator("[data-range-field=end] [data-type=day]").bounding_box()
    calendar = page.get_by_test_id("stDateInputCalendarButton").bounding_box()
    assert last_day
    assert calendar
    assert last_day["x"] + last_day["width"] <= calendar["x"]


def test_in_german_nothing_is_cut_off_on_a_small_screen(serve: Serve, open_page: Open) -> None:
    """Its numbers and dates are the longest."""
    address = serve(token=None, locale="de")
    page = open_page(f"{address}/workload", width=1024)
    expect(page.get_by_text(re.compile(r"20\.000 contacts as of"))).to_be_visible()
    expect_soon(page, lambda: page.evaluate(_CUT), [])
    other = open_page(f"{address}/channels", width=1024)
    expect_soon(other, lambda: other.evaluate(_CUT), [])


_CUT = """() => {
  const main = [...document.querySelectorAll("[data-testid=stMain] *")];
  const isCut = (each) =>
    each.clientWidth && each.scrollWidth > each.clientWidth + 1 &&
    getComputedStyle(each).overflowX !== "visible";
  const texts = main.filter((each) => each.matches("th, td, p, button, dt, dd, a, span, h1, h2"));
  const frames = main.filter((each) => each.matches("div") && each.querySelector("table"));
  return [...texts, ...frames].filter(isCut).map((each) => each.innerText.slice(0, 60));
}"""
"""Texts that are wider than their room, and tables that scroll sideways."""


def test_the_age_of_the_data_stands_on_the_line_of_the_title(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    expect(
        page.locator(".st-key-period-menu")
    ).to_be_hidden()  # it is in the sidebar, which is open
    age = page.get_by_text(re.compile("^Updated "))
    on_one_line = """(age) => {
      const both = [document.querySelector("h1"), age];
      const [title, box] = both.map((each) => each.getBoundingClientRect());
      const middle = (box.top + box.bottom) / 2;
      return title.top < middle && middle < title.bottom;
    }"""
    expect_soon(page, lambda: age.evaluate(on_one_line), True)


def test_who_waits_is_seen_on_two_screens(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at(None)}/workload")
    main = page.get_by_test_id("stMainBlockContainer")
    expect(main).to_contain_text(re.compile("In the week to yesterday half were answered within "))
    expect_soon(page, lambda: main.evaluate("main => main.scrollHeight <= 1800"), True)
