"""The journal in foreign formats, judged by the foreign program where it can be had."""

import csv
import os
import re
import subprocess
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from beancount import loader
from beancount.core import data
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from config.scratch import PROJECT, DatabaseUrls
from ledger.exports import FORMATS, beancount, export, hledger
from ledger.models import Account, Entry, Posting
from ledger.money import plain
from ledger.reversals import reverse
from tests.builders import credit, debit, entry, moment, move, open_accounts, open_currency, post

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,12}", fullmatch=True)
# Names that are near to each other, where a mapping would make two of them the same.
near_names = st.text(alphabet="aAxX2e.-_", min_size=1, max_size=6).filter(lambda text: text[0] not in "._-")


@pytest.fixture
def _book(db: None) -> None:
    """Every kind of account, several currencies, names that look alike, texts that no format likes."""
    open_currency("USDT", decimals=8)
    post(
        move("d1", "1000.5", debited="custody:USDT", credited="trader:ann:USDT", at=moment(5)),
        move("d2", "2000", debited="custody:USDT", credited="trader:Ann:USDT", at=moment(4)),
        move("d3", "0.00000001", debited="custody:USDT", credited="trader:a.b:USDT"),
        move("d4", "3", debited="custody:USDT", credited="trader:a_b:USDT"),
        move("d5", "4", debited="custody:USDT", credited="trader:0xFE@venue+1:USDT"),
        move("c1", "500", debited="treasury:USDT", credited="fund:usdt", kind="fund_contribution"),
        move("s1", "20", debited="fund:usdt", credited="fund:usdt:reserved", kind="reserve"),
        move("v1", "7", debited="engine:USDT", credited="vault:mm:USDT", kind="fund_injection"),
        move("f1", "1.25", debited="engine:USDT", credited="fees:USDT", kind="close_fill"),
        move("t1", "150", debited="trader:ann:USDT", credited="clearing:BTC-PERP:USDT", kind="takeover"),
        move("l1", "40", debited="loss:usdt", credited="engine:USDT", kind="fund_payout", at=moment(90_000)),
        move("y1", "5", debited="deficit:usdt", credited="engine:USDT", kind="deficit_carried"),
        move("h1", "2", debited="house-loss:USDT", credited="deficit:usdt", kind="house_absorbed"),
        move("r1", "0.5", debited="rounding:USDT", credited="fund:usdt", kind="sweep"),
    )
    reverse("d4", reference="d4 reversed", effective_at=moment(200_000), description="typed twice")
    post(
        entry(
            'quote " backslash \\ comma , paren ) semicolon ; percent %',
            debit("custody:USDT", "3"),
            credit("trader:ann:USDT", "1"),
            credit("trader:Ann:USDT", "2"),
            description='two\nlines; a "quote", a \\ and | a bar\tü €',
            source=("takeover", "t,1"),
        )
    )
    post(
        move("jpy", "12345", debited="custody:JPY", credited="trader:ann:JPY"),
        currency=open_currency("JPY", decimals=0),
    )
    wei = open_currency("1inch", decimals=18)
    post(move("wei", "1.000000000000000001", debited="custody:1inch", credited="trader:ann:1inch"), currency=wei)
    for code, decimals in (("uBTC", 6), ("TRUE", 2), ("X", 2)):
        five = move(code.lower(), "5", debited=f"custody:{code}", credited=f"trader:ann:{code}")
        post(five, currency=open_currency(code, decimals=decimals))
    open_accounts("trader:idle:USDT")


def signed_balances() -> dict[str, Decimal]:
    """Debits minus credits of every account, in the sign of the foreign programs."""
    return {account.code: account.debits - account.credits for account in Account.objects.all()}


