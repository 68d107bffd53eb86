"""What people type: amounts as the API reads them, times of UTC to the second."""

import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from ledger.money import MoneyError, parse_number


class AmountInput(forms.CharField):
    """A plain decimal such as 1250.5. A comma is refused: it means one thing here and another elsewhere."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"inputmode": "decimal", "class": "amount-input", "autocomplete": "off"}
        super().__init__(widget=forms.TextInput(attrs=attributes), **kwargs)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return parse_number(text)
        except MoneyError as refused:
            raise ValidationError(refused.detail, code=refused.code) from refused

    def clean(self, value: Any) -> Decimal | None:
        number: Decimal | None = super().clean(value)
        return number


class MomentInput(forms.DateTimeField):
    """A moment of UTC."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S")
        super().__init__(widget=widget, **kwargs)


class ReferenceInput(forms.CharField):
    """The reference of what is about to be done, made before the form is shown: sent twice, it is done once."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "Sent twice under one reference, it is done once.")
        super().__init__(max_length=200, **kwargs)


def new_reference(kind: str, at: datetime) -> str:
    """A reference that nobody has yet and a person can read out: `withdrawal-20261120-143005-9f3a`."""
    return f"{kind}-{at.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
