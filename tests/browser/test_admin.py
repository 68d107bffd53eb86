"""The admin as people use it, in a browser: what they read and click, from login to the result in the books."""

import re

from playwright.sync_api import Page, expect

from tests.admin.stories import loss_shared_by_traders, open_fund
from tests.browser.conftest import Site
from tests.builders import balance, moment, move, post


def go(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()


def test_a_bookkeeper_reads_a_statement_opens_an_entry_and_reverses_it(site: Site) -> None:
    post(move("d1", "1234567.5", debited="custody:USDT", credited="trader:ann:USDT"))
    post(move("w1", "0.25", debited="trader:ann:USDT", credited="custody:USDT", kind="withdrawal"))
    page = site.log_in("ben")

    go(page, "Accounts")
    page.locator("#searchbar").fill("trader:ann")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#result_list")).to_contain_text("1,234,567.25")
    go(page, "Statement")
    rows = page.locator("#statement tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_contain_text("1,234,567.25")

    go(page, "w1")
    expect(page.locator("#entry-lines .total")).to_contain_text("balanced")
    go(page, "Reverse…")
    page.get_by_label("Reason").fill("paid to the wrong trader")
    page.get_by_role("button", name="Reverse").click()

    expect(page.get_by_text("Entry w1 is reversed.")).to_be_visible()
    expect(page.get_by_text("reverses w1")).to_be_visible()
    assert balance("trader:ann:USDT") == "1234567.5"


def test_amounts_of_a_column_have_their_decimal_points_in_one_line(site: Site) -> None:
    for number, amount in enumerate(("1200", "0.00000001", "15.5", "99.99"), 1):
        post(move(f"d{number}", amount, debited="custody:USDT", credited="trader:ann:USDT"))
    page = site.log_in("ben")
    page.goto(f"{site.address}/admin/ledger/account/of/trader:ann:USDT/statement/")

    points = page.evaluate(
        """() => [...document.querySelectorAll('#statement tbody td:nth-child(7) .amount')].map((amount) => {
            const text = amount.firstChild, place = text.textContent.indexOf('.'), range = document.createRange();
            range.setStart(text, place < 0 ? text.length : place);
            range.setEnd(text, place < 0 ? text.length : place);
            return range.getBoundingClientRect().left;
        })"""
    )

    assert len(points) == 4
    assert max(points) - min(points) < 2, points


def test_a_bookkeeper_reads_one_month_in_a_narrow_window(site: Site) -> None:
    february = moment(40 * 24 * 3600)
    post(move("d1", "100", debited="custody:USDT", credited="trader:ann:USDT"))
    post(move("d2", "20.5", debited="custody:USDT", credited="trader:ann:USDT", at=february))
    page = site.log_in("ben")
    page.set_viewport_size({"width": 390, "height": 800})

    go(page, "Entries")
    expect(page.locator("#changelist-filter")).to_be_visible()
    # Above the rows stand the search and the filters, and no empty room.
    room = page.evaluate(
        """() => {
            const box = document.querySelector('#changelist-filter');
            return box.getBoundingClientRect().bottom - box.lastElementChild.getBoundingClientRect().bottom;
        }"""
    )
    assert room < 30
    page.get_by_label("from", exact=True).fill("2026-02-01")
    page.get_by_label("to", exact=True).fill("2026-02-28")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#result_list")).to_contain_text("20.5")

    page.goto(f"{site.address}/admin/ledger/account/of/trader:ann:USDT/statement/?from_day=2026-02-01")
    expect(page.locator("#totals")).to_contain_text(
        re.compile(r"Opening\s+100\s+USDT.*Closing\s+120.5\s+USDT", re.DOTALL)
    )


def test_a_withdrawal_takes_two_people(site: Site) -> None:
    open_fund()
    first, second = site.log_in("tess"), site.log_in("theo")

    expect(first.locator("#funds")).to_contain_text("1,000")
    go(first, "usdt")
    go(first, "Request a withdrawal…")
    first.get_by_label("Amount").fill("400")
    first.get_by_role("button", name="Send").click()
    expect(first.get_by_text("Somebody else must approve it.")).to_be_visible()
    go(first, "Approve…")
    first.get_by_role("button", name="Approve and pay").click()
    expect(first.locator(".messagelist .error")).to_contain_text("withdrawal_same_person")
    assert balance("fund:usdt") == "1000"

    second.reload()
    second.locator("#waiting").get_by_role("link", name=re.compile("withdrawal")).click()
    go(second, "Approve…")
    expect(second.locator(".facts .total")).to_contain_text("600")
    second.get_by_role("button", name="Approve and pay").click()
    expect(second.locator(".messagelist .success")).to_contain_text("is approved and paid")
    assert balance("fund:usdt") == "600"


def test_a_treasurer_publishes_a_rulebook_and_reads_what_was_wrong_beside_the_field(site: Site) -> None:
    open_fund()
    page = site.log_in("tess")

    go(page, "usdt")
    go(page, "Publish a rulebook…")
    page.get_by_label("Traders share").fill("0.8")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator(".field-traders_share .errorlist")).to_contain_text("sum to 1.8, above 1")
    page.get_by_label("Fund share").fill("0.2")
    page.get_by_role("button", name="Publish").click()

    expect(page.get_by_text("usdt v2 (full_cover) is published")).to_be_visible()
    expect(page.locator("tr.differs", has_text="traders share")).to_contain_text("0.8")


def test_a_bookkeeper_previews_and_settles_a_cycle_and_reads_an_allocation(site: Site) -> None:
    loss_shared_by_traders()
    page = site.log_in("ben")

    go(page, "Cycles")
    go(page, "usdt cycle 1")
    go(page, "Preview")
    expect(page.locator("#largest tbody tr").first).to_contain_text("400")
    assert balance("loss:usdt") == "800"

    page.get_by_label("By rulebook").select_option("full_cover")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#compared tr", has_text="Taken from profitable traders")).to_contain_text("-760")

    go(page, "usdt cycle 1")
    go(page, "Settle…")
    expect(page.locator("#loss .total")).to_contain_text("1,000")
    page.get_by_role("button", name="Settle and book").click()
    expect(page.locator(".messagelist .success")).to_contain_text("taken from traders 760")
    assert (balance("loss:usdt"), balance("trader:p1:USDT")) == ("0", "-400")

    go(page, "allocations")
    first = page.locator("#result_list tbody tr").first
    expect(first).to_contain_text("pos1")
    first.get_by_role("link", name="1", exact=True).first.click()
    expect(page.locator("#why .total")).to_contain_text("400")
    page.go_back()
    first.get_by_role("link", name=re.compile("^cycle:usdt:1:1")).click()
    expect(page.locator("#entry-lines .total")).to_contain_text("balanced")
