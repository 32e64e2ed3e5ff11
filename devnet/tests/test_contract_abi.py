"""The artefacts have the published selectors and event topics."""

import pytest
from eth_utils.abi import abi_to_signature
from eth_utils.crypto import keccak
from octant_devnet.artifacts import load

SELECTORS = {
    "Auth": "4783c35b e30c3978 f2fde38b 79ba5097",
    "Epochs": """
        de9375f2 544736e6 ffb14a2a b97dd9e2 33d052ff 5d3ea8f1 5d86abad d6e9433b 9fa3df7a 6562320d
        9ae556ec be9a6555 f05f7317 412a329f
    """,
    "Deposits": "de9375f2 86438ebd fc7e286d dd467064 6198e339",
    "Proposals": "de9375f2 aa3ec0a9 58152d07 dfc30ae7 4b81cb78 c3d6ee7f 97b400e1",
    "Vault": "de9375f2 71c5ecb1 f41c33e9 18712c21 d3ed47de 5312ea8e 5a9a49c7",
    "WithdrawalsTarget": "c4d66de8 4783c35b 54fd4d50 2e1a7d4d",
    "Proxy": "8da5cb5b f2fde38b 3659cfe6 4f1ef286 01ffc9a7",
    "Token": """
        70a08231 18160ddd a9059cbb 095ea7b3 23b872dd dd62ed3e 39509351 a457c2d7 06fdde03 95d89b41
        313ce567
    """,
    "TestGLMFaucet": "d1789176 2fea3b20 237c4a55 86438ebd",
    "ContractWallet": "8da5cb5b 295a5212 21175b4a b61d27f6 20c13b0b 0a1028c4",
}
TOPICS = {
    "Auth": {
        "MultisigSet": "01deeac3bf3bef0d6e6151d2bdf301dc761d9c9df1b1caf8fc5fffc11233fa42",
        "OwnershipTransferStarted": (
            "38d16b8cac22d99fc7c124b9cd0de2d3fa1faef420bfe791d8c362d765e22700"
        ),
    },
    "Deposits": {
        "Locked": "4c00281b0bce21cd7064204e92146d972c359c3743b9a503f438b4325efaaf14",
        "Unlocked": "c866d6212c58a2480a6da14f1bdbaae0c127cdc8296409157a23b968149066ce",
    },
    "Vault": {
        "Withdrawn": "92ccf450a286a957af52509bc1c9939d1a6a481783e142e41e2499f0bb66ebc6",
        "MerkleRootSet": "b04b7d6145a7588fdcf339a22877d5965f861c171204fc37688058c5f6c06d3b",
        "EmergencyWithdrawn": "2e39961a70a10f4d46383948095ac2752b3ee642a7c76aa827410aaff08c2e51",
    },
    "Proposals": {"EpochsSet": "033bf778932c7071984f1a2b7fc52abfbd7a4efedfcb983e50cf2ee4d35c276d"},
    "TestGLMFaucet": {
        "Withdrawn": "02ffa641367f5b897c0f8be81bce51f2ef055b4113d7a1e4fd082feea749bf52"
    },
    "Epochs": {},
}


@pytest.mark.parametrize("name", SELECTORS)
def test_functions__of_every_contract__are_exactly_the_published_selectors(name: str) -> None:
    functions = [entry for entry in load(name).abi if entry["type"] == "function"]
    selectors = [
        keccak(text=abi_to_signature(function))[:4].hex()  # type: ignore[arg-type]
        for function in functions
    ]
    assert sorted(selectors) == sorted(SELECTORS[name].split())


@pytest.mark.parametrize("name", TOPICS)
def test_events__of_every_contract__are_exactly_the_published_topics(name: str) -> None:
    events = [entry for entry in load(name).abi if entry["type"] == "event"]
    topics = {
        event["name"]: keccak(text=abi_to_signature(event)).hex()  # type: ignore[arg-type]
        for event in events
    }
    assert topics == TOPICS[name]


def test_load__unknown_name__says_how_to_build() -> None:
    with pytest.raises(FileNotFoundError, match=r"node devnet/build\.mjs"):
        load("Nothing")
