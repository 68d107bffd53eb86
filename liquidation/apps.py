from django.apps import AppConfig


class LiquidationConfig(AppConfig):
    name = "liquidation"
    verbose_name = "Liquidation"

    def ready(self) -> None:
        from fund import whatif
        from ledger import integrity
        from liquidation.integrity import fills_agree, losses_agree, takeovers_agree
        from liquidation.whatif import outcomes

        integrity.register("takeovers", takeovers_agree)
        integrity.register("fills", fills_agree)
        integrity.register("losses", losses_agree)
        whatif.register(outcomes)
