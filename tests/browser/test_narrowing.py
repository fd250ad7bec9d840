"""A click on a mark filters the whole dashboard, another click removes the filter."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import JUNE, QUESTIONS, Open, Serve, hover_largest, settle

pytestmark = pytest.mark.browser

BAR, DOT, COUNTRY = ".points .point path", ".scatterlayer .points path", ".choroplethlayer path"


def parameters(address: str) -> dict[str, list[str]]:
    """Parameters of a URL, except for the time zone."""
    given = parse_qs(urlsplit(address).query)
    return {name: values for name, values in given.items() if name != "tz"}


def chips(page: Page) -> Locator:
    return page.locator(".chips a").filter(visible=True)


def click_mark(page: Page, chart: str, marks: str) -> str:
    """Click the largest mark of a chart; returns its hover text."""
    settle(page)
    figure = page.locator(f".st-key-chart-{chart}-0-light, .st-key-chart-{chart}-1-light")
    hover_largest(figure, marks)
    said = figure.locator(".hoverlayer text").first
    expect(said).to_be_attached()
    text = said.text_content() or ""
    page.mouse.down()
    page.mouse.up()
    return text


def click_row(page: Page, table: str) -> None:
    """Click the first row of a table."""
    page.locator(f"table[data-key={table}] tbody tr").first.click()


@pytest.mark.parametrize(
    ("path", "chart", "marks", "names"),
    [
        ("", "overview-channels", BAR, ["channel"]),
        ("", "overview-countries", BAR, ["country"]),
        ("channels", "new-by-channel", BAR, ["channel"]),
        ("countries", "world", COUNTRY, ["country"]),
        ("tags", "tag-ranking", BAR, ["tag"]),
        ("opt_in", "rates-channel", DOT, ["channel"]),
        ("data", "agents-channels", BAR, ["channel", "agent"]),
    ],
)
def test_a_mark_narrows_and_the_same_mark_widens(
    at: Serve, open_page: Open, path: str, chart: str, marks: str, names: list[str]
) -> None:
    page = open_page(f"{at()}/{path}?{JUNE}")
    unnarrowed = parameters(page.url)
    said = click_mark(page, chart, marks)
    expect(chips(page)).to_have_count(1 + len(names))  # the first one is of June
    for name in names:
        expect(page).to_have_url(re.compile(rf"[?&]{name}="))
    settle(page)
    narrowed_to = chips(page).all_inner_texts()[: len(names)]
    assert all(name in said for name in narrowed_to)
    click_mark(page, chart, marks)
    expect(chips(page)).to_have_count(1)
    expect(page).not_to_have_url(re.compile("|".join(f"{name}=" for name in names)))
    assert parameters(page.url) == unnarrowed


def test_a_day_narrows_to_itself_and_its_chip_widens(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    said = click_mark(page, "growth", BAR)
    expect(chips(page)).not_to_have_text(re.compile(" to "))
    settle(page)
    day = chips(page).inner_text()
    assert re.match(rf"\w+ {re.escape(day)}: ", said), "a weekday, the day, what it brought"
    expect(page).to_have_url(re.compile(r"from=(2026-06-\d\d)&to=\1"))
    chips(page).click()
    expect(page).not_to_have_url(re.compile("from="))
    expect(chips(page)).to_have_count(0)


def test_a_difference_narrows_to_its_tag(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at(None)}/tags")
    said = click_mark(page, "tag-effects", DOT)
    expect(page).to_have_url(re.compile(r"[?&]tag="))
    settle(page)
    assert chips(page).inner_text() in said


@pytest.mark.parametrize(
    ("path", "table", "name"),
    [
        ("channels", "channels", "channel"),
        ("tags", "tags", "tag"),
        ("workload", "agents", "agent"),
    ],
)
def test_a_row_narrows_and_the_same_row_widens(
    at: Serve, open_page: Open, path: str, table: str, name: str
) -> None:
    page = open_page(f"{at()}/{path}?{JUNE}")
    click_row(page, table)
    expect(page).to_have_url(re.compile(rf"[?&]{name}="))
    expect(chips(page)).to_have_count(2)
    settle(page)
    expect(page.locator(f"table[data-key={table}] tr.chosen")).to_have_count(1)
    page.locator(f"table[data-key={table}] tr.chosen").click()
    expect(page).not_to_have_url(re.compile(rf"[?&]{name}="))
    expect(chips(page)).to_have_count(1)


def test_a_click_on_a_row_is_one_step_back(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/channels?{JUNE}")
    before = page.url
    click_row(page, "channels")
    expect(chips(page)).to_have_count(2)
    page.go_back()
    expect(chips(page)).to_have_count(1)
    assert parameters(page.url) == parameters(before)


def test_a_click_on_a_head_sorts_its_numbers_as_numbers(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/countries?{JUNE}")
    table = page.locator("table[data-key=countries]")
    table.get_by_role("button", name="Contacts").click()
    table.get_by_role("button", name="Contacts").click()
    expect(table.locator("th[aria-sort=ascending]")).to_have_text("Contacts")
    settle(page)
    shown = [int(text) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]
    assert shown == sorted(shown)
    assert len(set(shown)) > 2


def test_a_table_stays_sorted_by_its_column_when_columns_before_it_go(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at()}/countries?{JUNE}")
    table = page.locator("table[data-key=countries]")
    table.get_by_role("button", name="Broadcast opt-in").click()
    settle(page)
    # As a click on a row goes to its address.
    page.evaluate(
        "history.pushState(null, '', location.search + '&compare=no');"
        "dispatchEvent(new PopStateEvent('popstate'))"
    )
    expect(table.get_by_role("button", name="Change", exact=True)).to_have_count(0)
    expect(table.locator("th[aria-sort]")).to_have_text("Broadcast opt-in")


def test_the_bar_of_the_others_opens_the_list(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at(None)}/countries")
    figure = page.locator("[class*='st-key-chart-country-ranking-']").first
    figure.locator(BAR).last.hover(force=True)
    expect(figure.locator(".hoverlayer text").first).to_contain_text("other")
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("table[data-key=country-ranking]")).to_be_visible()
    assert "country=" not in page.url


def test_a_chip_takes_off_its_own_limit_alone(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/countries?channel=whatsapp&channel=webchat&country=BR&{JUNE}")
    expect(chips(page)).to_have_text(
        ["WhatsApp", "Web chat", "Brazil", "1 Jun 2026 to 30 Jun 2026"]
    )
    chips(page).filter(has_text="WhatsApp").click()
    expect(chips(page)).to_have_text(["Web chat", "Brazil", "1 Jun 2026 to 30 Jun 2026"])
    expect(page).to_have_url(re.compile(r"\?(?!.*channel=whatsapp).*channel=webchat"))


def all_findings(page: Page) -> Locator:
    """Including those collapsed at first."""
    section = page.locator(".findings")
    expect(section).to_be_visible()
    folded = section.locator(".others > summary")
    if folded.count():
        folded.click()
    return section.locator("li")


def test_each_finding_leads_to_its_page_with_its_filters(at: Serve, open_page: Open) -> None:
    page = open_page(at(None))
    links = page.locator(".findings").get_by_role("link")
    expect(links).not_to_have_count(0)
    for place in range(links.count()):
        target = links.nth(place).get_attribute("href") or ""
        path = urlsplit(target).path.strip("./")
        links.nth(place).click()
        expect(page.locator("h1")).to_have_text(QUESTIONS[path])
        settle(page)
        said = parameters(page.url)
        assert said == parameters(target)
        expect(chips(page)).to_have_count(
            sum(len(values) for name, values in said.items() if name not in ("queue", "wait"))
        )
        page.get_by_role("button", name="Reset").click()
        expect(page).to_have_url(re.compile(r"^[^?]*$"))
        page.get_by_role("link", name="Overview").first.click()
        expect(page.locator("h1")).to_have_text(QUESTIONS[""])
        settle(page)


def test_a_click_outside_an_open_list_closes_it_and_counts(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    page.get_by_role("combobox", name="Channels").click()
    expect(page.get_by_role("listbox")).to_be_visible()
    page.locator(".st-key-pick-agent input").click()
    expect(page.locator(".st-key-pick-agent input")).to_have_attribute("aria-expanded", "true")
    page.locator(".findings a").first.click()
    expect(page.locator("h1")).not_to_have_text(QUESTIONS[""])


def test_an_explanation_opens_below_what_it_explains(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    for part in ("h2", "li"):
        explained = page.locator(f".findings {part}").first
        explained.locator(".help summary").click()
        below, above = explained.locator(".help > div").bounding_box(), explained.bounding_box()
        assert below is not None
        assert above is not None
        assert abs(below["y"] - above["y"] - above["height"]) < 10
        explained.locator(".help summary").click()


def test_a_link_that_is_drawn_anew_while_it_is_pressed_is_followed(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    link = all_findings(page).filter(has_text="nobody is assigned to give").get_by_role("link")
    link.hover()
    page.mouse.down()
    page.locator(".findings").evaluate("section => { section.outerHTML = section.outerHTML; }")
    page.mouse.up()
    expect(page.locator("h1")).to_have_text(QUESTIONS["workload"])
    expect(page).to_have_url(re.compile("queue=orphaned"))


def test_a_finding_of_the_overview_itself_narrows_it(at: Serve, open_page: Open) -> None:
    # Of all contacts, other findings are more urgent at some hours and push this one out.
    page = open_page(f"{at(None)}/?channel=instagram")
    day = all_findings(page).filter(has_text="new contacts, where a")
    day.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"from=(\d{4}-\d\d-\d\d)&to=\1"))
    expect(chips(page)).to_have_count(2)


def test_a_link_to_what_to_do_opens_the_list_of_these_conversations(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    orphaned = all_findings(page).filter(has_text="nobody is assigned to give")
    orphaned.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text(QUESTIONS["workload"])
    expect(page.get_by_role("radio", name="Handed over, nobody took it")).to_be_checked()
    expect(page).to_have_url(re.compile("queue=orphaned"))
