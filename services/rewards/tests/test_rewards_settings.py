"""The environment of the service: what it may say, and what is refused."""

from decimal import Decimal

import pytest
from octant_chassis.settings import InvalidSettings, load
from octant_protocol.rules import MatchingPercents
from octant_rewards.settings import Settings


def test_settings__of_an_empty_environment__are_automatic_with_the_built_in_percents() -> None:
    settings = load(Settings, {})

    assert settings.snapshots == "auto"
    assert settings.percents == MatchingPercents()


def test_settings__from_the_environment__are_exact() -> None:
    settings = load(
        Settings,
        {
            "SNAPSHOTS": "manual",
            "SNAPSHOT_PATIENCE": "2.5",
            "TR_PERCENT": "0.71",
            "IRE_PERCENT": "0.36",
            "MATCHED_REWARDS_PERCENT": "0.34",
        },
    )

    assert (settings.snapshots, settings.snapshot_patience) == ("manual", 2.5)
    assert settings.percents == MatchingPercents(
        tr=Decimal("0.71"), ire=Decimal("0.36"), mrp=Decimal("0.34")
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("SNAPSHOTS", "sometimes"), ("SNAPSHOT_PATIENCE", "long"), ("TR_PERCENT", "70 %")],
)
def test_settings__that_make_no_sense__name_the_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=name.lower()):
        load(Settings, {name: value})
