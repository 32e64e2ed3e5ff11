"""Who is on the guest and the time-out list of a chain, unless the settings name others."""

from octant_contracts.values import Address

MAINNET = 1

_TEST_GUESTS = """
0xfe8076f61ffe6a01035919a20e8c8afe3dae6d6c 0x80f9e65b8a4b896993c2f306f56743c7d5cfc214
0x9b479432155c96c664a9f40fcb3a4ae0abc20920 0x825c523c9e4269f4d671aeb4f7ff7fc3f8545aae
0x4e36e39779d539388a5db1b0044d9e7e2a650318 0x4abbec7c97cf0bd86b820fa969ce3d9b3c114e63
0x3d32cedc106b727a9de5adf83dbb26a77962b667 0xc879b314fdae292ce863135393bb34519ad3dbf5
0x33d05a2a1777edc22ba1fe7d9f031b5515893499 0xf02c943f9c22604bedbb9b6f4312b25d7c03fca4
0xc4501ef6a12c9c218f1816358300bb41b5bf3032 0x9f872dcdf45fddf000239bd1d1287de691769b68
0x38bdc76739ab5c2deeaa190c9bbd3a57555108df 0x5ee66522e9f7d527e666402a5c82cd1e8eac4a53
0x8a650e57f7b82bc4479a40a19c011b740fa17e15 0xb761325ab3a33c4b08f8cc97d6cb9df62fd00c30
"""
_TEST_TIMEOUTS = """
0xdf486eec7b89c390569194834a2f7a71da05ee13 0x689f1a51c177cce66e3afdca4b1ded7721f531f9
0x018d43ac91432d00c4ad1531c98b6ccd2b352538
"""


def guests_of(chain_id: int) -> frozenset[Address]:
    return frozenset() if chain_id == MAINNET else parse(_TEST_GUESTS)


def timeouts_of(chain_id: int) -> frozenset[Address]:
    return frozenset() if chain_id == MAINNET else parse(_TEST_TIMEOUTS)


def parse(text: str) -> frozenset[Address]:
    """Addresses with commas or blanks between them; ValueError for anything else."""
    return frozenset(Address.parse(word) for word in text.replace(",", " ").split())
