"""The books in the admin: accounts with statements, entries with lines; read-only, corrected by reversal."""

from ledger.admin.accounts import AccountAdmin
from ledger.admin.currencies import CurrencyAdmin
from ledger.admin.entries import EntryAdmin
from ledger.admin.schedules import ScheduleAdmin

__all__ = ["AccountAdmin", "CurrencyAdmin", "EntryAdmin", "ScheduleAdmin"]
