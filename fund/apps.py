from django.apps import AppConfig


class FundConfig(AppConfig):
    name = "fund"
    verbose_name = "Fund"

    def ready(self) -> None:
        from fund.integrity import allocations_agree, funds_agree, settlements_agree
        from ledger import integrity

        integrity.register("funds", funds_agree)
        integrity.register("settlements", settlements_agree)
        integrity.register("allocations", allocations_agree)
