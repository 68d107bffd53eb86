from django.urls import path

from ledger.events import views

urlpatterns = [
    path("events/", views.EventsView.as_view()),
]
