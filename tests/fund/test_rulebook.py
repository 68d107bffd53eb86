"""A rulebook is a preset and the fields that differ, or it is refused field by field."""

import json
from dataclasses import fields as fields_of
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fund.rulebook import (
    DEFAULTS,
    PRESETS,
    AdlQueue,
    AllocationBase,
    AllocationResidue,
    FieldError,
    FundUnpaid,
    Rulebook,
    RulebookRefused,
    SelectionCrossing,
    SelectionTies,
    from_json,
    publish_fields,
    to_json,
)
from tests.fund.rulebooks import rulebook

SCENARIOS = Path(__file__).resolve().parents[3] / "shared" / "scenarios"
SIXTY_FORTY = {"fund": "0.6", "vault": "0.4"}


def refusal_of(preset: str, **fields: object) -> tuple[FieldError, ...]:
    with pytest.raises(RulebookRefused) as refusal:
        publish_fields(preset, fields, decimals=8)
    assert refusal.value.code == "rulebook_refused"
    return refusal.value.errors


def codes(errors: tuple[FieldError, ...]) -> dict[str, str]:
    return {error.field: error.code for error in errors}


def test_every_field_of_a_rulebook_has_a_documented_default() -> None:
    assert {field.name for field in fields_of(Rulebook)} == {"preset", *DEFAULTS}


def test_the_five_documented_venues_are_presets() -> None:
    assert set(PRESETS) == {
        "pre_close_compensation",
        "full_cover",
        "inventory_takeover",
        "shared_loss",
        "penalty_and_vault",
    }


def test_full_cover_pays_the_whole_difference_and_deleverages_when_spent() -> None:
    book = rulebook("full_cover")
    assert book.fund_share == 1
    assert book.traders_share == 0
    assert book.surplus_split == {"fund": 1, "vault": 0, "trader": 0, "fees": 0}
    assert book.adl is not None
    assert (book.adl.trigger, book.adl.queue, book.adl.price) == ("fund_insufficient", "profit_amount", "bankruptcy")
    assert not book.charges_traders


def test_shared_loss_is_the_published_twenty_and_eighty() -> None:
    book = rulebook("shared_loss")
    assert (book.fund_share, book.traders_share) == (Decimal("0.2"), Decimal("0.8"))
    assert book.selection_coverage == Decimal("0.9")
    assert book.selection_crossing is SelectionCrossing.INCLUDE
    assert book.selection_ties is SelectionTies.INCLUDE_ALL
    assert book.allocation_base is AllocationBase.ALL_PROFITABLE
    assert book.allocation_residue is AllocationResidue.FUND_THEN_CARRY
    assert book.allocation_cap == 1
    assert book.adl is None
    assert book.charges_traders


def test_pre_close_compensation_sets_the_whole_fund_aside_unless_it_is_told_otherwise() -> None:
    book = rulebook("pre_close_compensation")
    assert book.precompensation is not None
    assert book.precompensation.per_takeover_cap is None
    assert book.precompensation.share_of_fund == 1
    assert book.adl is not None
    assert book.adl.trigger == "unfilled"


def test_inventory_takeover_may_hold_as_much_as_the_fund_has() -> None:
    book = rulebook("inventory_takeover")
    assert book.inventory is not None
    assert book.inventory.max_notional_share == 1


def test_penalty_and_vault_needs_its_rates() -> None:
    assert codes(refusal_of("penalty_and_vault")) == {
        "penalty_rate": "field_required",
        "surplus_split": "field_required",
    }
    assert rulebook("penalty_and_vault", penalty_rate="0.005", surplus_split=SIXTY_FORTY).surplus_split[
        "vault"
    ] == Decimal("0.4")


def test_an_adl_without_a_trigger_has_the_presets() -> None:
    book = rulebook("full_cover", adl={"queue": "pro_rata"})
    assert book.adl is not None
    assert (book.adl.trigger, book.adl.queue) == ("fund_insufficient", "pro_rata")
    assert codes(refusal_of("shared_loss", adl={"queue": "pro_rata"})) == {"adl.trigger": "field_required"}


def test_an_unknown_preset_is_refused() -> None:
    assert codes(refusal_of("generous")) == {"preset": "preset_unknown"}


