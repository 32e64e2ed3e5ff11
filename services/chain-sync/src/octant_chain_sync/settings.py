"""Every knob of chain-sync, by its environment name in lower case."""

import msgspec
from eth_account import Account
from octant_chassis.settings import ChassisSettings, InvalidSettings, Secret
from octant_contracts.values import Address

SEPOLIA_PROPOSALS = "0xB259fe6EC190cffF893b247AE688eFBF4261D2fc"
MAINNET = 1
MAINNET_CIDS = (
    "QmSQEFD35gKxdPEmngNt1CWe3kSwiiGqBn1Z3FZvWb8mvK",
    "Qmds9N5y2vkMuPTD6M4EBxNXnf3bjTDmzWBGnCkQGsMMGe",
    "QmSXcT18anMXKACTueom8GXw8zrxTBbHGB71atitf6gZ9V",
    "QmXomSdCCwt4FtBp3pidqSz3PtaiV2EyQikU6zRGWeCAsf",
    "QmdtFLK3sB7EwQTNaqtmBnZqnN2pYZcu6GmUSTrpvb9wcq",
    "bafybeifs53yk5oycvy5lu5r42oefk3vh7qkvfdkklkvaw2ocubmycgvche",
    "bafybeigxa4wpqhianuiltv3qqzqpitjyjyqzdeurpwqrvidgc3c4opw26m",
    "bafybeihixy3tfq3hlptwfp7cpikhkg76gse2ylvkcrmdiuqrfr2tdt5a74",
    "bafybeibunwwuo3edrfi7y2jh3bsedwskjxzik7jcjk7bbxqejjqj244prq",
    "bafybeihuno47auuimjjcit5ij2dojrzyvvy624f2qdch2krup63xqeteau",
    "bafybeieler566kesgg7dkke4r2mpxf5bhzcv2eaz44bfqlk7j44nh5l4va",
)


class Settings(ChassisSettings, frozen=True, kw_only=True):
    """Chain, contracts, indexing and the transactions of test networks."""

    eth_rpc_provider_url: Secret
    """JSON-RPC over HTTP of a node that keeps the logs since `start_block`; may hold a token."""
    chain_name: str = "unknown"
    """Shown by `/info`."""
    auth_contract_address: str = ""
    """Optional: only shown by `/info/chain-info`."""
    deposits_contract_address: str
    """Its locks and unlocks are the facts that budgets come from."""
    epochs_contract_address: str
    """The calendar."""
    glm_contract_address: str
    """The token that is locked."""
    proposals_contract_address: str = SEPOLIA_PROPOSALS
    """The default is Sepolia's and refused on chain id 1."""
    vault_contract_address: str
    """Roots and withdrawals."""
    withdrawals_target_contract_address: str
    """Its balance is the staking proceeds of test networks."""
    start_block: int = 0
    """First block whose logs are indexed: the older of the Deposits and Vault deployments."""
    confirmations: int | None = None
    """Blocks after which one is final; unset: the node's `finalized` tag, or 64 without one."""
    poll_interval: float = 1.0
    """Seconds between looks for a new block."""
    log_range: int = 2000
    """Blocks per eth_getLogs; halved while the node refuses, grown back afterwards."""
    max_lag_blocks: int = 50
    """Blocks the index may be behind before the service is not ready."""
    mainnet_proposal_cids: str = ",".join(MAINNET_CIDS)
    """Comma list: the CID of epochs 1, 2, … on chain id 1."""
    epoch_2_staking_proceeds_surplus: int = 0
    """Wei subtracted from the WithdrawalsTarget's balance on test networks."""
    glm_claim_enabled: bool = False
    """Whether the one-time gift of GLM can be claimed."""
    glm_withdrawal_amount: int = 10**21
    """Wei of GLM one claim is worth; part of the text people sign."""
    glm_sender_nonce: int = 0
    """Transaction nonce of the first payout; each later claim gets the next."""
    sablier_mainnet_subgraph_url: Secret = Secret("")
    """Where GLM streams are read on chain id 1; empty: there are none."""
    sablier_sepolia_subgraph_url: Secret = Secret("")
    """The same on every other chain."""
    env_type: str = ""
    """`e2e`: no GLM streams, whatever is configured."""
    scheduler_enabled: bool = False
    """Whether jobs run at all."""
    vault_confirm_withdrawals_enabled: bool = False
    """With `scheduler_enabled`: fund the Vault and set merkle roots (test networks)."""
    confirm_interval: float = 15.0
    """Seconds between looks for finalized epochs without a root on chain."""
    testnet_multisig_private_key: Secret = Secret("")
    """Key of the contracts' multisig; refused on chain id 1."""

    @property
    def confirms_withdrawals(self) -> bool:
        return self.scheduler_enabled and self.vault_confirm_withdrawals_enabled

    @property
    def has_streams(self) -> bool:
        mainnet = self.chain_id == MAINNET
        url = self.sablier_mainnet_subgraph_url if mainnet else self.sablier_sepolia_subgraph_url
        return bool(url) and self.env_type != "e2e"


