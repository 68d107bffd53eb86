"""Any rulebook can be published, kept and read again."""

import json

from hypothesis import given
from hypothesis import strategies as st

from fund.rulebook import from_json, to_json
from tests.properties.rulebooks import Published, rulebooks


@given(rulebooks(), st.integers(0, 18))
def test_a_rulebook_that_is_kept_reads_as_it_was_published(published: Published, decimals: int) -> None:
    rulebook = published.rulebook(decimals)
    assert from_json(json.loads(json.dumps(to_json(rulebook)))) == rulebook
