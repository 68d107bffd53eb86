"""Every scenario file that there is holds, played through the real functions."""

from pathlib import Path

import pytest
from django.conf import settings

from ledger.integrity import verify
from liquidation.scenario import play, read_story

SHARED = Path(settings.BASE_DIR).parent / "shared"
WORKED_EXAMPLES = Path(settings.BASE_DIR) / "docs" / "worked_examples"
# What each rule of the design comes to, worked out by hand from its words.
STORIES = Path(settings.BASE_DIR) / "tests" / "stories"

FILES = sorted([*SHARED.glob("scenarios/*.json"), *WORKED_EXAMPLES.glob("*.json"), *STORIES.glob("*.json")])


@pytest.mark.django_db
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_story_holds(path: Path) -> None:
    played = play(read_story(path), data=SHARED)

    assert not played.story.unsupported
    assert not [str(difference) for difference in played.differences]
    assert not [str(finding) for finding in verify().findings]
