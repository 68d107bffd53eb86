"""Profits of a cycle and the venue's open positions over REST: JSON, NDJSON and CSV."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from fund.models import CyclePosition
from ledger.rest.models import Role
from tests.fund.builders import open_cycle, open_fund
from tests.rest.api import client, every_row, post, problem_of, refused_get, refused_post, send

pytestmark = pytest.mark.django_db
CSV, NDJSON = "text/csv", "application/x-ndjson"


@pytest.fixture
def engine() -> APIClient:
    open_fund("shared_loss")
    return client(Role.ENGINE)


@pytest.fixture
def positions(engine: APIClient) -> str:
    return f"/cycles/{open_cycle(1).pk}/positions/"


def position(name: str = "p1", **more: Any) -> dict[str, Any]:
    return {"position": name, "trader": "bob", "contract": "BTC-PERP", "profit": "500.5", **more}


def held() -> list[tuple[str, str, str, str]]:
    rows = CyclePosition.objects.order_by("position").values_list("position", "trader", "contract", "profit")
    return [(position, trader, contract, str(profit)) for position, trader, contract, profit in rows]


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (CSV, b"position,trader,contract,profit\np1,bob,BTC-PERP,500.5\np2,sue,,-3\n"),
        (f"{CSV}; charset=utf-8", b"position,trader,profit,contract\r\np1,bob,500.5,BTC-PERP\r\np2,sue,-3,\r\n"),
        (
            NDJSON,
            (
                b'{"position":"p1","trader":"bob","contract":"BTC-PERP","profit":"500.5"}\n'
                b'{"position":"p2","trader":"sue","profit":"-3"}'
            ),
        ),
    ],
)
def test_positions_are_streamed_in(engine: APIClient, positions: str, media_type: str, body: bytes) -> None:
    response = send(engine, positions, body, media_type)

    assert (response.status_code, response.json()) == (201, {"added": 2, "replayed": 0})
    assert held() == [("p1", "bob", "BTC-PERP", "500.5"), ("p2", "sue", "", "-3")]
    again = send(engine, positions, body, media_type)
    assert (again.status_code, again.json()) == (200, {"added": 0, "replayed": 2})


@pytest.mark.parametrize("wrap", [lambda rows: {"items": rows}, lambda rows: rows], ids=["items", "list"])
def test_positions_come_as_json_too(engine: APIClient, positions: str, wrap: Any) -> None:
    post(engine, positions, wrap([position(), position("p2", contract="", profit="-3")]))

    assert held() == [("p1", "bob", "BTC-PERP", "500.5"), ("p2", "bob", "", "-3")]


def test_single_position_is_a_body_of_its_own(engine: APIClient, positions: str) -> None:
    post(engine, positions, position())

    assert len(held()) == 1


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ([position(profit=5)], "amount_must_be_string", "/items/0/profit"),
        ([position(), position("p2", size="1")], "field_unknown", "/items/1/size"),
        ({"items": "p1"}, "list_expected", "/items"),
        ({}, "list_expected", "/items"),
    ],
)
def test_malformed_json_positions_are_refused(
    engine: APIClient, positions: str, body: Any, code: str, pointer: str
) -> None:
    document = refused_post(engine, positions, body, status=422, code=code)

    assert [error["pointer"] for error in document["errors"]] == [pointer]
    assert held() == []


@pytest.mark.parametrize(
    ("media_type", "body", "code"),
    [
        (CSV, b"", "positions_malformed"),
        (CSV, b"position,trader\np1,bob\n", "positions_columns"),
        (CSV, b"position,trader,profit\np1,bob,1e5\n", "amount_malformed"),
        (CSV, b"position,trader,profit\np1,bob\n", "positions_malformed"),
        (NDJSON, b'{"position":"p1","trader":"bob","profit":5}', "amount_must_be_string"),
        (NDJSON, b'{"position":"p1","trader":"bob","profit":"5","x":"y"}', "positions_malformed"),
        (NDJSON, b"[1]", "positions_malformed"),
    ],
)
def test_malformed_stream_is_refused_as_a_whole(
    engine: APIClient, positions: str, media_type: str, body: bytes, code: str
) -> None:
    problem_of(send(engine, positions, body, media_type), status=422, code=code)
    assert held() == []


@pytest.mark.parametrize("media_type", [CSV, NDJSON])
def test_stream_that_was_cut_off_is_not_taken_for_whole(engine: APIClient, positions: str, media_type: str) -> None:
    whole = {
        CSV: b"position,trader,profit\np1,bob,5\np2,sue,12.5\n",
        NDJSON: b'{"position":"p1","trader":"bob","profit":"5"}\n{"position":"p2","trader":"sue","profit":"12.5"}\n',
    }[media_type]
    body = whole[: whole.index(b"p2") - 1] if media_type == CSV else whole[: whole.index(b"\n") + 1]

    response = send(engine, positions, body, media_type, CONTENT_LENGTH=str(len(whole)))

    problem_of(response, status=400, code="body_cut_off")
    assert held() == []


def test_other_content_of_a_known_position_is_refused(engine: APIClient, positions: str) -> None:
    post(engine, positions, [position()])

    refused_post(engine, positions, [position(profit="1")], status=409, code="reference_reused")


def test_complete_positions_are_checked_and_frozen(engine: APIClient, positions: str) -> None:
    post(engine, positions, [position(), position("p2", profit="-3")])
    path = f"{positions}complete/"
    refused_post(engine, path, {"count": 3, "total": "497.5"}, status=409, code="positions_count_mismatch")
    refused_post(engine, path, {"count": 2, "total": "497"}, status=409, code="positions_total_mismatch")
    refused_post(engine, path, {"count": 2, "total": 497.5}, status=422, code="amount_must_be_string")

    frozen = post(engine, path, {"count": 2, "total": "497.50"}, status=200)

    assert (frozen["positions_count"], frozen["positions_profit"]) == (2, "497.5")
    assert post(engine, path, {"count": 2, "total": "497.5"}, status=200) == frozen
    refused_post(engine, positions, [position("p3")], status=409, code="positions_frozen")


@pytest.mark.parametrize("path", ["", "complete/"])
def test_positions_of_an_unknown_cycle_are_not_found(engine: APIClient, path: str) -> None:
    body = {"count": 0, "total": "0"} if path else [position()]
    refused_post(engine, f"/cycles/987654321/positions/{path}", body, status=404, code="cycle_unknown")


OPEN = "/funds/usdt/positions/"


def open_position(name: str = "q1", **more: Any) -> dict[str, Any]:
    terms = {
        "trader": "sue",
        "contract": "X",
        "side": "short",
        "quantity": "4",
        "entry_price": "130",
        "mark_price": "100",
    }
    return {"position": name, **terms, **more}


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (CSV, b"position,trader,contract,side,quantity,entry_price,mark_price,margin\nq1,sue,X,short,4,130,100,\n"),
        (
            NDJSON,
            (
                b'{"position":"q1","trader":"sue","contract":"X","side":"short","quantity":"4","entry_price":"130",'
                b'"mark_price":"100","margin":null}\n'
            ),
        ),
        (
            "application/json",
            (
                b'{"items":[{"position":"q1","trader":"sue","contract":"X","side":"short","quantity":"4",'
                b'"entry_price":"130","mark_price":"100"}]}'
            ),
        ),
        ("application/json", b'{"rows":[["q1","sue","X","short","4","130","100"]]}'),
    ],
)
def test_open_positions_replace_those_that_were_known(engine: APIClient, media_type: str, body: bytes) -> None:
    send(engine, OPEN, b'[["old","ann","X","long","1","1","1"]]', "application/json", method="PUT")

    response = send(engine, OPEN, body, media_type, method="PUT")

    assert (response.status_code, response.json()) == (200, {"count": 1})
    assert every_row(engine, OPEN) == [{**open_position(), "margin": None, "wallet": None}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([open_position(quantity=4)], "amount_must_be_string"),
        ([open_position(quantity="0")], "positions_malformed"),
        ([open_position(side="up")], "positions_malformed"),
        ([open_position(side="shorty")], "positions_malformed"),
        ([open_position(contract="")], "positions_malformed"),
        ([open_position(), open_position()], "position_repeated"),
        ([open_position(colour="red")], "positions_malformed"),
        ([["q1", "sue"]], "positions_malformed"),
        (["q1"], "positions_malformed"),
    ],
)
def test_malformed_open_positions_leave_what_was_known(engine: APIClient, body: Any, code: str) -> None:
    engine.put(f"/api/v1{OPEN}", [open_position("kept")], format="json")

    response = engine.put(f"/api/v1{OPEN}", body, format="json")

    problem_of(response, status=422, code=code)
    assert [row["position"] for row in every_row(engine, OPEN)] == ["kept"]


def test_position_that_stands_twice_is_pointed_at_by_its_row(engine: APIClient) -> None:
    body = [open_position("q1"), open_position("q2"), open_position("q1")]
    response = engine.put(f"/api/v1{OPEN}", body, format="json")

    document = problem_of(response, status=422, code="position_repeated")
    assert [error["pointer"] for error in document["errors"]] == ["/items/2/position"]


def test_open_positions_of_an_unknown_fund_are_not_found(engine: APIClient) -> None:
    refused_get(engine, "/funds/nope/positions/", status=404, code="fund_unknown")
    response = engine.put("/api/v1/funds/nope/positions/", [], format="json")
    problem_of(response, status=404, code="fund_unknown")


def test_a_wrong_upload_is_discarded_and_another_one_comes_in(engine: APIClient, positions: str) -> None:
    post(engine, positions, position(profit="999"))
    assert post(engine, f"{positions}discard/", None, status=200) == {"discarded": 1}
    post(engine, positions, position())

    (row,) = every_row(engine, positions, trader="bob")
    assert (row["position"], row["profit"], row["opened_at"]) == ("p1", "500.5", None)
    assert every_row(engine, positions, trader="sue") == []


def test_positions_of_a_settled_cycle_are_not_discarded(engine: APIClient, positions: str) -> None:
    post(engine, positions, position())
    post(engine, f"{positions}complete/", {"count": 1, "total": "500.5"}, status=200)
    post(client(Role.BOOKKEEPER), positions.replace("positions/", "settle/"), None, status=200)

    refused_post(engine, f"{positions}discard/", None, status=409, code="cycle_settled")

    assert len(held()) == 1
