"""Addresses, digests and signer recovery, checked against eth_account and eth_utils."""

import contextlib
import re

import pytest
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_defunct, encode_typed_data
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.address import eip55, parse_address
from octant_protocol.digests import RowsDigest, digest_rows
from octant_protocol.messages import delegation_text, glm_claim_text, terms_of_service_text
from octant_protocol.signatures import (
    ALLOCATION_TYPE_HASH,
    DOMAIN_TYPE_HASH,
    PAYLOAD_TYPE_HASH,
    MalformedSignature,
    address_of_private_key,
    allocation_digest,
    domain_separator,
    is_plain_account,
    patron_mode_text,
    personal_digest,
    recover,
    sign_digest,
)
from octant_protocol.wallets import (
    OLD_SAFE_DOMAIN_TYPE_HASH,
    SAFE_DOMAIN_TYPE_HASH,
    SAFE_MESSAGE_TYPE_HASH,
    accepts_signature,
    wallet_signature,
)

KEY = bytes.fromhex("9af9c16e913d692e688a73fc20c74fa6b4bf785cd861a6c62094ad60a77f7211")
ALICE = bytes.fromhex("b32398833cf0a132a22104d8746a027a34a47269")
FIRST = bytes.fromhex("c9de43fe03ae48e8f7245671d1bc8acab030a98f")
SECOND = bytes.fromhex("d6dec5863a4180ef5fe45f542f9f20ffd8f6f657")
DIGEST = bytes.fromhex("553a87b999a46b7e09a3830ea2464e33cdb419d7251eb348e1ea60bf7895b388")
SIGNATURE = (
    "0x627a5b7ff7e2dadff791353049de76e7410d01da996fbb24dd6ad93835cb95ad"
    "1829874903300f2a072dd526d6f010f4fcea49c7d8838ac5d9b5f669e91ec5211b"
)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_ADDRESSES = st.binary(min_size=20, max_size=20)
_DIGESTS = st.binary(min_size=32, max_size=32)
_KEYS = st.integers(1, ORDER - 1).map(lambda key: key.to_bytes(32, "big"))


@pytest.mark.parametrize(
    ("type_hash", "text"),
    [
        (DOMAIN_TYPE_HASH, "c2f8787176b8ac6bf7215b4adcc1e069bf4ab82d9ab1df05a57a91d425935b6e"),
        (
            ALLOCATION_TYPE_HASH,
            "249ffee1d0bdcd4d691eecc7df6556579d96c4bd36a9e84f1e82edb3ef0f9c32",
        ),
        (PAYLOAD_TYPE_HASH, "4f221278eae67b15b0a4d9c96e3623d12b2b2679d56ea794bc9426c1c1723f53"),
        (
            SAFE_MESSAGE_TYPE_HASH,
            "60b3cbf8b4a223d68d641b3b6ddf9a298e7f33710cf3d3a9d1146b5a6150fbca",
        ),
        (
            SAFE_DOMAIN_TYPE_HASH,
            "47e79534a245952e8b16893a336b85a3d9ea9fa8c573f3d803afb92a79469218",
        ),
        (
            OLD_SAFE_DOMAIN_TYPE_HASH,
            "035aff83d86937d35b32e04f0ddc6ff469290eef2f1b692d8a815c89404d4749",
        ),
        (
            domain_separator(1),
            "18fc0980cd4452ba57c97777426f01df704c51eb9113c79f9ffc6c6532152d2f",
        ),
        (
            domain_separator(11155111),
            "87462816d3ce26286129036604ae47e7db475b98fd0b888bb1c4f27467e6a5db",
        ),
        (
            domain_separator(1337),
            "b974db44e0825da6626b2b36ff7024be40174762ed10c28b3e72f37778e7e7f4",
        ),
    ],
)
def test_type_hashes__documented_values__match(type_hash: bytes, text: str) -> None:
    assert type_hash.hex() == text


def test_allocation__documented_example__signs_and_recovers() -> None:
    digest = allocation_digest(11155111, [(FIRST, 100), (SECOND, 200)], 1)

    assert digest == DIGEST
    assert sign_digest(KEY, digest) == SIGNATURE
    assert recover(digest, SIGNATURE) == ALICE


