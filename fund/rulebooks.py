"""Rulebook versions of a fund: published, found by time, read."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache

import orjson
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from fund import errors, events
from fund.models import Fund, RulebookVersion
from fund.rulebook import Rulebook, from_json, publish_fields, to_json
from ledger import accounts, chart
from ledger.events.recording import record

# The first version of a fund holds for whatever the fund is told of, however long ago it happened.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def publish(
    *,
    fund_code: str,
    preset: str,
    fields: Mapping[str, object],
    effective_from: datetime | None,
    published_at: datetime,
    published_by: str,
    reference: str | None = None,
) -> RulebookVersion:
    """Publish the fund's next version, in force from `effective_from` or from now on; once, where it has a reference.

    Of two versions that start at the same moment the later one holds. What has happened names the version that it ran
    under, and keeps it. Raises NotFound `fund_unknown`; RulebookRefused; ReferenceReused.
    """
    fund = Fund.objects.select_related("currency").filter(code=fund_code).first()
    if fund is None:
        raise errors.fund_unknown(fund_code)
    rulebook = publish_fields(preset, fields, decimals=fund.currency.decimals)
    if reference is not None and (known := _replay(reference, fund, rulebook, effective_from)):
        return known

    accounts.open_missing([chart.vault(rulebook.vault, fund.currency_id)], currency=fund.currency_id)
    try:
        with transaction.atomic():
            Fund.objects.select_for_update(no_key=True).get(pk=fund.pk)
            newest = RulebookVersion.objects.filter(fund=fund).order_by("-version").first()
            version = RulebookVersion.objects.create(
                fund=fund,
                version=newest.version + 1 if newest else 1,
                preset=preset,
                fields=to_json(rulebook),
                effective_from=effective_from or published_at,
                published_at=published_at,
                published_by=published_by,
                reference=reference,
            )
            record([events.of_rulebook(version, fund)])
            return version
    except IntegrityError:
        # Somebody else was faster with the same reference.
        if reference is not None and (known := _replay(reference, fund, rulebook, effective_from)):
            return known
        raise


def in_force(fund: Fund, at: datetime) -> RulebookVersion:
    """The version that holds for what happens at `at`: the newest of those that have started."""
    version = started(fund, at).first()
    assert version is not None, f"fund {fund.code} has no rulebook at {at}: its first holds from {BEGINNING}"
    return version


def started(fund: Fund, at: datetime) -> QuerySet[RulebookVersion]:
    """The fund's versions that have started by `at`, the one in force first; none before BEGINNING."""
    versions = RulebookVersion.objects.filter(fund=fund, effective_from__lte=at)
    return versions.order_by("-effective_from", "-version")


def all_in_force(fund_ids: Collection[int], at: datetime) -> list[RulebookVersion]:
    """`in_force` of several funds, in one query."""
    started = RulebookVersion.objects.filter(fund__in=fund_ids, effective_from__lte=at)
    return list(started.order_by("fund_id", "-effective_from", "-version").distinct("fund_id"))


def named(fund: Fund, name: str) -> Rulebook:
    """The rulebook of this name: a number is a version of the fund's own, anything else a preset as it comes.

    Raises NotFound `rulebook_unknown`; RulebookRefused where the preset leaves fields to whoever uses it.
    """
    if not (name.isascii() and name.isdigit()):
        return publish_fields(name, {}, decimals=fund.currency.decimals)
    version = RulebookVersion.objects.filter(fund=fund, version=int(name) if len(name) < 10 else 0).first()
    if version is None:
        raise errors.rulebook_unknown(fund.code, name)
    return load(version)


def load(version: RulebookVersion) -> Rulebook:
    """What the version says."""
    return _read(orjson.dumps(version.fields, option=orjson.OPT_SORT_KEYS))


@lru_cache(maxsize=1024)
def _read(fields: bytes) -> Rulebook:
    """Cached by content: a process may see several databases whose versions share ids."""
    return from_json(orjson.loads(fields))


def _replay(reference: str, fund: Fund, rulebook: Rulebook, effective_from: datetime | None) -> RulebookVersion | None:
    known = RulebookVersion.objects.filter(reference=reference).select_related("fund").first()
    if known is None:
        return None
    stated = effective_from or known.effective_from
    if (known.fund_id, known.fields, known.effective_from) != (fund.pk, to_json(rulebook), stated):
        elsewhere = known.fund_id != fund.pk
        what = "a rulebook of another fund" if elsewhere else f"another rulebook, {known}"
        raise errors.reference_reused(reference, what)
    return known