def test_every_wrong_field_is_named_at_once() -> None:
    errors = refusal_of(
        "full_cover",
        generosity="1",
        fund_share=1,
        fund_floor="0.000000001",
        fund_unpaid="someone",
        traders_share="1.1",
        vault="a:b",
        adl={"queue": "fastest", "colour": "red"},
        surplus_split={"fund": "0.5", "vault": "0.4"},
        penalty_split={"trader": "1"},
        precompensation="all",
        min_levy_rate="-0.1",
    )
    assert codes(errors) == {
        "generosity": "field_unknown",
        "fund_share": "amount_must_be_string",
        "fund_floor": "amount_precision",
        "fund_unpaid": "value_unknown",
        "traders_share": "value_out_of_range",
        "vault": "value_malformed",
        "adl.queue": "value_unknown",
        "adl.colour": "field_unknown",
        "surplus_split": "value_out_of_range",
        "penalty_split.trader": "field_unknown",
        "precompensation": "value_malformed",
        "min_levy_rate": "value_out_of_range",
    }
    assert all(error.reason for error in errors)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"fund_share": "0.5", "traders_share": "0.6"}, "traders_share"),
        ({"surplus_split": {"trader": "1"}, "injection_cap_rate": "0.01"}, "injection_cap_rate"),
        ({"min_levy_rate": "0.6", "allocation_cap": "0.5"}, "min_levy_rate"),
        ({"selection_coverage": "0"}, "selection_coverage"),
        ({"allocation_cap": "0"}, "allocation_cap"),
        ({"fund_share": "1", "traders_share": "0", "min_levy_rate": "0.01"}, "min_levy_rate"),
        ({"adl": {"trigger": "unfilled", "threshold": "0.3"}}, "adl.threshold"),
        ({"adl": {"trigger": "unfilled", "seed": "s"}}, "adl.seed"),
    ],
)
def test_a_rulebook_that_contradicts_itself_is_refused_with_the_field(fields: dict[str, object], field: str) -> None:
    assert codes(refusal_of("shared_loss", **fields)) == {field: "contradiction"}


def test_a_nested_object_replaces_the_presets_and_optional_ones_can_be_taken_away() -> None:
    book = rulebook(
        "full_cover", adl={"trigger": "drawdown", "queue": "seeded_random", "threshold": "0.3", "seed": "s"}
    )
    assert book.adl is not None
    assert (book.adl.queue, book.adl.threshold, book.adl.seed) == (AdlQueue.SEEDED_RANDOM, Decimal("0.3"), "s")
    assert rulebook("full_cover", adl=None).adl is None


def test_amounts_have_the_currencys_precision_and_rates_their_own() -> None:
    fields = {"fund_floor": "10.50", "injection_cap_rate": "0.00000001"}
    book = publish_fields("full_cover", fields, decimals=2)
    assert (book.fund_floor, book.injection_cap_rate) == (Decimal("10.5"), Decimal("1e-8"))


def test_a_stored_rulebook_is_plain_json_with_every_field() -> None:
    document = to_json(rulebook("penalty_and_vault", penalty_rate="0.005", surplus_split=SIXTY_FORTY))
    assert json.loads(json.dumps(document)) == document
    assert document["surplus_split"] == {"fund": "0.6", "vault": "0.4"}
    assert set(document) == {"preset", *DEFAULTS}


def test_a_version_stored_before_a_field_existed_has_its_default() -> None:
    document = to_json(rulebook("shared_loss"))
    del document["injection_cap_rate"]
    assert from_json(document) == rulebook("shared_loss")


@pytest.mark.parametrize("document", [{}, {"preset": None}, {"preset": "shared_loss", "fund_share": "2"}])
def test_what_is_no_rulebook_is_not_read_as_one(document: dict[str, object]) -> None:
    with pytest.raises(RulebookRefused):
        from_json(document)


RATES = st.integers(0, 1000).map(lambda thousandths: str(Decimal(thousandths) / 1000))


@given(
    fund_share=RATES,
    traders_share=RATES,
    coverage=RATES,
    cap=RATES,
    unpaid=st.sampled_from(FundUnpaid),
    vault=RATES,
    per_event_cap=st.none() | st.decimals(min_value="0.01", max_value=10**30, places=8).map(str),
)
def test_what_is_published_is_read_back_the_same(
    fund_share: str, traders_share: str, coverage: str, cap: str, unpaid: str, vault: str, per_event_cap: str | None
) -> None:
    fields: dict[str, object] = {
        "fund_share": fund_share,
        "traders_share": traders_share,
        "selection_coverage": coverage,
        "allocation_cap": cap,
        "fund_unpaid": unpaid,
        "surplus_split": {"vault": vault, "fund": str(1 - Decimal(vault))},
        "fund_per_event_cap": per_event_cap,
    }
    try:
        book = publish_fields("shared_loss", fields, decimals=8)
    except RulebookRefused as refusal:
        found = {error.code for error in refusal.errors}
    else:
        found = set()
        assert book.fund_share + book.traders_share <= 1
        assert from_json(json.loads(json.dumps(to_json(book)))) == book
    assert found <= {"contradiction"}


def test_every_scenarios_rulebook_can_be_published() -> None:
    """The conformance files of the design, where they lie beside the project."""
    for path in sorted(SCENARIOS.glob("*.json")):
        story = json.loads(path.read_text())
        fields = dict(story["fund"]["rulebook"])
        publish_fields(fields.pop("preset"), fields, decimals=story["currency"]["decimals"])
