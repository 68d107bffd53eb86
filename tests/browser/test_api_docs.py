"""The API's documentation, in a browser that the policy lets load nothing from elsewhere."""

import urllib.request

from playwright.sync_api import expect

from tests.admin.stories import open_fund
from tests.browser.conftest import Site


def test_an_operation_is_shown_and_tried_and_nothing_comes_from_elsewhere(site: Site) -> None:
    open_fund()
    page = site.open_window()
    page.goto(f"{site.address}/api/v1/docs/")

    operation = page.locator(".opblock", has_text="/public/insurance-fund/").first
    operation.locator(".opblock-summary-control").click()
    expect(operation).to_contain_text("The insurance funds as they stand now.")
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()

    expect(operation.locator(".live-responses-table")).to_contain_text('"balance": "1000"')
    # The fixture finds what came from another host, and what the policy complained about.
    scripts = [url for url in site.requested if url.partition("?")[0].endswith(".js")]
    assert len(scripts) >= 2


def test_a_script_in_a_page_itself_is_not_run_and_the_policy_says_so(site: Site) -> None:
    page = site.open_window()
    page.goto(f"{site.address}/admin/login/")
    page.evaluate(
        """() => {
            window.broken = [];
            document.addEventListener('securitypolicyviolation', (event) => {
                window.broken.push(event.violatedDirective);
            });
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.body.append(script);
        }"""
    )

    page.wait_for_function("window.broken.length > 0")
    assert page.evaluate("[window.ran, window.broken[0]]") == [None, "script-src-elem"]
    assert "inline script" in site.complaints.pop()


def test_the_policy_stands_on_every_kind_of_answer(site: Site) -> None:
    for path in ("/admin/login/", "/api/v1/docs/", "/api/v1/schema/", "/api/v1/public/insurance-fund/", "/healthz"):
        with urllib.request.urlopen(site.address + path) as answer:
            policy = answer.headers["Content-Security-Policy"]
        directives = {directive.strip() for directive in policy.split(";")}
        assert directives >= {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"}, path
