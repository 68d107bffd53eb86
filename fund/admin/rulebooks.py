"""Rulebook versions: read as a table, published through a form that shows what is wrong beside the field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from fund import rulebooks
from fund.admin.rulebook_form import GROUPS, PublishForm, flat, initial_of_preset, place_refusal
from fund.models import Fund, RulebookVersion
from fund.rulebook import PRESETS
from ledger.admin.acting import Action, Done, run
from ledger.admin.books import BookAdmin
from ledger.admin.columns import NONE, list_url, object_url
from ledger.admin.inputs import new_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One term of a version; `before` is the previous version's value where it differs."""

    label: str
    value: str
    meaning: str
    before: str | None
    differs: bool


@admin.register(RulebookVersion)
class RulebookVersionAdmin(BookAdmin[RulebookVersion]):
    list_display = ["version", "fund", "preset", "effective_from", "published_at", "published_by"]
    list_filter = ["fund", "preset"]
    list_select_related = ["fund"]
    fieldsets = [
        (None, {"fields": ["fund", "version", "preset", "effective_from"]}),
        ("Published", {"fields": ["published_at", "published_by", "reference"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        context = {**(extra_context or {}), "groups": table_of(version) if version else {}}
        if version and self.has_add_permission(request):
            context["publish_url"] = publish_url(version.fund)
        return super().change_view(request, object_id, form_url, context)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Start from the version in force or from a preset, change what differs, publish."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        code, preset = request.GET.get("fund", ""), request.POST.get("preset") or request.GET.get("preset")
        fund = Fund.objects.filter(code=code).first() or Fund.objects.first()
        now, user = timezone.now(), request.user.get_username()

        def act(values: Mapping[str, Any]) -> Done:
            version = rulebooks.publish(
                fund_code=values["fund"].code,
                preset=values["preset"],
                fields=values["fields"],
                effective_from=values["effective_from"],
                published_at=now,
                published_by=user,
                reference=values["reference"],
            )
            return Done(f"Rulebook {version} is published.", object_url(version) or "", about=version)

        if preset or fund is None:
            initial = initial_of_preset(preset or "full_cover")
        else:
            in_force = rulebooks.in_force(fund, now)
            initial = {**flat(in_force.fields), "preset": in_force.preset}
        action = Action(
            title="Publish a rulebook",
            button="Publish",
            act=act,
            back=list_url(RulebookVersion),
            form_class=PublishForm,
            initial={
                **initial,
                "fund": fund.code if fund else None,
                "effective_from": now.replace(microsecond=0),
                "reference": new_reference("rulebook", now),
            },
            template="admin/fund/rulebookversion/publish.html",
            context={
                "presets": PRESETS,
                "preset": initial["preset"],
                "start_from": {"fund": fund.code} if fund else {},
                "in_force": None if preset or fund is None else in_force,
            },
            model=RulebookVersion,
            place=place_refusal,
        )
        return run(request, self.admin_site, action)


def table_of(version: RulebookVersion) -> dict[str, list[Row]]:
    """Every term of the version under its heading, beside what the version before it said."""
    previous = RulebookVersion.objects.filter(fund_id=version.fund_id, version=version.version - 1).first()
    values, before = flat(version.fields), flat(previous.fields) if previous else {}
    return {
        title: [
            Row(
                label=term.label,
                value=values.get(term.path, NONE),
                meaning=term.meaning,
                before=before.get(term.path, NONE) if previous else None,
                differs=previous is not None and values.get(term.path) != before.get(term.path),
            )
            for term in terms
            # Of splits and nested objects, only what the version says.
            if "." not in term.path or term.path in values or term.path in before
        ]
        for title, terms in GROUPS.items()
    }


def publish_url(fund: Fund) -> str:
    """The form for the fund's next version."""
    return reverse("admin:fund_rulebookversion_add", query={"fund": fund.code})
