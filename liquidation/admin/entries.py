"""Reversing an entry reverses what it belongs to: here, above everything, it is known what that is."""

from datetime import datetime

from django.contrib import admin
from django.urls import reverse

from ledger.admin import EntryAdmin
from ledger.models import Entry
from liquidation import corrections

# What is reversed together with an entry, by the kind of its source.
_BELONGS_TO = {
    "takeover": (
        "This entry belongs to takeover {id}. A fill is reversed with the close that followed it, and the takeover is"
        " open again; reversing the takeover's own entry reverses everything that was booked for it."
    ),
    "cycle": (
        "This entry belongs to the settlement of cycle {id}. The settlement is reversed as a whole, all its"
        " allocations, and the cycle can be settled again."
    ),
    "inventory": (
        "This entry belongs to the fund's inventory, event {id}. The quantity that it moved is moved back with it."
    ),
}

admin.site.unregister(Entry)


@admin.register(Entry)
class CorrectedEntryAdmin(EntryAdmin):
    def consequence(self, entry: Entry) -> str:
        belongs = _BELONGS_TO.get(entry.source_kind)
        return " ".join(filter(None, [belongs and belongs.format(id=entry.source_id), super().consequence(entry)]))

    def reverse_entry(self, entry: Entry, *, reference: str, effective_at: datetime, description: str) -> str:
        posted = corrections.reverse_entry(
            entry, reference=reference, effective_at=effective_at, effective_stated=False, description=description
        )
        return reverse("admin:ledger_entry_change", args=[posted.entry_id])
