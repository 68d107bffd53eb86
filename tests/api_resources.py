"""The API's resources as the documentation lists them: `python -m tests.api_resources` rewrites docs/api.md."""

from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "api.md"
BEGIN, END = "<!-- resources: begin -->", "<!-- resources: end -->"
HOUSE = {"engine", "treasury", "bookkeeper", "auditor"}


def table(resources: dict[str, type[Any]]) -> str:
    """Every path with who reads, who writes, and what it is, in the order of the URLs."""
    rows = [
        f"| `{path}` | {_roles(view, 'GET')} | {_roles(view, 'POST', 'PUT', 'PATCH', 'DELETE')} | {_what(view)} |"
        for path, view in resources.items()
    ]
    return "\n".join(["| path | read by | written by | |", "|---|---|---|---|", *rows])


def documented() -> str:
    """The table that the documentation has now."""
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].strip()


def _what(view: type[Any]) -> str:
    return (view.__doc__ or "").strip().splitlines()[0]


def _roles(view: type[Any], *methods: str) -> str:
    if not getattr(view, "roles", None):
        return "everybody" if "GET" in methods else ""
    roles = {role.value for method in methods for role in view.roles.get(method, ())}
    if roles >= HOUSE:
        return "house, trader" if "trader" in roles else "house"
    return ", ".join(sorted(roles))


def main() -> None:
    """Write the table into the documentation."""
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tests.rest.test_roles import resources

    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table(resources())}\n{END}{after}")


if __name__ == "__main__":
    main()
