"""Requests that a hostile or broken client may send, with the status each must get."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from e2e.client import allocation_body
from octant_devnet import seed
from octant_devnet.people import Person

JSON = "application/json"


@dataclass(frozen=True)
class Bad:
    """A request body, the status it must get, and a part of the answer."""

    name: str
    content: bytes
    status: int
    says: str
    content_type: str | None = JSON


def bad_allocations(person: Person, nonce: int) -> Iterator[Bad]:
    """Each differs in one thing from a body that would be accepted."""
    good = allocation_body(person, [(seed.seeded_projects()[0].address, 1)], nonce)
    yield from _signatures(good)
    yield from _amounts(good)
    yield from _nonces(good, nonce)
    yield from _shapes(good)
    yield from _addresses(good)
    yield from _bytes(json.dumps(good).encode())


def _signatures(good: dict[str, Any]) -> Iterator[Bad]:
    right: str = good["signature"]
    wrong = {
        "empty": "",
        "prefix only": "0x",
        "one byte": "0x12",
        "odd digits": right[:-1],
        "64 bytes": right[:-2],
        "66 bytes": right + "00",
        "not hex": "0x" + "zz" * 65,
        "blanks around": f" {right} ",
        "zeros": "0x" + "00" * 65,
        "ones": "0x" + "ff" * 65,
        "v of 2": right[:-2] + "02",
        "v of 29": right[:-2] + "1d",
        "other digits": right[:2] + "".join(chr(0x660 + int(c, 16) % 10) for c in right[2:]),
        "no character": right[:-2] + "\0\0",
        "a smile": "😀" * 65,
        "markup": "'; DROP TABLE users; --<script>",
        "format": "{user.__class__}%s%n",
        "40 kB": "0x" + "ab" * 20_000,
        "somebody else's": allocation_body(seed.seeded_people()[1], [], 0)["signature"],
    }
    for name, signature in wrong.items():
        yield _changed(f"signature: {name}", good, 400, "is invalid", signature=signature)
    for value in (None, 1, True, [], {}, [right]):
        yield _changed(f"signature: {value!r:.20}", good, 422, "signature", signature=value)
    surrogate = json.dumps(good | {"signature": "\ud800"}).encode()
    yield Bad("signature: half a pair", surrogate, 422, "signature")
    # Fits the limit of bodies, not that of messages on the bus.
    yield _changed("signature: 600 kB", good, 413, "send less", signature="0x" + "a" * 600_000)


def _amounts(good: dict[str, Any]) -> Iterator[Bad]:
    project = good["payload"]["allocations"][0]["proposalAddress"]
    unfit = [-1, "-1", 1.5, "1.5", "1e3", "0x10", "", " ", "abc", "١x", None, [], {}, [1]]
    unfit += [2**256, str(2**256), 10**4000, -(10**100), 1e308, "9" * 5000, "NaN", "Infinity"]
    for amount in unfit:
        items = [{"proposalAddress": project, "amount": amount}]
        name = f"amount: {str(amount)[:20]!r}"
        yield _changed_payload(name, good, 422, "amount", allocations=items)
    # Above every budget, and above the sum that fits.
    for amount in (10**30, 2**255, 2**256 - 1, str(2**256 - 1)):
        items = [{"proposalAddress": project, "amount": amount}]
        name = f"amount: {str(amount)[:20]}"
        yield _changed_payload(name, good, 400, "more funds than", allocations=items)
    items = [{"proposalAddress": p.address, "amount": 2**256 - 1} for p in seed.seeded_projects()]
    yield _changed_payload("amounts: all gigantic", good, 400, "more funds", allocations=items)


def _nonces(good: dict[str, Any], nonce: int) -> Iterator[Bad]:
    for value in (nonce + 1, 2**31, 2**63, 2**64, 2**256, 10**100, str(2**256)):
        name = f"nonce: {str(value)[:20]}"
        yield _changed_payload(name, good, 400, "wrong value of nonce", nonce=value)
    for value in (-1, "-1", -(2**256), 0.5, "0.5", "x", "", None, [], {}, "9" * 5000):
        yield _changed_payload(f"nonce: {str(value)[:20]!r}", good, 422, "nonce", nonce=value)


def _shapes(good: dict[str, Any]) -> Iterator[Bad]:
    for key in good:
        missing = {k: v for k, v in good.items() if k != key}
        yield Bad(f"without {key}", json.dumps(missing).encode(), 422, "Field required")
        yield _changed(f"{key} null", good, 422, key, **{key: None})
    for payload in (1, "x", [], {}, True, [good["payload"]], json.dumps(good["payload"])):
        yield _changed(f"payload: {str(payload)[:20]}", good, 422, "payload", payload=payload)
    for items in (None, 1, "x", {}, [None], [1], ["x"], [[]], [{}], {"0": {}}):
        name = f"allocations: {str(items)[:20]}"
        yield _changed_payload(name, good, 422, "allocations", allocations=items)
    yield _changed_payload("no allocations", good, 400, "empty or zeroed", allocations=[])
    for flag in (2, "perhaps", [], {}, 0.5):
        yield _changed(f"flag: {flag}", good, 422, "isManuallyEdited", isManuallyEdited=flag)
    (item,) = good["payload"]["allocations"]
    yield _changed_payload("twice", good, 400, "duplicated", allocations=[item, item])
    many = [item] * 1500
    yield _changed_payload("1,500 times", good, 400, "duplicated", allocations=many)
    yield _changed_payload("9,000 times", good, 413, "send less", allocations=[item] * 9000)


def _addresses(good: dict[str, Any]) -> Iterator[Bad]:
    unfit = ["", "0x", "0x12", "zz" * 20, "0x" + "1" * 41, 1, None, [], "\0" * 40, "😀" * 40]
    for address in unfit:
        name = f"address: {str(address)[:12]!r}"
        yield _changed(f"user {name}", good, 422, "userAddress", userAddress=address)
        items = [{"proposalAddress": address, "amount": 1}]
        yield _changed_payload(f"project {name}", good, 422, "proposalAddress", allocations=items)
    nobody = "0x" + "12" * 20
    stranger = good | {"userAddress": nobody}
    yield _changed_payload("user: unknown", stranger, 404, "have a budget", nonce=0)
    items = [{"proposalAddress": nobody, "amount": 1}]
    yield _changed_payload("project: unknown", good, 400, "not valid", allocations=items)


def _bytes(good: bytes) -> Iterator[Bad]:
    """What is no JSON, or no JSON of ours."""
    broken = {
        "cut off": good[:-1],
        "half": good[: len(good) // 2],
        "more after it": good + b"}",
        "two of it": good + good,
        "single quotes": good.replace(b'"', b"'"),
        "NaN": good.replace(b'"amount": "1"', b'"amount": NaN'),
        "Infinity": good.replace(b'"amount": "1"', b'"amount": -Infinity'),
        "1e999": good.replace(b'"amount": "1"', b'"amount": 1e999'),
        "5,000 digits": good.replace(b'"amount": "1"', b'"amount": ' + b"9" * 5000),
        "deep lists": b"[" * 400_000 + b"]" * 400_000,
        "deep objects": b'{"payload":' * 80_000 + b"1" + b"}" * 80_000,
        "not UTF-8": good.replace(b"0x", b"\xff\xfe", 1),
        "overlong UTF-8": good.replace(b"0x", b"\xc0\xaf", 1),
        "random bytes": bytes(range(256)),
        "compressed": gzip.compress(good),
        "a zero byte": good + b"\0",
    }
    for name, content in broken.items():
        yield Bad(name, content, 422, "json_invalid")
    for content in (b"", b"null", b"  null "):
        yield Bad(f"body: {content!r}", content, 422, '"missing"')
    for content in (b"[]", b"{}", b"1", b"true", b'"x"', b"[" + good + b"]", b"-0.0"):
        yield Bad(f"body: {content[:12]!r}", content, 422, "detail")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", "x", "*/*"):
        yield Bad(f"content type {kind}", good, 422, "model_attributes_type", kind)
    # Of a key given twice the last counts.
    for pair, status, says in (
        (b'"signature": "0x12"', 400, "is invalid"),
        (b'"payload": null', 422, "payload"),
        (b'"userAddress": "0x"', 422, "userAddress"),
    ):
        yield Bad(f"twice {pair!r}", good[:-1] + b", " + pair + b"}", status, says)
    yield Bad("1 MB and a byte", good.ljust(1_000_001), 413, "send less")
    yield Bad("5 MB", b"x" * 5_000_000, 413, "send less")


def _changed(name: str, good: dict[str, Any], status: int, says: str, **changes: Any) -> Bad:
    content = json.dumps(good | changes, ensure_ascii=False).encode()
    return Bad(name, content, status, says)


def _changed_payload(
    name: str, good: dict[str, Any], status: int, says: str, **changes: Any
) -> Bad:
    return _changed(name, good, status, says, payload=good["payload"] | changes)


def bad_patron_modes() -> Iterator[Bad]:
    for signature in ("", "0x", "0x12", "zz", "0x" + "00" * 65, "0x" + "ff" * 65, "\0", "😀"):
        content = json.dumps({"signature": signature}).encode()
        yield Bad(f"patron: {signature[:8]!r}", content, 400, "is invalid")
    for content in (b"{}", b"[]", b'{"signature": null}', b'{"signature": 1}', b"null", b"", b"{"):
        yield Bad(f"patron: {content!r}", content, 422, "detail")
    large = json.dumps({"signature": "0x" + "a" * 600_000}).encode()
    yield Bad("patron: 600 kB", large, 413, "send less")
    yield Bad("patron: over 1 MB", b"[" * 1_000_001, 413, "send less")


# Path values that cannot be, by parameter, and those that merely match nothing.
IMPOSSIBLE = {
    "choice": ("ToS", "%20", "%00", "-1", "tos ", "😀", "0", "a" * 5000),
    "epoch": (
        *("abc", "1.5", "1e3", "0x10", "NaN", "-", "--1", "%20", "%00", "1%00", "9" * 4999, "null"),
        *(str(2**31), str(-(2**31) - 1), str(2**63), str(10**30), "😀", "1;DROP TABLE epochs"),
    ),
    "address": (
        *(
            "0x",
            "0x12",
            "zz" * 20,
            "1" * 39,
            "1" * 41,
            "0x" + "1" * 41,
            "0x" + "g" * 40,
            "%00" * 40,
        ),
        *("null", "-1", "😀" * 40, "0x" + "1" * 5000, "'; DROP TABLE users; --"),
    ),
}
UNKNOWN = {
    "epoch": ("-1", "0", "-2147483648", "2147483647", "77777", "+5", "007"),
    "address": ("0x" + "00" * 20, "ff" * 20, "0X" + "12" * 20),
    "choice": ("tos", "allocation"),
}
