"""What a score is worth: worked examples, and properties for any of them."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_allocations.__main__ import COMMANDS
from octant_allocations.antisybil import lists
from octant_allocations.antisybil.model import (
    Lists,
    Record,
    Stamp,
    adjusted_score,
    make_record,
)
from octant_allocations.quotients.model import uniqueness_quotient
from octant_allocations.settings import Settings, validate
from octant_chassis.settings import InvalidSettings, Secret, load
from octant_contracts.values import Address
from octant_protocol.numeric import double_text

NOW = 1_700_000_000
USER, GUEST, TIMEOUT = (Address(bytes([n]) * 20) for n in (1, 2, 3))
LISTS = Lists(guests=frozenset([GUEST]), timeouts=frozenset([TIMEOUT]))
WEIGHTS = {
    "SelfStakingBronze": 0.897,
    "SelfStakingSilver": 2.066,
    "SelfStakingGold": 2.7,
    "BeginnerCommunityStaker": 0.673,
    "ExperiencedCommunityStaker": 2.161,
    "TrustedCitizen": 4.009,
}
GUEST_STAMPS = [f"AllowList#Octant{end}" for end in ("Final", "EpochOne", "EpochTwo", "EpochThree")]
providers = st.sampled_from([*WEIGHTS, *GUEST_STAMPS, "Discord", "Google"])
stamps = st.lists(st.builds(Stamp, providers, st.integers(NOW - 2, NOW + 2)), max_size=8)
scores = st.floats(-100, 100)


def record(score: float, *given_stamps: Stamp) -> Record:
    return Record(score=score, stamps=list(given_stamps), expires_at=NOW)


@pytest.mark.parametrize(
    ("user", "score", "stamps", "expected"),
    [
        (USER, 16.123456, [("TrustedCitizen", 1), ("SelfStakingGold", -1)], "12.114456"),
        (GUEST, 3.0, [], "24.0"),
        (GUEST, 3.0, [("AllowList#OctantFinal", 1)], "3.0"),
        (GUEST, 3.0, [("AllowList#OctantFinal", 0)], "24.0"),
        (USER, 100.0, [("BeginnerCommunityStaker", 0)], "99.327"),
        (TIMEOUT, 100.0, [], "0.0"),
        (GUEST, 0.0, [], "21.0"),
        (USER, 7.0, [], "7.0"),
        (USER, 0.0, [("TrustedCitizen", 1)], "-4.009"),
        (USER, 0.0000001, [], "1E-7"),
    ],
    ids=str,
)
def test_score__of_worked_examples__has_the_text_clients_know(user, score, stamps, expected):
    known = record(score, *(Stamp(provider, NOW + after) for provider, after in stamps))
    assert double_text(adjusted_score(user, known, LISTS, NOW)) == expected


def test_score__without_record__is_the_guests_bonus_or_nothing():
    both = Lists(guests=frozenset([GUEST]), timeouts=frozenset([GUEST]))
    assert [adjusted_score(u, None, LISTS, NOW) for u in (USER, GUEST, TIMEOUT)] == [0.0, 21.0, 0.0]
    assert adjusted_score(GUEST, None, both, NOW) == 21.0


@given(scores, stamps)
def test_score__of_anybody__loses_exactly_the_valid_staking_weights(score, found):
    expected = score
    staked = sum(WEIGHTS.get(s.provider, 0) for s in found if s.expires_at >= NOW)
    assert adjusted_score(USER, record(score, *found), LISTS, NOW) == pytest.approx(
        expected - staked, abs=1e-9
    )


@given(scores, stamps)
def test_score__of_a_guest__is_21_more_unless_a_guest_stamp_is_in_it(score, found):
    known = record(score, *found)
    stamped = any(s.provider in GUEST_STAMPS and s.expires_at > NOW for s in found)
    more = adjusted_score(GUEST, known, LISTS, NOW) - adjusted_score(USER, known, LISTS, NOW)
    assert more == pytest.approx(0 if stamped else 21)


@given(scores, stamps)
def test_score__in_time_out__is_nothing(score, found):
    assert adjusted_score(TIMEOUT, record(score, *found), LISTS, NOW) == 0.0


@given(scores, stamps)
def test_record__of_an_answer__keeps_valid_stamps_and_ends_with_the_first(score, found):
    made = make_record(score, found, NOW)
    assert made.stamps == [s for s in found if s.expires_at >= NOW]
    assert made.expires_at == min([s.expires_at for s in made.stamps], default=NOW)
    # What went with the old stamps would not have counted.
    assert adjusted_score(GUEST, made, LISTS, NOW) == adjusted_score(
        GUEST, record(score, *found), LISTS, NOW
    )


@pytest.mark.parametrize(("chain_id", "threshold"), [(1, 15), (11155111, 5), (1337, 5)])
def test_quotient__at_the_threshold_of_the_chain__is_the_highest(chain_id, threshold):
    scale = Settings(chain_id=chain_id).scale

    def text(score: float) -> str:
        return str(uniqueness_quotient(scale, USER, record(score), NOW))

    below = threshold - 0.000001
    assert [text(s) for s in (below, threshold, 27.0)] == ["0.01", "1.0", "1.0"]
    assert text(1.0) == "0.01"
    assert text(14.0) == ("0.01" if chain_id == 1 else "1.0")


def test_lists__of_main_network__are_empty_and_of_others_as_published():
    assert lists.guests_of(1) == lists.timeouts_of(1) == frozenset()
    assert (len(lists.guests_of(1337)), len(lists.timeouts_of(1337))) == (16, 3)
    scale = Settings().scale
    guest = Address.parse("fe8076f61ffe6a01035919a20e8c8afe3dae6d6c")
    timeout = Address.parse("0x689F1A51C177CCE66E3AFDCA4B1DED7721F531F9")
    assert str(uniqueness_quotient(scale, guest, None, NOW)) == "1.0"
    assert str(uniqueness_quotient(scale, timeout, record(100.0), NOW)) == "0.0"
    assert str(uniqueness_quotient(scale, USER, None, NOW)) == "0.01"


def test_settings__from_the_environment__replace_lists_threshold_and_quotients():
    settings = load(
        Settings,
        {
            "GUEST_LIST": f" {USER.text.lower()},{TIMEOUT.text} ",
            "TIMEOUT_LIST": "",
            "UQ_THRESHOLD": "20.5",
            "MAX_UQ_SCORE": "1",
            "LOW_UQ_SCORE": "0.200",
            "NULL_UQ_SCORE": "0.010",
        },
    )
    validate(settings)
    scale = settings.scale
    assert scale.lists == Lists(guests=frozenset([USER, TIMEOUT]), timeouts=frozenset())
    assert scale.threshold == 20.5
    assert [str(q) for q in (scale.highest, scale.low, scale.nothing)] == ["1.0", "0.2", "0.01"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guest_list", "0x12"),
        ("timeout_list", "nobody"),
        ("low_uq_score", "0.005"),
        ("max_uq_score", "2.0"),
        ("null_uq_score", "0.29"),  # 28.999999999999996 hundredths for clients
        ("low_uq_score", "1e-2"),
    ],
)
def test_settings__that_make_no_sense__are_refused_by_name(name, value):
    with pytest.raises(InvalidSettings, match=name.upper()):
        validate(Settings(**{name: value}))


def test_salts__that_everybody_knows__are_refused_on_main_network_only():
    validate(Settings())
    secret = {"delegation_salt": Secret("x"), "delegation_salt_primary": Secret("y")}
    validate(Settings(chain_id=1, **secret))
    defaults = {"delegation_salt": "salt", "delegation_salt_primary": "salt_primary"}
    for name, default in defaults.items():
        for bad in ("", default):
            with pytest.raises(InvalidSettings, match=name.upper()):
                validate(Settings(chain_id=1, **(secret | {name: Secret(bad)})))
    assert "'x'" not in repr(Settings(chain_id=1, **secret).salts)
    assert msgspec.structs.asdict(Settings(**secret).salts) == {"primary": "y", "secondary": "x"}


def test_scores__of_settings__are_decimals_with_a_fraction():
    assert isinstance(Settings().scale.low, Decimal)
    assert str(Settings(low_uq_score="0").scale.low) == "0.0"


@pytest.mark.parametrize("command", ["serve", "check", "migrate"])
def test_service__on_main_network_with_default_salts__does_not_start(command, monkeypatch, capsys):
    for name, value in {
        "DB_URI": "postgresql://nobody@127.0.0.1:1/none",
        "CHAIN_ID": "1",
        "OPERATOR_TOKEN": "sesame",
        "DELEGATION_SALT": "a secret",
    }.items():
        monkeypatch.setenv(name, value)
    assert COMMANDS.run([command]) == 2
    assert "DELEGATION_SALT_PRIMARY must be set on chain id 1" in capsys.readouterr().err
