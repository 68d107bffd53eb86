"""A process that posts to the fund until it is told enough or killed, and says what was acknowledged.

`python -m tests.ledger.poster NAME ENTRIES`: every call posts a few entries between the fund and traders, in changing
order; after the commit their references go to standard output, a line each.
"""

import os
import random
import sys

import django

# Those that move money both ways and meet on the same accounts, so that a wrong order of locks would deadlock.
TRADERS = [f"trader:t{number}:USDT" for number in range(12)]
FUND = "fund:usdt"


def main() -> None:
    from ledger.posting import post
    from tests.builders import move

    name, entries = sys.argv[1], int(sys.argv[2])
    chance = random.Random(name)
    for first in range(0, entries, 5):
        batch = []
        for number in range(first, first + 5):
            sides = [FUND, chance.choice(TRADERS)]
            if number % 2:
                sides = chance.sample(TRADERS, 2)
            chance.shuffle(sides)
            batch.append(move(f"{name}-{number}", "0.01", debited=sides[0], credited=sides[1], kind="fund_payout"))
        chance.shuffle(batch)
        post(batch)
        os.write(sys.stdout.fileno(), "".join(f"{entry.reference}\n" for entry in batch).encode())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main()
