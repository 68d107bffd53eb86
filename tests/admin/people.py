"""People with a login, what a page shows them, and what it answers."""

import html
import re
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client

from tests.builders import balances

PASSWORD = "a long enough password"


def person(name: str, group: str | None = None, *, superuser: bool = False) -> User:
    """A person of the staff, in one of the groups."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, is_superuser=superuser)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def logged_in(name: str, group: str | None = None, *, superuser: bool = False) -> Client:
    """The person's browser."""
    client = Client()
    client.force_login(person(name, group, superuser=superuser))
    return client


def text_of(response: Any) -> str:
    """What a person reads on the page: no markup, runs of white space as one."""
    assert response.status_code == 200, (response.status_code, response.get("Location"))
    content = re.sub(r"(?s)<(script|style|svg|option)\b.*?</\1>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", content)))


def read(client: Client, url: str, **query: str) -> str:
    """What the person reads at this address."""
    return text_of(client.get(url, query))


def send(client: Client, url: str, **values: str) -> str:
    """Send a form and read the page that follows."""
    return text_of(client.post(url, values, follow=True))


def send_and_be_refused(client: Client, url: str, *, code: str, **values: str) -> str:
    """Send a form that the books do not take: the page names the code, and no balance moves."""
    before = balances()
    answer = send(client, url, **values)
    assert code in answer
    assert balances() == before
    return answer
