"""The journal in the formats of other bookkeeping programs, so that a foreign checker can prove ours.

Written as a stream, in constant memory, of one moment of the book.
"""

from collections.abc import Callable, Iterator, Mapping

from ledger.balances import one_moment
from ledger.errors import NotFound
from ledger.exports import beancount, hledger, table
from ledger.models import Currency

FORMATS: Mapping[str, Callable[[str | None], Iterator[str]]] = {
    "beancount": beancount.lines,
    "hledger": hledger.lines,
    "csv": table.lines,
}


def export(format_name: str, *, currency: str | None = None) -> Iterator[str]:
    """The journal's text, piece by piece; of one currency, or of all. `format_name` is one of FORMATS.

    Raises NotFound `currency_unknown`.
    """
    if currency is not None and not Currency.objects.filter(code=currency).exists():
        raise NotFound("currency_unknown", f"currency {currency} does not exist")
    return _of_one_moment(FORMATS[format_name], currency)


def _of_one_moment(lines: Callable[[str | None], Iterator[str]], currency: str | None) -> Iterator[str]:
    with one_moment():
        yield from lines(currency)
