"""Every operation of the API has an example, and each does what it says."""

import json
import os

import pytest

from tests.api_examples import WRITE, path_of, same, tell, write
from tests.rest import contract

# Pages and probes: nothing to be shown of them.
WITHOUT = ("/api/v1/schema/", "/api/v1/docs/")


@pytest.mark.django_db
def test_every_example_is_answered_as_it_says() -> None:
    if WRITE in os.environ:
        write()
        return
    shown: dict[tuple[str, str], list[object]] = {}
    for told in tell():
        place = (told.app, told.resource)
        if place not in shown:
            shown[place] = json.loads(path_of(*place).read_text())
        example = shown[place].pop(0)
        assert same(told.example, example), (told.example, example, "run: python -m tests.api_examples")
    assert {place: rest for place, rest in shown.items() if rest} == {}


@pytest.mark.django_db
def test_every_operation_shows_an_example_of_its_request_and_its_answer() -> None:
    missing = []
    for path, operations in contract.document()["paths"].items():
        for method, operation in operations.items():
            answers = [body for status, answer in operation["responses"].items() for body in _bodies(status, answer)]
            bodies = list(operation.get("requestBody", {}).get("content", {}).values())
            needed = [answers, bodies] if bodies else [answers]
            if not all(any(body.get("examples") for body in each) for each in needed) and (answers or bodies):
                missing.append(f"{method.upper()} {path}")
    assert missing == []


def _bodies(status: str, answer: dict[str, dict[str, dict[str, object]]]) -> list[dict[str, object]]:
    return list(answer.get("content", {}).values()) if status.startswith("2") else []


def test_answers_that_differ_in_more_than_ids_and_times_are_not_the_same() -> None:
    answer = {"id": 1, "at": "2026-11-21T10:00:00.5Z", "amount": "5", "rows": [{"entry": 4, "taken": None}]}

    assert same(answer, {**answer, "id": 7, "at": "2026-11-22T00:00:00Z", "rows": [{"entry": 9, "taken": None}]})
    others: list[dict[str, object]] = [{"amount": "6"}, {"rows": []}, {"at": "soon"}, {"id": "1"}]
    others.append({"rows": [{"entry": None, "taken": None}]})
    for other in others:
        assert not same(answer, {**answer, **other}), other
    assert not same({"taken_over_at": "2026-01-15T08:30:00Z"}, {"taken_over_at": "2026-01-15T08:30:01Z"})
