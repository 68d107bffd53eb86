"""How many examples a property has that plays whole stories on the database."""

from hypothesis import settings

# Of the examples that a property on plain values has: nightly a quarter, on any other day a tenth.
NIGHTLY, OTHERWISE = 4, 10


def on_the_books() -> settings:
    """Settings of such a property, after the profile that the run was started with."""
    name = settings.get_current_profile_name()
    profile = settings.get_profile(name)
    return settings(profile, max_examples=max(profile.max_examples // (NIGHTLY if name == "nightly" else OTHERWISE), 1))
