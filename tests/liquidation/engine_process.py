"""One engine of a venue, as a process of its own: `python -m tests.liquidation.engine_process NAME TAKEOVER=PRICE…`.

It closes the takeovers in the order given, each with a call of its own, and prints one line for each that was answered.
"""

import os
import sys
from decimal import Decimal

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from liquidation.fills import FillReport, report_fills
    from tests.builders import moment

    name, *orders = sys.argv[1:]
    for order in orders:
        takeover, _, price = order.partition("=")
        report = FillReport(
            reference=f"{name}-{takeover}", takeover=takeover, quantity=Decimal(10), price=Decimal(price)
        )
        (reported,) = report_fills([report], recorded_at=moment(5))
        sys.stdout.write(f"{takeover} {reported.takeover.result}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
