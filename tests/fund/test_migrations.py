"""Migrations that move rows: nothing is lost on the way, nor on the way back."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from config.scratch import DatabaseUrls, scratch_database, urls_of_environment

ROOT = Path(__file__).resolve().parents[2]
POSITIONS = """
INSERT INTO fund_openposition (fund_id, position, trader, contract, side, quantity, entry_price, mark_price, margin)
SELECT 1, 'p' || n, 't' || n, 'X-PERP', CASE n % 2 WHEN 0 THEN 'long' ELSE 'short' END, n, 100.5, 100 + n,
       CASE WHEN n % 3 > 0 THEN -n END
  FROM generate_series(1, 7) n
"""
HELD = """
SELECT fund_id, position, trader, contract, side, quantity, entry_price, mark_price, margin, wallet, quantity_float,
       entry_float, mark_float, move_float, margin_float, wallet_float
  FROM fund_openposition
 ORDER BY id
"""
RULES = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'fund_openposition'::regclass
 UNION ALL
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'fund_openposition'
 UNION ALL
SELECT grantee, privilege_type FROM information_schema.role_table_grants WHERE table_name = 'fund_openposition'
 ORDER BY 1, 2
"""


def migrate_to(name: str, urls: DatabaseUrls) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "fund", name, "--verbosity=0"],
        cwd=ROOT,
        env={**os.environ, **urls.environment()},
        check=True,
    )


def test_open_positions_stay_when_their_columns_are_put_in_another_order() -> None:
    with scratch_database(urls_of_environment()) as urls:
        with psycopg.connect(urls.service) as service:
            service.execute(POSITIONS)
        with psycopg.connect(urls.owner) as owner:
            held, rules = owner.execute(HELD).fetchall(), owner.execute(RULES).fetchall()

        migrate_to("0015", urls)
        with psycopg.connect(urls.owner) as owner:
            assert owner.execute(HELD).fetchall() == held
        migrate_to("0016", urls)

        with psycopg.connect(urls.owner) as owner:
            assert owner.execute(HELD).fetchall() == held
            assert owner.execute(RULES).fetchall() == rules
        with psycopg.connect(urls.service) as service:
            assert service.execute("DELETE FROM fund_openposition").rowcount == len(held) == 7
