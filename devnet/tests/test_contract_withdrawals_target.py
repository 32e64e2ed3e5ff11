"""WithdrawalsTarget and the proxy in front of it."""

import pytest
from octant_devnet.abi import encode_call
from octant_devnet.chain import Chain
from octant_devnet.chainkit import (
    STRANGER,
    UNAUTHORIZED,
    ZERO,
    decoded,
    do,
    new_contract,
    padded,
    reverts,
)
from octant_devnet.deploy import Deployment, created_address, creation

WITHDRAWN = "0x7084f5476618d8e60b11ef0d7d3f06914655adb8793e28ff7f018d4c76d505d5"
UPGRADED = "0x5570d70a002632a7b0b3c9304cc89efb62d8da9eca0dbd7752c83b7379068296"
OWNERSHIP = "0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0"
INITIALIZED = "0x7f26b83ff96e1f2b6a682f133852f6798a09c465da95921460cefb3847402498"
IMPLEMENTATION_SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
OWNER_SLOT = "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"
ALREADY = "Initializable: contract is already initialized"
PROXY = ["address", "address", "bytes"]


@pytest.fixture
def implementation(deployment: Deployment) -> str:
    return created_address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", 5)


def initialize(multisig: str) -> bytes:
    return encode_call("initialize(address)", [multisig])


def test_withdraw__multisig__gets_the_amount(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    target = deployment.withdrawals_target
    assert chain.balance(target) == 10**16
    before = chain.balance(multisig)
    receipt = do(chain, multisig, target, "withdraw(uint256)", 10**16 - 1)
    (log,) = receipt.logs
    assert log.topics == (WITHDRAWN,)
    assert decoded(log, "address", "uint256") == (multisig.lower(), 10**16 - 1)
    assert chain.balance(multisig) == before + 10**16 - 1 - receipt.fee
    assert chain.balance(target) == 1


def test_withdraw__stranger_or_too_much__reverts(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    with reverts(UNAUTHORIZED):
        do(chain, STRANGER, deployment.withdrawals_target, "withdraw(uint256)", 0)
    with reverts("HN:Common/failed-to-send"):
        do(chain, multisig, deployment.withdrawals_target, "withdraw(uint256)", 10**16 + 1)


def test_initialize__proxy_or_bare_implementation__is_already_done(
    chain: Chain, deployment: Deployment, implementation: str
) -> None:
    for address in (deployment.withdrawals_target, implementation):
        with reverts(ALREADY):
            do(chain, STRANGER, address, "initialize(address)", STRANGER)


def test_implementation__plain_eth__is_refused(chain: Chain, implementation: str) -> None:
    with reverts(""):
        chain.send(STRANGER, implementation, value=1)


def test_reads__through_the_proxy__answer(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    target = deployment.withdrawals_target
    assert chain.call(target, "multisig()(address)") == (multisig.lower(),)
    assert chain.call(target, "version()(uint256)") == (1,)
    assert chain.call(target, "owner()(address)") == (multisig.lower(),)


def test_proxy__deployed__has_the_standard_slots(
    chain: Chain, deployment: Deployment, implementation: str, multisig: str
) -> None:
    slots = [
        chain.rpc("eth_getStorageAt", deployment.withdrawals_target, slot, "latest")
        for slot in (IMPLEMENTATION_SLOT, OWNER_SLOT)
    ]
    assert slots == [padded(implementation), padded(multisig)]


def test_proxy_constructor__with_init_data__logs_upgrade_initialized_ownership(
    chain: Chain, implementation: str
) -> None:
    data = creation("Proxy", PROXY, [implementation, STRANGER, initialize(STRANGER)])
    receipt = chain.send(STRANGER, None, data)
    assert [log.topics for log in receipt.logs] == [
        (UPGRADED, padded(ZERO), padded(implementation)),
        (INITIALIZED,),
        (OWNERSHIP, padded(ZERO), padded(STRANGER)),
    ]
    assert decoded(receipt.logs[1], "uint8") == (1,)


def test_proxy_constructor__init_data_reverts__passes_the_revert_on(
    chain: Chain, implementation: str
) -> None:
    with reverts(""):
        new_contract(chain, "Proxy", PROXY, implementation, STRANGER, initialize(ZERO))


def test_proxy_constructor__no_init_data__can_be_initialized_later_once(
    chain: Chain, implementation: str
) -> None:
    proxy = new_contract(chain, "Proxy", PROXY, implementation, STRANGER, b"", value=5)
    assert chain.balance(proxy) == 5
    do(chain, STRANGER, proxy, "initialize(address)", STRANGER)
    with reverts(ALREADY):
        do(chain, STRANGER, proxy, "initialize(address)", STRANGER)


def test_proxy__not_the_owner__is_not_authorized(
    chain: Chain, deployment: Deployment, implementation: str
) -> None:
    calls: list[tuple[str, list[object]]] = [
        ("transferOwnership(address)", [STRANGER]),
        ("upgradeTo(address)", [implementation]),
        ("upgradeToAndCall(address,bytes)", [implementation, b""]),
    ]
    for signature, args in calls:
        with reverts("NOT_AUTHORIZED"):
            do(chain, STRANGER, deployment.withdrawals_target, signature, *args)


def test_proxy__owner__upgrades_and_hands_over(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    proxy = deployment.withdrawals_target
    old = chain.rpc("eth_getStorageAt", proxy, IMPLEMENTATION_SLOT, "latest")
    new = new_contract(chain, "WithdrawalsTarget", [])
    (upgraded,) = do(chain, multisig, proxy, "upgradeTo(address)", new).logs
    assert upgraded.topics == (UPGRADED, old, padded(new))
    signature = "upgradeToAndCall(address,bytes)"
    with reverts(ALREADY):
        do(chain, multisig, proxy, signature, new, initialize(STRANGER))
    assert do(chain, multisig, proxy, signature, new, encode_call("version()")).succeeded
    do(chain, multisig, proxy, signature, new, b"", value=3)
    assert chain.balance(proxy) == 10**16 + 3
    (moved,) = do(chain, multisig, proxy, "transferOwnership(address)", STRANGER).logs
    assert moved.topics == (OWNERSHIP, padded(multisig), padded(STRANGER))
    assert chain.call(proxy, "owner()(address)") == (STRANGER,)


def test_supports_interface__erc165_and_erc173__only(chain: Chain, deployment: Deployment) -> None:
    answers = [
        chain.call(
            deployment.withdrawals_target, "supportsInterface(bytes4)(bool)", [bytes.fromhex(i)]
        )[0]
        for i in ("01ffc9a7", "7f5828d0", "ffffffff", "20c13b0b")
    ]
    assert answers == [True, True, False, False]
