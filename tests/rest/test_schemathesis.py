"""The live server against its own schema: schemathesis makes up requests, valid and not, with each role's key.

Every check it has is on; `schemathesis.toml` says what it is told beyond the schema, and why. Here it makes a few
requests an operation; `make contract` makes many, of every kind it knows.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.utils import timezone

from config import serve
from config.installation import PROJECT
from config.scratch import DatabaseUrls
from ledger.rest.keys import create_key
from ledger.rest.models import Role
from tests.config.test_serve import answers, free_port
from tests.config.users import wait_until
from tests.rest.venue import open_venue

CONFIG = PROJECT / "tests" / "rest" / "schemathesis.toml"
NOBODY = ""


@pytest.fixture
def port(committed_db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server with something in every list."""
    for name, value in committed_db.environment().items():
        monkeypatch.setenv(name, value)
    open_venue(3)
    made = free_port()
    with serve.running({"web": serve.web(made)}):
        wait_until(lambda: answers(made))
        yield made


def examined(port: int, secret: str) -> str:
    """What schemathesis has to complain of, with this key or without one; empty where it is content."""
    examples = os.environ.get("CONTRACT_EXAMPLES")
    how = ["--max-examples", examples] if examples else ["--max-examples", "2", "--phases", "examples,fuzzing"]
    key = ["--header", f"Authorization: Bearer {secret}"] if secret else []
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
            *("run", f"http://{serve.HOST}:{port}/api/v1/schema/", "--no-color", "--continue-on-failure"),
            # How long data take to make says nothing on a machine that others use.
            *("--suppress-health-check", "all", *how, *key),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    # 0: it found nothing. What it found is in its output.
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_no_answer_to_any_role_is_outside_the_schema(port: int) -> None:
    secrets: dict[str, str] = {NOBODY: ""}
    for role in Role:
        trader = "ann" if role is Role.TRADER else ""
        _, secrets[role] = create_key(name=f"{role}'s", role=role, trader=trader, created_at=timezone.now())

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(secrets, pool.map(lambda secret: examined(port, secret), secrets.values()), strict=True))

    complaints = "".join(f"{whose or 'nobody'}:\n{said}" for whose, said in found.items() if said)
    if complaints:
        # Whole: what stands at its end is the request to make again.
        pytest.fail(complaints, pytrace=False)
