"""The OpenAPI document, and the pages that show it."""

from pathlib import Path

import pytest
from django.core.management import call_command

from tests.rest.api import stranger

pytestmark = pytest.mark.django_db


def test_schema_is_valid_and_nothing_in_it_is_guessed(tmp_path: Path) -> None:
    written = tmp_path / "schema.yaml"

    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(written))

    assert "openapi: 3.1.0" in written.read_text()


def test_everybody_may_read_the_schema() -> None:
    document = stranger().get("/api/v1/schema/").json()

    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "/api/v1/entries/" in document["paths"]


def test_amounts_are_strings_in_the_schema() -> None:
    schemas = stranger().get("/api/v1/schema/").json()["components"]["schemas"]

    assert schemas["Account"]["properties"]["balance"]["type"] == "string"


def test_every_operation_says_what_its_refusals_look_like() -> None:
    document = stranger().get("/api/v1/schema/").json()

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            content = answers["default"]["content"]
            assert content["application/problem+json"]["schema"]["$ref"].endswith("/Problem"), (method, path)
            assert "401" in answers or not operation.get("security"), (method, path)


def test_docs_name_no_foreign_host() -> None:
    for address in ("/api/v1/docs/", "/api/v1/docs/?script="):
        response = stranger().get(address, headers={"Accept": "*/*"})
        assert response.status_code == 200
        page = response.content.decode()
        assert "//" not in page.replace("://testserver", "").replace("// ", ""), page
