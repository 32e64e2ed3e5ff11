"""The contracts themselves: exact values on the wire, one catalogue, committed documents."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st
from octant_contracts import documents
from octant_contracts.calls import CALLS, Budget, EpochInfo
from octant_contracts.errors import ERRORS, Refusal, render
from octant_contracts.events import BY_SUBJECT, CONSUMES, PRODUCED, SERVICES, Allocated, UqScoreSet
from octant_contracts.values import Address, Hex, Wei, decode, encode

DOCS = Path(__file__).parents[3] / "docs"


@given(st.integers(min_value=-(2**300), max_value=2**300))
def test_wei__of_any_size__travels_as_a_decimal_string_and_returns_exactly(amount: int) -> None:
    data = encode(Budget(Wei(amount)))
    assert data == b'{"budget":"%d"}' % amount
    assert decode(data, Budget).budget == amount


@pytest.mark.parametrize("text", [b'{"budget":12}', b'{"budget":1.5}', b'{"budget":"1.5"}'])
def test_wei__sent_as_anything_but_decimal_text__is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(text, Budget)


@given(st.binary(min_size=20, max_size=20))
def test_address__on_the_wire__is_eip55_text(raw: bytes) -> None:
    event = UqScoreSet(epoch=1, user=Address(raw), score=Decimal("0.01"))
    text = to_checksum_address(raw)
    assert text.encode() in encode(event)
    assert decode(encode(event), UqScoreSet) == event
    assert Address.parse(text.lower()) == raw


def test_hex__on_the_wire__is_lower_case_with_prefix() -> None:
    assert encode(Hex(b"\xab\x01")) == b'"0xab01"'
    assert decode(b'"0xab01"', Hex) == b"\xab\x01"


def test_event__with_an_unknown_field__is_still_read() -> None:
    event = UqScoreSet(epoch=1, user=Address(b"\2" * 20), score=Decimal("1.0"))
    grown = encode(event)[:-1] + b',"later":1}'
    assert decode(grown, UqScoreSet) == event


def test_epoch_info__as_json__has_the_public_names() -> None:
    names = {f.encode_name for f in msgspec.structs.fields(EpochInfo)}
    assert "stakingMatchedReservedForV2" in names
    assert {"vanillaIndividualRewards", "donatedToProjects"} <= names


def test_subjects__of_all_events_and_calls__are_unique() -> None:
    assert len(BY_SUBJECT) == sum(len(kinds) for kinds in PRODUCED.values())
    assert len({call.subject for call in CALLS}) == len(CALLS)
    assert BY_SUBJECT["octant.allocations.v1.allocated"] is Allocated


def test_consumers__in_the_contracts__read_only_what_somebody_produces() -> None:
    assert set(CONSUMES) == set(SERVICES)
    assert all(source in PRODUCED for sources in CONSUMES.values() for source in sources)


@pytest.mark.parametrize("code", ERRORS)
def test_refusal__of_every_code__renders_a_text_without_holes(code: str) -> None:
    details = {
        "user": "0xA", "epoch": 3, "used": 1, "expected": 2, "projects": "[]", "signature": "0x",
        "reason": "because", "limit": 1, "service": "rewards", "what": "It",
        "score": 14.99, "minimum": 15,
    }  # fmt: skip
    status, body, _ = render(Refusal(code, **details))
    assert 400 <= status < 600
    (text,) = body.values()
    assert text
    assert "{" not in text.replace("{'", "")


def test_refusal__of_a_code_nobody_declared__cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        Refusal("NoSuchCode")


def test_documents__committed__are_what_the_contracts_generate(tmp_path: Path) -> None:
    documents.write(tmp_path)
    for name in ("asyncapi.json", "events.md"):
        assert (tmp_path / name).read_text() == (DOCS / name).read_text(), (
            f"docs/{name} is not current: make documents"
        )
