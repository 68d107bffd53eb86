"""Roles: which key may call which method of a view, for which fund, and whose rows it sees."""

from collections.abc import Collection
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ledger.rest.models import ApiKey, Role

ModelT = TypeVar("ModelT", bound=Model)

# Whoever works for the house reads all of it; a trader reads what is his own, where a view lets him.
HOUSE = frozenset({Role.ENGINE, Role.TREASURY, Role.BOOKKEEPER, Role.AUDITOR})
HOUSE_AND_TRADER = HOUSE | {Role.TRADER}


class RolePermission(BasePermission):
    """Holds a view's `roles`, method by method: `{"GET": HOUSE, "POST": {Role.ENGINE}}`.

    Refusals: `key_required` (401), `role_not_allowed`, `fund_not_allowed` (403).
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        key = key_of(request)
        roles: Collection[Role] | None = view.roles.get(method)
        if roles is None:
            # No such method: the view says so itself.
            return True
        if key.role not in roles:
            may = ", ".join(sorted(roles))
            raise PermissionDenied(f"key {key.name} has the role {key.role}; this takes {may}", code="role_not_allowed")
        if key.funds and not view.per_fund:
            raise _fund_not_allowed(key, "what belongs to no fund")
        return True


def key_of(request: Request) -> ApiKey:
    """The request's key. Raises NotAuthenticated `key_required`."""
    if not isinstance(request.auth, ApiKey):
        raise NotAuthenticated("a key is needed: Authorization: Bearer <key>", code="key_required")
    return request.auth


def allow_fund(request: Request, code: str) -> None:
    """Refuse `fund_not_allowed` where the key is for other funds."""
    key = key_of(request)
    if key.funds and code not in key.funds:
        raise _fund_not_allowed(key, code)


def allowed_funds(request: Request) -> Collection[str] | None:
    """The codes of the funds that the key is for; None: every fund."""
    return key_of(request).funds or None


def of_allowed_funds(request: Request, rows: QuerySet[ModelT], *, by: str) -> QuerySet[ModelT]:
    """The rows of the key's funds. `by` is the look-up that leads from a row to the code of its fund."""
    funds = allowed_funds(request)
    return rows if funds is None else rows.filter(**{f"{by}__in": funds})


def allow_trader(request: Request, trader: str) -> None:
    """Refuse `trader_not_allowed` where the key is another trader's."""
    key = key_of(request)
    if key.role == Role.TRADER and key.trader != trader:
        raise PermissionDenied(f"key {key.name} is of trader {key.trader}, not {trader}", code="trader_not_allowed")


def own_trader(request: Request) -> str | None:
    """The trader whose rows alone the key sees, None for the house."""
    key = key_of(request)
    return key.trader if key.role == Role.TRADER else None


def _fund_not_allowed(key: ApiKey, what: str) -> PermissionDenied:
    return PermissionDenied(f"key {key.name} is for {', '.join(key.funds)}, not for {what}", code="fund_not_allowed")
