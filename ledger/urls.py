from django.urls import path

from ledger import views

urlpatterns = [
    path("currencies/", views.CurrenciesView.as_view()),
    path("accounts/", views.AccountsView.as_view()),
    path("accounts/<str:code>/", views.AccountView.as_view()),
    path("accounts/<str:code>/statement/", views.StatementView.as_view()),
    path("accounts/<str:code>/balance/", views.BalanceView.as_view()),
    path("entries/", views.EntriesView.as_view()),
    path("entries/<int:entry_id>/", views.EntryView.as_view()),
    path("trial-balance/", views.TrialBalanceView.as_view()),
]
