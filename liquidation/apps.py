from django.apps import AppConfig


class LiquidationConfig(AppConfig):
    name = "liquidation"
    verbose_name = "Liquidation"

    def ready(self) -> None:
        from ledger import integrity
        from liquidation.integrity import fills_agree, losses_agree, takeovers_agree

        integrity.register("takeovers", takeovers_agree)
        integrity.register("fills", fills_agree)
        integrity.register("losses", losses_agree)
