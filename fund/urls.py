from django.urls import path

from fund.views import cycles, funds, positions, public, traders, transfers

urlpatterns = [
    path("funds/", funds.FundsView.as_view()),
    path("funds/<str:code>/", funds.FundView.as_view()),
    path("funds/<str:code>/rulebooks/", funds.RulebooksView.as_view()),
    path("funds/<str:code>/contributions/", transfers.ContributionsView.as_view()),
    path("funds/<str:code>/absorptions/", transfers.AbsorptionsView.as_view()),
    path("funds/<str:code>/withdrawals/", transfers.WithdrawalsView.as_view()),
    path("funds/<str:code>/withdrawals/<str:reference>/", transfers.WithdrawalView.as_view()),
    path("funds/<str:code>/withdrawals/<str:reference>/approve/", transfers.ApprovalView.as_view()),
    path("funds/<str:code>/withdrawals/<str:reference>/reject/", transfers.RejectionView.as_view()),
    path("funds/<str:code>/cycles/", cycles.CyclesView.as_view()),
    path("funds/<str:code>/positions/", positions.OpenPositionsView.as_view()),
    path("public/estimated-allocation/", public.EstimatedAllocationView.as_view()),
    path("traders/<str:trader>/allocations/<int:cycle_id>/", traders.ExplanationView.as_view()),
    path("cycles/<int:cycle_id>/", cycles.CycleView.as_view()),
    path("cycles/<int:cycle_id>/preview/", cycles.PreviewView.as_view()),
    path("cycles/<int:cycle_id>/settle/", cycles.SettleView.as_view()),
    path("cycles/<int:cycle_id>/allocations/", cycles.AllocationsView.as_view()),
    path("cycles/<int:cycle_id>/positions/", positions.PositionsView.as_view()),
    path("cycles/<int:cycle_id>/positions/complete/", positions.CompletionView.as_view()),
    path("cycles/<int:cycle_id>/positions/discard/", positions.DiscardView.as_view()),
]
