"""Tasks of the ledger. Their results are kept and shown in the admin."""

from typing import Any

from celery import shared_task

from ledger import integrity

# Enough findings to see what is wrong; `manage.py verify` names more.
FINDINGS_SHOWN = 20


class BooksNotClean(Exception):
    """The nightly verification found something; the message names the first findings."""


@shared_task(name="ledger.verify_books")
def verify_books() -> dict[str, Any]:
    """Derive every identity of the books again. The task fails, and is seen to, where one does not hold.

    Raises BooksNotClean.
    """
    verification = integrity.verify()
    if not verification.clean:
        named = [
            f"{finding.code}: {finding.subject}: expected {finding.expected}, is {finding.actual}"
            for finding in verification.findings[:FINDINGS_SHOWN]
        ]
        raise BooksNotClean(f"{verification.found} finding(s)\n" + "\n".join(named))
    return {check.name: check.checked for check in verification.checks}
