"""Digests, signatures, texts and calldata there and back, with eth_account and eth_abi."""

import contextlib
import json
import string

import naive_octant as naive
import pytest
from eth_abi import encode
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_defunct, encode_typed_data
from eth_utils import keccak, to_checksum_address
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol import signatures, wallets
from octant_protocol.address import ZERO_ADDRESS, eip55, parse_address
from octant_protocol.digests import RowsDigest, digest_rows
from octant_protocol.messages import (
    delegation_hashes,
    delegation_text,
    glm_claim_text,
    patron_mode_text,
    terms_of_service_text,
)
from octant_protocol.signatures import MalformedSignature

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
keys = st.integers(1, ORDER - 1).map(lambda key: key.to_bytes(32, "big"))
addresses = st.binary(min_size=20, max_size=20)
words = st.integers(0, 2**256 - 1)
chains = st.sampled_from([1, 1337, 11155111])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
payloads = st.lists(st.tuples(addresses, words), max_size=4)

NAME = {"name": "Octant", "version": "1.0.0"}
ALLOCATION_TYPES = {
    "AllocationPayload": [
        {"name": "allocations", "type": "Allocation[]"},
        {"name": "nonce", "type": "uint256"},
    ],
    "Allocation": [
        {"name": "proposalAddress", "type": "address"},
        {"name": "amount", "type": "uint256"},
    ],
}


def allocation(chain: int, allocations: list[tuple[bytes, int]], nonce: int):
    message = {
        "allocations": [{"proposalAddress": eip55(p), "amount": wei} for p, wei in allocations],
        "nonce": nonce,
    }
    return encode_typed_data(NAME | {"chainId": chain}, ALLOCATION_TYPES, message)


@given(key=keys, chain=chains, allocations=payloads, nonce=words)
def test_allocation__signed_by_eth_account__recovers_here_and_the_other_way_round(
    key: bytes, chain: int, allocations: list[tuple[bytes, int]], nonce: int
) -> None:
    account = Account.from_key(key)
    signable = allocation(chain, allocations, nonce)
    digest = signatures.allocation_digest(chain, allocations, nonce)
    theirs = account.sign_message(signable).signature.to_0x_hex()

    assert eip55(signatures.recover(digest, theirs)) == account.address
    assert signatures.sign_digest(key, digest) == theirs
    assert Account.recover_message(signable, signature=theirs) == account.address


@given(key=keys, text=texts)
def test_text__signed_by_eth_account__recovers_here(key: bytes, text: str) -> None:
    account = Account.from_key(key)
    signature = account.sign_message(encode_defunct(text=text)).signature.to_0x_hex()

    assert eip55(signatures.recover(signatures.personal_digest(text), signature)) == (
        account.address
    )


@given(key=keys, chain=chains, allocations=payloads, nonce=words, other=words)
def test_allocation__anything_changed__is_somebody_else(
    key: bytes, chain: int, allocations: list[tuple[bytes, int]], nonce: int, other: int
) -> None:
    digest = signatures.allocation_digest(chain, allocations, nonce)
    signature = signatures.sign_digest(key, digest)
    signer = signatures.address_of_private_key(key)
    changed = [
        (chain + 1, allocations, nonce),
        (chain, [*allocations, (bytes(20), 0)], nonce),
        (chain, allocations, other),
        (chain, [(p, wei ^ 1) for p, wei in allocations], nonce),
        (chain, allocations[::-1], nonce),
    ]

    for payload in changed:
        same = payload == (chain, allocations, nonce)
        recovered = signatures.recover(signatures.allocation_digest(*payload), signature)
        assert (recovered == signer) is same


@given(chain=chains, text=texts)
def test_glm_claim__any_text__equals_typed_data_encoding(chain: int, text: str) -> None:
    types = {"ClaimGLMPayload": [{"name": "msg", "type": "string"}]}
    signable = encode_typed_data(NAME | {"chainId": chain}, types, {"msg": text})

    assert signatures.glm_claim_digest(chain, text) == _hash_eip191_message(signable)


@given(key=keys, digest=st.binary(min_size=32, max_size=32), v=st.integers(0, 255))
def test_recover__any_v__is_one_of_the_documented_or_refused(
    key: bytes, digest: bytes, v: int
) -> None:
    signature = signatures.sign_digest(key, digest)
    signer = signatures.address_of_private_key(key)
    parity = int(signature[-2:], 16) - 27
    meant = {0: 0, 1: 1, 27: 0, 28: 1}.get(v, (v - 35) % 2 if v >= 35 else None)

    text = f"{signature[:-2]}{v:02x}"
    if meant is None:
        with pytest.raises(MalformedSignature, match=rf"^no signature has v = {v}$"):
            signatures.recover(digest, text)
    elif meant == parity:
        assert signatures.recover(digest, text) == signer
    else:  # the other point, or none at all
        with contextlib.suppress(MalformedSignature):
            assert signatures.recover(digest, text) != signer


@pytest.mark.parametrize(
    ("digest", "signature", "reason"),
    [
        (bytes(31), "0x" + "11" * 65, "a digest has 32 bytes, got 31"),
        (bytes(33), "0x" + "11" * 65, "a digest has 32 bytes, got 33"),
        (bytes(32), "0x" + "11" * 64, "a signature is 65 bytes of hex"),
        (bytes(32), "0x" + "00" * 65, "no key can be recovered from the signature"),
    ],
)
def test_recover__malformed__says_why(digest: bytes, signature: str, reason: str) -> None:
    with pytest.raises(MalformedSignature) as caught:
        signatures.recover(digest, signature)

    assert str(caught.value) == reason


