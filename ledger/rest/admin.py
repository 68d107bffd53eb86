"""Keys of the API: made, shown once, revoked. Superusers alone do it: whoever makes keys could be two persons."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.cache import never_cache

from ledger.admin.acting import Action, Done, run
from ledger.admin.books import BookAdmin
from ledger.admin.columns import list_url, object_url
from ledger.admin.inputs import MomentInput
from ledger.rest import keys
from ledger.rest.models import ApiKey, Role


class KeyForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="Stands in the books as who recorded an entry.")
    role = forms.ChoiceField(choices=Role.choices)
    trader = forms.CharField(max_length=100, required=False, help_text="For the role trader: whose rows it reads.")
    funds = forms.CharField(
        max_length=1000,
        required=False,
        help_text="Codes of the funds it works with, with spaces between; empty: every fund.",
    )
    user = forms.ModelChoiceField(
        User.objects.order_by("username"),
        required=False,
        help_text="The person behind the key: nobody approves an own request, by whichever key.",
    )
    expires_at = MomentInput(required=False, help_text="UTC. Empty: never.")


@admin.register(ApiKey)
class ApiKeyAdmin(BookAdmin[ApiKey]):
    list_display = ["name", "prefix", "role", "state", "trader", "scope", "person", "expires_at", "last_used_at"]
    list_filter = ["role"]
    list_select_related = ["user"]
    search_fields = ["name__icontains", "prefix__startswith", "trader__exact"]
    search_help_text = "Name, the first characters of the key, or the trader's whole name."
    fieldsets = [
        (None, {"fields": ["name", "prefix", "role", "state", "trader", "scope", "person"]}),
        ("When", {"fields": ["created_at", "expires_at", "revoked_at", "last_used_at"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    @admin.display(description="state")
    def state(self, key: ApiKey) -> str:
        if key.is_live(timezone.now()):
            return "live"
        return "revoked" if key.revoked_at else "expired"

    @admin.display(description="funds")
    def scope(self, key: ApiKey) -> str:
        return ", ".join(key.funds) or "every fund"

    @admin.display(description="person")
    def person(self, key: ApiKey) -> str:
        return key.person

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke_view)
        return [path("<int:pk>/revoke/", revoke, name="rest_apikey_revoke"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), "may_revoke": self.may(request, "change")}
        return super().change_view(request, object_id, form_url, context)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a key, and answer with its secret, this once."""
        if not self.has_add_permission(request):
            raise PermissionDenied

        def act(values: Mapping[str, Any]) -> HttpResponse:
            key, secret = keys.create_key(
                **{**values, "role": Role(values["role"]), "funds": values["funds"].replace(",", " ").split()},
                created_at=timezone.now(),
            )
            self.log_addition(request, key, "Made.")
            context = {**self.admin_site.each_context(request), "title": "The key", "key": key, "secret": secret}
            return TemplateResponse(request, "admin/rest/apikey/made.html", {**context, "opts": self.opts})

        action = Action(
            title="Make an API key", button="Make", act=act, back=list_url(ApiKey), form_class=KeyForm, model=ApiKey
        )
        answer: HttpResponse = never_cache(run)(request, self.admin_site, action)
        return answer

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a key at once."""
        if not self.may(request, "change"):
            raise PermissionDenied
        key = get_object_or_404(ApiKey, pk=pk)
        page = object_url(key) or ""

        def act(values: Mapping[str, Any]) -> Done:
            keys.revoke_key(name=key.name, revoked_at=timezone.now())
            return Done(f"Key {key.name} is revoked.", page, about=key)

        action = Action(
            title=f"Revoke key {key.name}",
            button="Revoke",
            act=act,
            back=page,
            template="admin/rest/apikey/revoke.html",
            context={"key": key},
            model=ApiKey,
            dangerous=True,
        )
        return run(request, self.admin_site, action)
