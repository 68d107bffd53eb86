from django.urls import path

from liquidation.views import contracts, takeovers

urlpatterns = [
    path("contracts/", contracts.ContractsView.as_view()),
    path("takeovers/", takeovers.TakeoversView.as_view()),
    path("takeovers/<str:reference>/", takeovers.TakeoverView.as_view()),
    path("takeovers/<str:reference>/fills/", takeovers.FillsView.as_view()),
    path("takeovers/<str:reference>/close/", takeovers.CloseView.as_view()),
]
