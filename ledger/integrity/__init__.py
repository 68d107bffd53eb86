"""Proof of the books: every identity derived again from the postings alone.

`verify` runs the ledger's checks and those that other apps registered, all of one moment of the book.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import connection

from ledger.balances import one_moment
from ledger.integrity import accounts, entries
from ledger.integrity.findings import Finding, Tally, stream

__all__ = ["CheckResult", "Finding", "Tally", "Verification", "register", "stream", "verify"]

Check = Callable[[Tally], Iterable[Finding]]

# Of each check so many findings are kept and named; the others are counted.
KEPT = 200

_checks: dict[str, Check] = {
    "entries": entries.entries_balance,
    "reversals": entries.reversals_mirror,
    "running balances": accounts.balances_run,
    "account totals": accounts.totals_agree,
    "chart of accounts": accounts.chart_holds,
    "balance identity": accounts.identity_holds,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check found: `found` in all, the first of them in `findings`; `checked` rows were looked at."""

    name: str
    checked: int
    found: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    checks: tuple[CheckResult, ...]

    @property
    def clean(self) -> bool:
        return self.found == 0

    @property
    def found(self) -> int:
        return sum(check.found for check in self.checks)

    @property
    def checked(self) -> int:
        return sum(check.checked for check in self.checks)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that were kept, at most KEPT of a check."""
        return tuple(finding for check in self.checks for finding in check.findings)


def register(name: str, check: Check) -> None:
    """Add a check of another app's, from its AppConfig.ready. It yields findings and counts its rows on the tally."""
    assert name not in _checks, f"two integrity checks have the name {name!r}"
    _checks[name] = check


def verify(*, progress: Callable[[Tally], None] | None = None) -> Verification:
    """Run every check. `progress` is told the tally of the running check whenever it has moved on."""
    with one_moment():
        with connection.cursor() as cursor:
            # Findings are streamed, but all of a query's work is wanted, not its first rows soon.
            cursor.execute("SET LOCAL cursor_tuple_fraction = 1")
        return Verification(checks=tuple(_run(name, check, progress) for name, check in _checks.items()))


def _run(name: str, check: Check, progress: Callable[[Tally], None] | None) -> CheckResult:
    tally = Tally(name, progress)
    kept: list[Finding] = []
    found = 0
    for finding in check(tally):
        found += 1
        if found <= KEPT:
            kept.append(finding)
    return CheckResult(name=name, checked=tally.checked, found=found, findings=tuple(kept))
