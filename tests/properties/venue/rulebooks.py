"""The fund's rulebooks, one after the other."""

from datetime import datetime

from fund import rulebooks
from fund.rulebook import Rulebook
from tests.properties.model import FUND
from tests.properties.rulebooks import Published
from tests.properties.venue.books import Books


class Rulebooks(Books):
    """The fund is opened with the first; whatever happens goes by the one in force then."""

    def __init__(self, *, decimals: int, published: Published) -> None:
        super().__init__(decimals=decimals, published=published)
        self.versions: list[tuple[datetime, Rulebook]] = [(rulebooks.BEGINNING, published.rulebook(decimals))]

    def in_force(self, at: datetime) -> Rulebook:
        started = [version for since, version in self.versions if since <= at]
        return started[-1]

    def publish(self, published: Published) -> None:
        reference, at = self._reference("r"), self.now

        def event() -> object:
            return rulebooks.publish(
                fund_code=FUND,
                preset=published.preset,
                fields=published.fields,
                effective_from=at,
                published_at=at,
                published_by="treasurer",
                reference=reference,
            )

        self.tell(event, lambda model: None)
        self.versions.append((at, published.rulebook(self.decimals)))
