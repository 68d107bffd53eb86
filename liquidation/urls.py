from django.urls import path

from liquidation.views import contracts, corrections, fills, reports, takeovers, unfilled

urlpatterns = [
    path("entries/<int:entry_id>/reverse/", corrections.ReversalView.as_view()),
    path("contracts/", contracts.ContractsView.as_view()),
    path("takeovers/", takeovers.TakeoversView.as_view()),
    path("takeovers/<str:reference>/", takeovers.TakeoverView.as_view()),
    path("takeovers/<str:reference>/fills/", takeovers.FillsView.as_view()),
    path("takeovers/<str:reference>/close/", takeovers.CloseView.as_view()),
    path("fills/", fills.FillsOfAnyView.as_view()),
    path("takeovers/<str:reference>/receipt/", reports.ReceiptView.as_view()),
    path("traders/<str:trader>/statement/", reports.TraderStatementView.as_view()),
    path("takeovers/<str:reference>/unfilled/", unfilled.UnfilledView.as_view()),
    path("takeovers/<str:reference>/adl/", unfilled.DeleveragingsView.as_view()),
    path("funds/<str:code>/inventory/", unfilled.InventoryView.as_view()),
    path("funds/<str:code>/inventory/disposals/", unfilled.DisposalsView.as_view()),
    path("funds/<str:code>/inventory/marks/", unfilled.MarksView.as_view()),
]
