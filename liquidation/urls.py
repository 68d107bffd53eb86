from django.urls import path

from liquidation.views import contracts, corrections, fills, public, reports, takeovers, traders, unfilled

urlpatterns = [
    path("entries/<int:entry_id>/reverse/", corrections.ReversalView.as_view()),
    path("contracts/", contracts.ContractsView.as_view()),
    path("takeovers/", takeovers.TakeoversView.as_view()),
    path("takeovers/<str:reference>/", takeovers.TakeoverView.as_view()),
    path("takeovers/<str:reference>/fills/", takeovers.FillsView.as_view()),
    path("takeovers/<str:reference>/close/", takeovers.CloseView.as_view()),
    path("fills/", fills.FillsOfAnyView.as_view()),
    path("takeovers/<str:reference>/receipt/", reports.ReceiptView.as_view()),
    path("traders/<str:trader>/statement/", traders.TraderStatementView.as_view()),
    path("traders/<str:trader>/adl/", traders.StandingsView.as_view()),
    path("takeovers/<str:reference>/unfilled/", unfilled.UnfilledView.as_view()),
    path("takeovers/<str:reference>/adl/", unfilled.DeleveragingsView.as_view()),
    path("funds/<str:code>/inventory/", unfilled.InventoryView.as_view()),
    path("funds/<str:code>/inventory/disposals/", unfilled.DisposalsView.as_view()),
    path("funds/<str:code>/inventory/marks/", unfilled.MarksView.as_view()),
    path("public/insurance-fund/", public.InsuranceFundView.as_view()),
    path("public/insurance-fund/history/", public.HistoryView.as_view()),
    path("public/settlements/", public.SettlementsView.as_view()),
    # Venues' own paths, without the slash that ours end in.
    path("public/binance/fapi/v1/insuranceBalance", public.BinanceView.as_view()),
    path("public/okx/api/v5/public/insurance-fund", public.OkxView.as_view()),
    path("public/bybit/v5/market/insurance", public.BybitView.as_view()),
    path("public/bitmex/api/v1/insurance", public.BitmexView.as_view()),
    path("public/deribit/api/v2/public/get_last_settlements_by_currency", public.DeribitView.as_view()),
    path("public/deribit/api/v2/public/get_last_settlements_by_instrument", public.DeribitInstrumentView.as_view()),
]
