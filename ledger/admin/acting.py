"""Actions of a person on the books: a page that says what will happen, one call of the domain, the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from ledger.actor import recorded_by
from ledger.errors import Refused


@dataclass(frozen=True, slots=True)
class Done:
    """What an action answers: a sentence for the person, and the page that shows the result.

    `about`: the row in whose history the sentence stands, with who it was; the index tells people their latest ones.
    """

    message: str
    url: str
    warning: bool = False
    about: Model | None = None


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action. `act` makes the one call of the domain, from the form's values, and may raise Refused.

    It answers with a page to go on to, or with a response of its own, where that must not be asked for again.
    """

    title: str
    button: str
    act: Callable[[Mapping[str, Any]], Done | HttpResponse]
    back: str
    form_class: type[forms.Form] = forms.Form
    initial: Mapping[str, Any] = field(default_factory=dict)
    template: str = "admin/ledger/action.html"
    context: Mapping[str, Any] = field(default_factory=dict)
    model: type[Model]
    dangerous: bool = False
    # Puts a refusal beside the inputs that it is about; returns whether it did.
    place: Callable[[forms.Form, Refused], bool] | None = None


def run(request: HttpRequest, site: AdminSite, action: Action) -> HttpResponse:
    """Show the action's page, or, when it is sent, act in the name of the user."""
    form = action.form_class(request.POST if request.method == "POST" else None, initial=dict(action.initial))
    if request.method == "POST" and form.is_valid():
        try:
            with recorded_by(request.user.get_username()):
                done = action.act(form.cleaned_data)
        except Refused as refused:
            if not (action.place and action.place(form, refused)):
                messages.error(request, f"Refused ({refused.code}): {refused.detail}")
        else:
            if isinstance(done, HttpResponse):
                return done
            if done.about is not None:
                site.get_model_admin(type(done.about)).log_change(request, done.about, done.message)
            (messages.warning if done.warning else messages.success)(request, done.message)
            return HttpResponseRedirect(done.url)
    context = {
        **site.each_context(request),
        "title": action.title,
        "opts": action.model._meta,
        "action": action,
        "form": form,
        "media": form.media,
        **action.context,
    }
    return TemplateResponse(request, action.template, context)