@pytest.mark.usefixtures("_book")
def test_bean_check_accepts_the_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal.beancount"
    call_command("export", "--format", "beancount", "--output", str(journal))

    bean_check = Path(sys.executable).parent / "bean-check"
    checked = subprocess.run([bean_check, journal], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.usefixtures("_book")
def test_beancount_finds_our_balances() -> None:
    directives, errors, _ = loader.load_string("".join(export("beancount")))

    assert errors == []
    codes = {each.account: each.meta["code"] for each in directives if isinstance(each, data.Open)}
    commodities = {each.currency: each.meta["code"] for each in directives if isinstance(each, data.Commodity)}
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for transaction in (each for each in directives if isinstance(each, data.Transaction)):
        for posting in transaction.postings:
            units = posting.units
            assert units is not None
            assert units.number is not None
            found[codes[posting.account]] += units.number
            assert commodities[units.currency] == Account.objects.get(code=codes[posting.account]).currency_id
    ours = signed_balances()
    assert {code: found[code] for code in ours} == ours
    assert len(codes) == len(ours)
    asserted = {codes[each.account]: each.amount.number for each in directives if isinstance(each, data.Balance)}
    assert asserted == ours


@pytest.mark.usefixtures("_book")
def test_beancount_keeps_reference_kind_and_description_of_each_entry() -> None:
    directives, _, _ = loader.load_string("".join(export("beancount")))

    told = {
        (each.meta["reference"], each.payee, each.narration, datetime.fromisoformat(each.meta["effective"]))
        for each in directives
        if isinstance(each, data.Transaction)
    }
    assert told == set(Entry.objects.values_list("reference", "kind", "description", "effective_at"))


@pytest.mark.usefixtures("_book")
def test_beancount_notices_a_missing_smallest_unit() -> None:
    text = "".join(export("beancount", currency="USDT"))

    _, entry_errors, _ = loader.load_string(text.replace("  1000.50000000 USDT", "  1000.50000001 USDT", 1))
    _, balance_errors, _ = loader.load_string(re.sub(r"0(?= ~ 0 USDT)", "1", text, count=1))

    assert any("does not balance" in error.message for error in entry_errors)
    assert any("Balance failed" in error.message for error in balance_errors)


@given(names, names)
def test_two_names_are_never_one_beancount_account(first: str, second: str) -> None:
    assert (beancount.component(first) == beancount.component(second)) == (first == second)
    assert re.fullmatch(r"[A-Z0-9][A-Za-z0-9-]*", beancount.component(first))


@given(near_names, near_names)
def test_names_that_look_alike_stay_apart_in_beancount(first: str, second: str) -> None:
    assert (beancount.component(first) == beancount.component(second)) == (first == second)
    assert (beancount.commodity_name(first) == beancount.commodity_name(second)) == (first == second)


@given(names)
def test_a_beancount_name_can_be_read_back(name: str) -> None:
    written = beancount.component(name)
    body = re.sub(r"-x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), written.removesuffix("-x"))
    assert (body[0].lower() + body[1:] if written.endswith("-x") else body) == name


@pytest.mark.parametrize(
    ("code", "account"),
    [
        ("custody:USDT", "Assets:Custody:USDT"),
        ("trader:Ann:USDT", "Liabilities:Trader:Ann:USDT"),
        ("trader:ann:USDT", "Liabilities:Trader:Ann-x:USDT"),
        ("trader:a.b:USDT", "Liabilities:Trader:A-x2eb-x:USDT"),
        ("clearing:BTC-PERP:USDT", "Equity:Clearing:BTC-PERP:USDT"),
        ("fund:usdt", "Equity:Fund:Usdt-x"),
        ("fund:usdt:reserved", "Equity:FundReserved:Usdt-x"),
        ("house-loss:USDT", "Expenses:HouseLoss:USDT"),
    ],
)
def test_account_has_a_readable_beancount_name(code: str, account: str) -> None:
    assert beancount.account_name(code) == account


def read_hledger(text: str) -> tuple[dict[str, dict[str, Decimal]], list[str]]:
    """Read the journal as hledger's manual has it, refuse everything else; return final balances and codes.

    Checks what hledger checks: declared accounts and commodities, amounts that sum to zero, assertions (`==`).
    """
    unit = r'([A-Za-z]+|"[^"]+")'
    declared: set[str] = set()
    digits: dict[str, int] = {}
    balances: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
    codes = []
    for paragraph in text.split("\n\n"):
        for line in paragraph.removesuffix("\n").split("\n"):
            if match := re.fullmatch(rf"commodity 1000\.(0*) {unit}", line):
                digits[match[2]] = len(match[1])
            elif match := re.fullmatch(r"account (\S+)(  ; type: [ALERX])?", line):
                declared.add(match[1])
            elif match := re.fullmatch(r"\d{4}-\d\d-\d\d \* (?:\(([^()]+)\) )?([^;]+?)(  ; .+)?", line):
                total: defaultdict[str, Decimal] = defaultdict(Decimal)
                codes.append(match[1] or match[2])
            elif match := re.fullmatch(rf"    (\S+)  (-?\d+(?:\.(\d+))?) {unit}(?: == (-?[\d.]+) {unit})?", line):
                account, commodity = match[1], match[4]
                assert account in declared
                assert len(match[3] or "") == digits[commodity]
                total[commodity] += Decimal(match[2])
                held = balances[account]
                held[commodity] = held.get(commodity, Decimal(0)) + Decimal(match[2])
                if match[5]:
                    assert held == {match[6]: Decimal(match[5])}
            else:
                assert line == "decimal-mark .", line
        if not paragraph.startswith("decimal-mark"):
            assert not any(total.values()), paragraph
    return balances, codes


@pytest.mark.usefixtures("_book")
def test_hledger_journal_reads_back_to_our_balances() -> None:
    balances, codes = read_hledger("".join(export("hledger")))

    ours = {hledger.account_name(code): balance for code, balance in signed_balances().items()}
    assert {account: sum(held.values()) for account, held in balances.items()} == ours
    assert len(codes) == len(set(codes)) == Entry.objects.count() + 1
    assert 'quote " backslash \\ comma %2C paren %29 semicolon %3B percent %25' in codes


@pytest.mark.usefixtures("_book")
def test_csv_has_one_row_a_posting_with_its_plain_amounts() -> None:
    rows = list(csv.DictReader(StringIO("".join(export("csv")))))

    assert [
        (row["reference"], row["account"], row["debit"], row["credit"], row["balance_after"], int(row["version"]))
        for row in rows
    ] == [
        (
            line.entry.reference,
            line.account.code,
            plain(line.debit),
            plain(line.credit),
            plain(line.balance_after),
            line.version,
        )
        for line in Posting.objects.select_related("entry", "account").order_by("id")
    ]


@pytest.mark.usefixtures("_book")
@pytest.mark.parametrize("format_name", sorted(FORMATS))
def test_export_of_one_currency_has_no_other(format_name: str) -> None:
    text = "".join(export(format_name, currency="JPY"))

    assert "12345" in text
    assert "USDT" not in text


@pytest.mark.parametrize("format_name", sorted(FORMATS))
def test_export_of_an_empty_book_is_valid(format_name: str, db: None) -> None:
    text = "".join(export(format_name))

    if format_name == "beancount":
        assert loader.load_string(text)[1] == []
    if format_name == "hledger":
        assert read_hledger(text)[0] == {}


def test_entry_of_the_calendars_last_day_does_not_stop_the_export(db: None) -> None:
    last_day = datetime.max.replace(tzinfo=moment().tzinfo) - timedelta(hours=1)
    post(move("far", "1", debited="custody:USDT", credited="trader:ann:USDT", at=last_day))

    assert loader.load_string("".join(export("beancount")))[1] == []


def test_export_to_a_file_leaves_no_unfinished_one(tmp_path: Path, db: None) -> None:
    post(move("d1", "1", debited="custody:USDT", credited="trader:ann:USDT"))

    call_command("export", "--format", "csv", "--output", str(tmp_path / "journal.csv"))

    assert [path.name for path in tmp_path.iterdir()] == ["journal.csv"]
    assert len((tmp_path / "journal.csv").read_text().splitlines()) == 3


def test_export_of_an_unknown_currency_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="currency DOGE does not exist"):
        call_command("export", "--format", "csv", "--currency", "DOGE")


def test_reader_that_has_seen_enough_ends_the_export_quietly(committed_db: DatabaseUrls) -> None:
    post(*(move(f"d{number}", "1", debited="custody:USDT", credited="trader:ann:USDT") for number in range(2000)))

    exporting = subprocess.Popen(
        [sys.executable, "manage.py", "export", "--format", "csv"],
        cwd=PROJECT,
        env=os.environ | committed_db.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert exporting.stdout is not None
    assert exporting.stdout.readline().startswith(b"entry,reference,")
    exporting.stdout.close()

    assert exporting.stderr is not None
    assert exporting.stderr.read() == b""
    assert exporting.wait() == 0