@given(
    chain_id=st.sampled_from([1, 1337, 11155111]),
    allocations=st.lists(st.tuples(_ADDRESSES, st.integers(0, 2**256 - 1)), max_size=8),
    nonce=st.integers(0, 2**256 - 1),
)
def test_allocation_digest__any_payload__equals_typed_data_encoding(
    chain_id: int, allocations: list[tuple[bytes, int]], nonce: int
) -> None:
    signable = encode_typed_data(
        {"name": "Octant", "version": "1.0.0", "chainId": chain_id},
        {
            "AllocationPayload": [
                {"name": "allocations", "type": "Allocation[]"},
                {"name": "nonce", "type": "uint256"},
            ],
            "Allocation": [
                {"name": "proposalAddress", "type": "address"},
                {"name": "amount", "type": "uint256"},
            ],
        },
        {
            "allocations": [
                {"proposalAddress": eip55(project), "amount": amount}
                for project, amount in allocations
            ],
            "nonce": nonce,
        },
    )

    assert allocation_digest(chain_id, allocations, nonce) == _hash_eip191_message(signable)


@pytest.mark.parametrize(("amount", "nonce"), [(2**256, 0), (-1, 0), (0, -1), (0, 2**256)])
def test_allocation_digest__beyond_a_word__raises(amount: int, nonce: int) -> None:
    with pytest.raises(OverflowError):
        allocation_digest(1, [(FIRST, amount)], nonce)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_personal_digest__any_text__equals_eth_account(text: str) -> None:
    assert personal_digest(text) == _hash_eip191_message(encode_defunct(text=text))


@given(key=_KEYS, digest=_DIGESTS)
def test_recover__own_signature__gives_the_signer(key: bytes, digest: bytes) -> None:
    signature = sign_digest(key, digest)
    signer = recover(digest, signature)

    assert signer == address_of_private_key(key)
    assert eip55(signer) == Account.from_key(key).address


@pytest.mark.parametrize(
    "text",
    [
        SIGNATURE[2:],
        "0X" + SIGNATURE[2:],
        "0x" + SIGNATURE[2:].upper(),
        SIGNATURE[:-2] + "00",
        SIGNATURE[:-2] + "23",
        SIGNATURE[:-2] + "25",
    ],
)
def test_recover__other_encodings__are_accepted(text: str) -> None:
    assert recover(DIGEST, text) == ALICE


def test_recover__high_s__is_accepted() -> None:
    high = ORDER - int(SIGNATURE[66:130], 16)

    assert recover(DIGEST, f"{SIGNATURE[:66]}{high:064x}1c") == ALICE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "zzzz",
        " " + SIGNATURE,
        SIGNATURE + "\n",
        SIGNATURE[:-1],
        SIGNATURE[:-2],
        SIGNATURE + "00",
        "0x" + "00" * 65,
        "0x" + "ff" * 64 + "1b",
        *(f"{SIGNATURE[:-2]}{v:02x}" for v in (2, 25, 26, 29, 34)),
    ],
)
def test_recover__malformed_text__raises(text: str) -> None:
    with pytest.raises(MalformedSignature):
        recover(DIGEST, text)


@given(
    text=st.one_of(
        st.text(max_size=140),
        st.text("0123456789abcdefABCDEFxX", min_size=128, max_size=134),
        st.binary(min_size=65, max_size=65).map(lambda raw: "0x" + raw.hex()),
    ),
    digest=st.binary(max_size=40),
)
def test_recover__arbitrary_text__raises_nothing_else(text: str, digest: bytes) -> None:
    with contextlib.suppress(MalformedSignature):
        assert len(recover(digest, text)) == 20


@given(address=_ADDRESSES)
def test_eip55__any_address__equals_eth_utils(address: bytes) -> None:
    assert eip55(address) == to_checksum_address(address)
    assert parse_address(eip55(address)) == address


