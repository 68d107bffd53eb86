from django.apps import AppConfig


class RestConfig(AppConfig):
    name = "ledger.rest"
    label = "rest"
    verbose_name = "Access to the API"

    def ready(self) -> None:
        # The schema's extensions register themselves by being imported.
        from ledger.rest import schema, throttles  # noqa: F401

        throttles.check_rates()
