"""The API's resources and filters as documented: `python -m tests.api_resources` rewrites docs/api.md."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "api.md"
RESOURCES, FILTERS = "resources", "filters"
HOUSE = {"engine", "treasury", "bookkeeper", "auditor"}


def table(resources: dict[str, type[Any]]) -> str:
    """Every path with who reads, who writes, and what it is, in the order of the URLs."""
    rows = [
        f"| `{path}` | {_roles(view, 'GET')} | {_roles(view, 'POST', 'PUT', 'PATCH', 'DELETE')} | {_what(view)} |"
        for path, view in resources.items()
    ]
    return "\n".join(["| path | read by | written by | |", "|---|---|---|---|", *rows])


def filters_table(lists: Mapping[str, Collection[str]]) -> str:
    """Every list with its filters, ranges of time as one."""
    rows = [f"| `{path}` | {', '.join(_written(names))} |" for path, names in lists.items()]
    return "\n".join(["| list | filters |", "|---|---|", *rows])


def documented(block: str) -> str:
    """The table that the documentation has now."""
    begin, end = _marks(block)
    return DOCUMENT.read_text().partition(begin)[2].partition(end)[0].strip()


def _marks(block: str) -> tuple[str, str]:
    return f"<!-- {block}: begin -->", f"<!-- {block}: end -->"


def _written(names: Collection[str]) -> list[str]:
    ends = {name for name in names if name.endswith("_to") and name.removesuffix("to") + "from" in names}
    return [
        f"`{name}` `…_to`" if name.removesuffix("from") + "to" in ends else f"`{name}`"
        for name in names
        if name not in ends
    ]


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
    """Write the tables into the documentation."""
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from drf_spectacular.generators import SchemaGenerator

    from tests.rest import filters
    from tests.rest.test_roles import resources

    # The library's own functions are not typed.
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    for block, rows in ((RESOURCES, table(resources())), (FILTERS, filters_table(filters.lists(schema)))):
        begin, end = _marks(block)
        before, _, rest = DOCUMENT.read_text().partition(begin)
        DOCUMENT.write_text(f"{before}{begin}\n{rows}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