def test_eip55__wrong_length__raises() -> None:
    with pytest.raises(ValueError, match="20 bytes"):
        eip55(b"\0" * 19)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0x12", "Unknown format '0x12', attempted to normalize to '0x12'"),
        ("12", "Unknown format '12', attempted to normalize to '0x12'"),
        ("0XAB", "Unknown format '0XAB', attempted to normalize to '0xab'"),
        ("", "Unknown format '', attempted to normalize to '0x'"),
        ("xyz", "when sending a str, it must be a hex string. Got: 'xyz'"),
        ("0x" + "g" * 40, f"when sending a str, it must be a hex string. Got: '0x{'g' * 40}'"),
    ],
)
def test_parse_address__bad_text__raises_the_known_text(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_address(text)


@given(text=st.one_of(st.text(max_size=45), st.text("0123456789abcdefABCDEFxX", max_size=44)))
def test_parse_address__arbitrary_text__answers_like_eth_utils(text: str) -> None:
    try:
        expected = to_checksum_address(text)
    except ValueError as error:
        with pytest.raises(ValueError, match=f"^{re.escape(str(error))}$"):
            parse_address(text)
    else:
        assert eip55(parse_address(text)) == expected


def test_texts__documented_forms__match() -> None:
    address = "0xB32398833CF0A132a22104D8746a027A34A47269"

    assert patron_mode_text(ALICE, True) == (
        f"Signing this message will enable patron mode for address {address}."
    )
    assert patron_mode_text(ALICE, False) == (
        f"Signing this message will disable patron mode for address {address}."
    )
    assert len(terms_of_service_text(ALICE).encode()) == 193
    assert terms_of_service_text(ALICE).count("\n") == 6
    assert delegation_text(ALICE, FIRST).endswith(f"to {address}")
    assert glm_claim_text(1000 * 10**18) == "Claim 1000 GLMs"


@pytest.mark.parametrize(
    ("code", "plain"),
    [
        ("", True),
        ("6080604052", False),
        ("ef0100" + "ab" * 20, True),
        ("ef0100" + "ab" * 21, False),
        ("ef0101" + "ab" * 20, False),
    ],
)
def test_is_plain_account__code__tells_wallets_apart(code: str, plain: bool) -> None:
    assert is_plain_account(bytes.fromhex(code)) is plain


@pytest.mark.parametrize("text", ["", "ab", "0Xab", "0xa", "0xzz", " 0xab", "0xab\n"])
def test_wallet_signature__malformed_text__raises(text: str) -> None:
    with pytest.raises(MalformedSignature):
        wallet_signature(text)


@pytest.mark.parametrize(
    ("returned", "valid"),
    [
        ("20c13b0b" + "00" * 28, True),
        ("1626ba7e" + "00" * 28, False),
        ("", False),
        ("20c13b0b", False),
    ],
)
def test_accepts_signature__returned_word__must_be_the_magic_value(
    returned: str, valid: bool
) -> None:
    assert accepts_signature(bytes.fromhex(returned)) is valid


_CELLS = st.one_of(st.integers(), st.binary(max_size=5), st.text(max_size=5))
_ROWS = st.lists(st.lists(_CELLS, max_size=4), max_size=4)


@given(left=_ROWS, right=_ROWS)
def test_digest_rows__different_rows__differ(left: list[list[object]], right: list[list[object]]):
    same = [[(type(cell), cell) for cell in row] for row in left] == [
        [(type(cell), cell) for cell in row] for row in right
    ]

    assert (digest_rows(left) == digest_rows(right)) is same


def test_digest_rows__rows_one_by_one__equal_the_whole() -> None:
    rows = [(1, b"\x01", "1.0"), (2, b"", "a|b\n")]
    digest = RowsDigest()
    for row in rows:
        digest.add(row)

    assert digest.hexdigest() == digest_rows(rows)
    assert digest.count == 2


@pytest.mark.parametrize("cell", [True, None, 1.5])
def test_digest_rows__cell_of_another_type__raises(cell: object) -> None:
    with pytest.raises(TypeError):
        digest_rows([[cell]])
