"""The whole check of a signed allocation against a bare coincurve recover."""

from coincurve import PublicKey
from measure import microseconds, report
from octant_protocol.signatures import (
    address_of_private_key,
    allocation_digest,
    recover,
    sign_digest,
)

KEY = bytes(range(1, 33))
ITEMS = [(bytes([i]) * 20, 10**18 + i) for i in range(1, 6)]


def main() -> None:
    digest = allocation_digest(1, ITEMS, 7)
    signature = sign_digest(KEY, digest)
    raw = bytes.fromhex(signature[2:])
    compact = raw[:64] + bytes([raw[64] - 27])
    expected = address_of_private_key(KEY)

    def floor() -> None:
        PublicKey.from_signature_and_message(compact, digest, hasher=None)

    def ours() -> None:
        assert recover(allocation_digest(1, ITEMS, 7), signature) == expected

    report("signature check, 5 projects", microseconds(floor, 2000), microseconds(ours, 2000))


main()
