"""Events and webhooks in the admin: what was told, what was tried, what died and is to be sent again."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ledger.actor import recorded_by
from ledger.admin.books import BookAdmin
from ledger.events import webhooks
from ledger.events.models import Attempt, DeadLetter, Event, Lane, Webhook


@admin.register(Event)
class EventAdmin(BookAdmin[Event]):
    list_display = ["id", "position", "kind", "stream", "occurred_at", "created_at"]
    list_filter = ["kind", "stream"]
    ordering = ["-id"]
    search_fields = ["=position"]
    search_help_text = "The position."
    fieldsets = [(None, {"fields": ["position", "kind", "stream", "data", "occurred_at", "created_at"]})]


@admin.register(Webhook)
class WebhookAdmin(BookAdmin[Webhook]):
    list_display = ["name", "url", "stream", "kinds", "enabled", "disabled_because", "created_by", "created_at"]
    search_fields = ["name__icontains", "url__icontains"]
    fieldsets = [
        (None, {"fields": ["name", "url", "stream", "kinds", "enabled", "disabled_because"]}),
        ("When", {"fields": ["starts_after", "created_by", "created_at"]}),
    ]
    actions = ["switch_on", "switch_off"]

    def has_switch_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "change")

    @admin.action(description="Switch on", permissions=["switch"])
    def switch_on(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        self._switch(request, chosen, enabled=True)

    @admin.action(description="Switch off", permissions=["switch"])
    def switch_off(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        self._switch(request, chosen, enabled=False)

    def _switch(self, request: HttpRequest, chosen: QuerySet[Webhook], *, enabled: bool) -> None:
        for webhook in chosen:
            webhooks.change(webhook, {"enabled": enabled}, at=timezone.now())
            self.log_change(request, webhook, "Switched on." if enabled else "Switched off.")
        self.message_user(request, f"{len(chosen)} webhook(s) switched {'on' if enabled else 'off'}.")


@admin.register(Lane)
class LaneAdmin(BookAdmin[Lane]):
    list_display = ["id", "webhook", "stream", "after", "failures", "due_at"]
    list_filter = ["webhook", "stream"]
    list_select_related = ["webhook"]
    fieldsets = [(None, {"fields": ["webhook", "stream", "after", "failures", "due_at"]})]


@admin.register(Attempt)
class AttemptAdmin(BookAdmin[Attempt]):
    list_display = ["id", "webhook", "event", "number", "at", "delivered", "status", "milliseconds", "answer"]
    list_filter = ["webhook", "delivered"]
    list_select_related = ["webhook", "event"]
    search_fields = ["=event__position"]
    search_help_text = "The event's position."
    fieldsets = [
        (None, {"fields": ["webhook", "event", "number", "at", "delivered", "status", "milliseconds", "answer"]})
    ]


@admin.register(DeadLetter)
class DeadLetterAdmin(BookAdmin[DeadLetter]):
    list_display = ["id", "webhook", "event", "stream", "status", "attempts", "reason", "died_at", "delivered_at"]
    list_filter = ["status", "webhook", "stream"]
    list_select_related = ["webhook", "event"]
    search_fields = ["=event__position"]
    search_help_text = "The event's position."
    fieldsets = [
        (None, {"fields": ["webhook", "event", "stream", "status", "attempts", "reason", "died_at", "delivered_at"]})
    ]
    actions = ["send_again"]

    def has_send_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "change")

    @admin.action(description="Send again", permissions=["send"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[DeadLetter]) -> None:
        """Those that are dead among the chosen ones; what was delivered meanwhile stays as it is."""
        letters = list(chosen.select_related("webhook"))
        sent = 0
        with recorded_by(request.user.get_username()):
            for webhook in {letter.webhook_id: letter.webhook for letter in letters}.values():
                sent += webhooks.replay(webhook, [letter.pk for letter in letters if letter.webhook_id == webhook.pk])
        for letter in letters:
            self.log_change(request, letter, "Sent again.")
        level = messages.SUCCESS if sent else messages.WARNING
        self.message_user(request, f"{sent} of {len(letters)} dead letter(s) are on their way again.", level)
