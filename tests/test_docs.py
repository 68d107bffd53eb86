"""The documentation against the code: what can be compared is compared."""

import json
import re
from pathlib import Path

import pytest

from fund.rulebook import DEFAULTS, PRESETS
from ledger import integrity
from tests import api_resources, event_kinds, problem_codes
from tests.rest import filters
from tests.rest.test_roles import RESOURCES

PROJECT = Path(__file__).resolve().parent.parent
DOCS = PROJECT / "docs"
PAGES = sorted(
    [*DOCS.rglob("*.md"), PROJECT / "README.md", PROJECT / "CHANGELOG.md", *PROJECT.glob("clients/*/README.md")]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_to_a_file_that_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_rulebooks_are_documented_with_every_field_its_default_and_every_preset() -> None:
    text = (DOCS / "rulebooks.md").read_text()
    fields = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", text, re.MULTILINE))
    assert {name: json.loads(default) for name, default in fields.items()} == DEFAULTS
    presets = re.findall(r'^\| `(\w+)` \| "', text, re.MULTILINE)
    assert presets == list(PRESETS)


def test_every_code_of_a_refusal_is_documented_as_the_source_has_it() -> None:
    assert problem_codes.documented() == problem_codes.table(), "run: python -m tests.problem_codes"


@pytest.mark.parametrize(
    ("code", "statuses"),
    [
        ("account_unknown", {404, 422}),
        ("check_unknown", {400}),
        ("contradiction", {422}),
        ("currency_unknown", {404, 422}),
        ("field_required", {400, 422}),
        ("internal_error", {500}),
        ("key_expired", {401}),
        ("key_revoked", {401}),
        ("metrics_not_allowed", {403}),
        ("parameter_unknown", {400}),
        ("string_expected", {422}),
        ("time_malformed", {400, 422}),
        ("time_out_of_range", {400, 422}),
        ("time_without_offset", {400, 422}),
    ],
)
def test_codes_that_the_source_names_indirectly_are_documented_with_every_status(code: str, statuses: set[int]) -> None:
    assert {each.status for each in problem_codes.codes() if each.code == code} == statuses


def test_every_resource_is_documented_with_its_roles() -> None:
    documented = api_resources.documented(api_resources.RESOURCES)
    assert documented == api_resources.table(RESOURCES), "run: python -m tests.api_resources"


@pytest.mark.django_db
def test_every_filter_is_documented() -> None:
    documented = api_resources.documented(api_resources.FILTERS)
    assert documented == api_resources.filters_table(filters.lists()), "run: python -m tests.api_resources"


def test_every_kind_of_event_is_documented_with_its_data() -> None:
    assert event_kinds.documented() == event_kinds.table(), "run: python -m tests.event_kinds"


def test_every_setting_is_documented() -> None:
    settings = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (PROJECT / "config" / "settings.py").read_text())
    text = (DOCS / "operations.md").read_text()
    assert [name for name in settings if f"`{name}`" not in text and name != "BULWARK_AS_OWNER"] == []


@pytest.mark.django_db
def test_every_guard_and_check_that_the_invariants_name_exists() -> None:
    rows = [line.split("|") for line in (DOCS / "invariants.md").read_text().splitlines() if line.startswith("| ")]
    guards = [name for row in rows for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", row[3])]
    of_apps = ("models.py", "models/*.py", "sql/*.sql")
    sources = [path for kind in of_apps for place in ("*", "*/*") for path in PROJECT.glob(f"{place}/{kind}")]
    source = "\n".join(path.read_text() for path in sources)
    assert guards
    assert [name for name in guards if name not in source] == []
    named = {name for row in rows[1:] for name in re.findall(r"`([^`]+)`", row[4])}
    assert named == {check.name for check in integrity.verify().checks}


def test_decisions_are_numbered_without_a_gap_and_short() -> None:
    notes = sorted((DOCS / "decisions").glob("*.md"))
    assert [note.name[:4] for note in notes] == [f"{number:04}" for number in range(1, len(notes) + 1)]
    assert [note.name for note in notes if len(note.read_text().splitlines()) > 40] == []
