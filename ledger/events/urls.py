from django.urls import path

from ledger.events import views

urlpatterns = [
    path("events/", views.EventsView.as_view()),
    path("webhooks/", views.WebhooksView.as_view()),
    path("webhooks/<int:webhook_id>/", views.WebhookView.as_view()),
    path("webhooks/<int:webhook_id>/rotate/", views.RotateView.as_view()),
    path("webhooks/<int:webhook_id>/replay/", views.ReplayView.as_view()),
]
