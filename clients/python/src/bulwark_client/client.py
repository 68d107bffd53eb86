"""The client: one service, one key, the calls by their noun."""

from types import TracebackType
from typing import Self

from bulwark_client.resources.cycles import Cycles
from bulwark_client.resources.events import Events, Webhooks
from bulwark_client.resources.funds import Funds, Inventory
from bulwark_client.resources.ledger import Accounts, Currencies, Entries
from bulwark_client.resources.reports import Public, Traders
from bulwark_client.resources.takeovers import Contracts, Fills, Takeovers
from bulwark_client.transport import Retries, Transport

# A settlement of a million positions is the longest answer.
SECONDS_TO_ANSWER = 60.0


class Client:
    """Bulwark at `base_url` (`https://host/api/v1`), with one key; without, only `public` answers.

    Threads may share it. `timeout`: seconds for one try to connect, to send, to answer. Every call that changes
    something carries a reference or an idempotency key, or does nothing the second time, so each is tried again as
    `retries` says; those on webhooks, which show a secret once, are not.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        *,
        timeout: float = SECONDS_TO_ANSWER,
        retries: Retries | None = None,
    ) -> None:
        self._transport = Transport(base_url=base_url, key=key, timeout=timeout, retries=retries or Retries())
        self.currencies = Currencies(self._transport)
        self.accounts = Accounts(self._transport)
        self.entries = Entries(self._transport)
        self.funds = Funds(self._transport)
        self.inventory = Inventory(self._transport)
        self.cycles = Cycles(self._transport)
        self.contracts = Contracts(self._transport)
        self.takeovers = Takeovers(self._transport)
        self.fills = Fills(self._transport)
        self.traders = Traders(self._transport)
        self.events = Events(self._transport)
        self.webhooks = Webhooks(self._transport)
        self.public = Public(self._transport)

    def close(self) -> None:
        """Let the connections go."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