class Contracts(msgspec.Struct, frozen=True, kw_only=True):
    """The contracts' addresses, parsed."""

    auth: Address | None
    deposits: Address
    epochs: Address
    glm: Address
    proposals: Address
    vault: Address
    withdrawals_target: Address


def validate(settings: Settings) -> None:
    """InvalidSettings names the variable when they do not make sense together."""
    contracts_of(settings)
    _check_numbers(settings)
    _check_key(settings)
    is_default = settings.proposals_contract_address.lower() == SEPOLIA_PROPOSALS.lower()
    if settings.chain_id == MAINNET and is_default:
        raise InvalidSettings("PROPOSALS_CONTRACT_ADDRESS must be set on chain id 1")


def contracts_of(settings: Settings) -> Contracts:
    """The addresses; InvalidSettings for one that is none."""
    auth = settings.auth_contract_address
    return Contracts(
        auth=_address("AUTH", auth) if auth else None,
        deposits=_address("DEPOSITS", settings.deposits_contract_address),
        epochs=_address("EPOCHS", settings.epochs_contract_address),
        glm=_address("GLM", settings.glm_contract_address),
        proposals=_address("PROPOSALS", settings.proposals_contract_address),
        vault=_address("VAULT", settings.vault_contract_address),
        withdrawals_target=_address(
            "WITHDRAWALS_TARGET", settings.withdrawals_target_contract_address
        ),
    )


def fixed_cids(settings: Settings) -> dict[int, str]:
    """Epoch → CID of the configured list; empty on every chain but mainnet."""
    if settings.chain_id != MAINNET:
        return {}
    items = enumerate(settings.mainnet_proposal_cids.split(","), start=1)
    return {epoch: cid.strip() for epoch, cid in items if cid.strip()}


def _address(name: str, text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError:
        raise InvalidSettings(f"{name}_CONTRACT_ADDRESS is not an address: {text!r}") from None


def _check_numbers(settings: Settings) -> None:
    for name in ("start_block", "confirmations", "max_lag_blocks", "glm_sender_nonce"):
        value = getattr(settings, name)
        if value is not None and value < 0:
            raise InvalidSettings(f"{name.upper()} must not be negative")
    for name in ("poll_interval", "log_range", "confirm_interval", "glm_withdrawal_amount"):
        if getattr(settings, name) <= 0:
            raise InvalidSettings(f"{name.upper()} must be greater than 0")


def _check_key(settings: Settings) -> None:
    key = settings.testnet_multisig_private_key
    if key and settings.chain_id == MAINNET:
        raise InvalidSettings("TESTNET_MULTISIG_PRIVATE_KEY is not allowed on chain id 1")
    if settings.confirms_withdrawals and not key:
        raise InvalidSettings(
            "TESTNET_MULTISIG_PRIVATE_KEY must be set when VAULT_CONFIRM_WITHDRAWALS_ENABLED is"
        )
    if key:
        try:
            Account.from_key(key.reveal())
        except Exception:  # the library has no common error; its text may show the key
            raise InvalidSettings("TESTNET_MULTISIG_PRIVATE_KEY is not a private key") from None
