"""What goes to the service and what comes back: frozen, keyword-only, amounts as Decimal, times with their offset."""
