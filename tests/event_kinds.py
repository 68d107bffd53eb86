"""Every kind of event as the source defines it: `python -m tests.event_kinds` rewrites docs/events.md."""

from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "events.md"
BEGIN, END = "<!-- kinds: begin -->", "<!-- kinds: end -->"


def table() -> str:
    """Every kind with when it happens and the names of its data."""
    from ledger.events.kinds import known

    rows = [
        f"| `{kind.name}` | {kind.meaning} | {', '.join(f'`{field}`' for field in kind.fields)} |"
        for kind in known().values()
    ]
    return "\n".join(["| kind | when | `data` |", "|---|---|---|", *rows])


def documented() -> str:
    """The table that the documentation has now."""
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].strip()


def main() -> None:
    """Write the table into the documentation."""
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()