@given(safe=addresses, chain=chains, message=st.binary(max_size=70))
def test_safe_message__any_message__equals_typed_data_encoding(
    safe: bytes, chain: int, message: bytes
) -> None:
    types = {"SafeMessage": [{"name": "message", "type": "bytes"}]}
    contract = {"verifyingContract": eip55(safe)}

    for chain_id, domain in ((chain, contract | {"chainId": chain}), (None, contract)):
        separator = wallets.safe_domain_separator(safe, chain_id)
        signable = encode_typed_data(domain, types, {"message": message})
        assert wallets.safe_message_hash(separator, message) == _hash_eip191_message(signable)


@given(data=st.binary(max_size=100), signature=st.binary(max_size=200))
def test_wallet_calls__any_bytes__equal_their_abi_encoding(data: bytes, signature: bytes) -> None:
    check = keccak(text="isValidSignature(bytes,bytes)")[:4]
    assert wallets.is_valid_signature_call(data, signature) == check + encode(
        ["bytes", "bytes"], [data, signature]
    )
    question = keccak(text="getMessageHash(bytes)")[:4]
    assert wallets.get_message_hash_call(data) == question + encode(["bytes"], [data])
    assert wallets.wallet_signature("0x" + signature.hex()) == signature
    assert wallets.wallet_signature("0x" + signature.hex().upper()) == signature


def test_wallet_signature__malformed__says_why() -> None:
    with pytest.raises(MalformedSignature) as caught:
        wallets.wallet_signature("0x1")

    assert str(caught.value) == "a wallet signature is 0x-prefixed hex of whole bytes"


@given(returned=st.binary(max_size=40))
def test_accepts_signature__any_answer__is_one_word_with_the_magic_value(returned: bytes) -> None:
    magic = bytes.fromhex("20c13b0b")
    for answer in (returned, magic + returned):
        valid = len(answer) >= 32 and answer.startswith(magic)
        assert wallets.accepts_signature(answer) is valid


@pytest.mark.parametrize("length", [0, 1, 22, 23, 24, 60])
@pytest.mark.parametrize("start", ["", "ef0100", "ef0101", "60"])
def test_is_plain_account__any_code__is_empty_or_a_delegation(length: int, start: str) -> None:
    code = (bytes.fromhex(start) + b"\x11" * 60)[:length]

    plain = length == 0 or (length == 23 and start == "ef0100")
    assert signatures.is_plain_account(code) is plain


@given(primary=addresses, secondary=addresses, salts=st.tuples(texts, texts))
def test_delegation_hashes__any_salts__are_of_the_plain_concatenation(
    primary: bytes, secondary: bytes, salts: tuple[str, str]
) -> None:
    one = salts[0] + to_checksum_address(primary)
    two = salts[1] + to_checksum_address(secondary)

    hashes = delegation_hashes(primary, secondary, primary_salt=salts[0], secondary_salt=salts[1])

    assert (hashes.primary, hashes.secondary) == (naive.sha256(one), naive.sha256(two))
    assert hashes.both == naive.sha256(one + two)


@given(one=addresses, two=addresses, glm=st.integers(0, 10**9), rest=st.integers(0, 10**17))
def test_texts__any_address__are_the_documented_ones(
    one: bytes, two: bytes, glm: int, rest: int
) -> None:
    first, second = to_checksum_address(one), to_checksum_address(two)

    assert delegation_text(one, two) == f"Delegation of UQ score from {second} to {first}"
    # All GLM there is; a double may round up what is just below the next whole one.
    assert glm_claim_text(glm * 10**18 + rest) == f"Claim {glm} GLMs"
    for on, verb in ((True, "enable"), (False, "disable")):
        assert patron_mode_text(one, on) == (
            f"Signing this message will {verb} patron mode for address {first}."
        )
    assert terms_of_service_text(one).split("\n") == [
        "Welcome to Octant.",
        "Please click to sign in and accept the Octant Terms of Service.",
        "",
        "Signing this message will not trigger a transaction.",
        "",
        "Your address",
        first,
    ]


@given(address=addresses, case=st.sampled_from([str.lower, str.upper, str]))
def test_parse_address__any_case_with_or_without_prefix__is_the_address(
    address: bytes, case
) -> None:
    digits = case(to_checksum_address(address)[2:])

    assert parse_address(digits) == parse_address("0x" + digits) == address
    assert parse_address("0X" + digits) == address


def test_zero_address__its_text__has_forty_zeros() -> None:
    assert eip55(ZERO_ADDRESS) == "0x" + "0" * 40


cells = st.one_of(st.integers(), st.binary(max_size=5), st.text(max_size=5))


@given(rows=st.lists(st.lists(cells, max_size=4), max_size=4))
def test_rows_digest__any_rows__is_of_their_documented_text(rows: list[list]) -> None:
    def written(cell: object) -> str:
        if isinstance(cell, bytes):
            return "0x" + "".join(f"{byte:02x}" for byte in cell)
        return json.dumps(cell) if isinstance(cell, str) else f"{cell:d}"

    text = "".join("|".join(map(written, row)) + "\n" for row in rows)
    digest = RowsDigest()
    for number, row in enumerate(rows):
        assert digest.count == number
        digest.add(row)

    assert digest.hexdigest() == digest_rows(rows) == naive.sha256(text)
    assert set(digest.hexdigest()) <= set(string.hexdigits.lower())


@pytest.mark.parametrize(
    ("cell", "kind"), [(True, "bool"), (None, "NoneType"), (0.5, "float"), ([], "list")]
)
def test_rows_digest__cell_of_another_type__says_which(cell: object, kind: str) -> None:
    with pytest.raises(TypeError) as caught:
        digest_rows([[1, cell]])

    assert str(caught.value) == f"a cell must be int, bytes or str, got {kind}"
