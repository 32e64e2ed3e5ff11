import os
import subprocess
import sys

import pytest
from octant_chain_sync.__main__ import COMMANDS
from octant_chain_sync.settings import Settings, contracts_of, fixed_cids, validate
from octant_chassis.settings import InvalidSettings, load

SEPOLIA_PROPOSALS = "0xB259fe6EC190cffF893b247AE688eFBF4261D2fc"
ADDRESS = "0x" + "11" * 20
KEY = "0x" + "22" * 32
NEEDED = {
    "ETH_RPC_PROVIDER_URL": "http://127.0.0.1:1",
    "DEPOSITS_CONTRACT_ADDRESS": ADDRESS,
    "EPOCHS_CONTRACT_ADDRESS": ADDRESS,
    "GLM_CONTRACT_ADDRESS": ADDRESS,
    "VAULT_CONTRACT_ADDRESS": ADDRESS,
    "WITHDRAWALS_TARGET_CONTRACT_ADDRESS": ADDRESS,
}
MAINNET = NEEDED | {
    "CHAIN_ID": "1",
    "OPERATOR_TOKEN": "secret",
    "PROPOSALS_CONTRACT_ADDRESS": ADDRESS,
}


def read_settings(environ: dict[str, str]) -> Settings:
    settings = load(Settings, environ)
    validate(settings)
    return settings


def test_settings__with_only_what_is_needed__have_their_defaults():
    settings = read_settings(NEEDED)
    assert (settings.chain_id, settings.chain_name) == (11155111, "unknown")
    assert (settings.start_block, settings.confirmations) == (0, None)
    assert (settings.poll_interval, settings.log_range) == (1.0, 2000)
    assert (settings.confirm_interval, settings.max_lag_blocks) == (15.0, 50)
    assert settings.epoch_2_staking_proceeds_surplus == 0
    assert not settings.confirms_withdrawals
    contracts = contracts_of(settings)
    assert contracts.auth is None
    assert contracts.proposals.text == SEPOLIA_PROPOSALS
    assert contracts.deposits == bytes.fromhex("11" * 20)


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_settings__without_one_that_is_needed__are_refused_by_name(name):
    with pytest.raises(InvalidSettings) as refused:
        read_settings({k: v for k, v in NEEDED.items() if k != name})
    assert name.lower() in str(refused.value).lower()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"VAULT_CONTRACT_ADDRESS": "0x12"}, "VAULT_CONTRACT_ADDRESS"),
        ({"AUTH_CONTRACT_ADDRESS": "nobody"}, "AUTH_CONTRACT_ADDRESS"),
        ({"START_BLOCK": "-1"}, "START_BLOCK"),
        ({"START_BLOCK": "x"}, "start_block"),
        ({"CONFIRMATIONS": "-1"}, "CONFIRMATIONS"),
        ({"POLL_INTERVAL": "0"}, "POLL_INTERVAL"),
        ({"LOG_RANGE": "0"}, "LOG_RANGE"),
        ({"GLM_WITHDRAWAL_AMOUNT": "0"}, "GLM_WITHDRAWAL_AMOUNT"),
        ({"GLM_SENDER_NONCE": "-1"}, "GLM_SENDER_NONCE"),
        ({"TESTNET_MULTISIG_PRIVATE_KEY": "0x12"}, "TESTNET_MULTISIG_PRIVATE_KEY"),
        (
            {"SCHEDULER_ENABLED": "true", "VAULT_CONFIRM_WITHDRAWALS_ENABLED": "true"},
            "TESTNET_MULTISIG_PRIVATE_KEY",
        ),
    ],
)
def test_settings__that_make_no_sense__are_refused_by_name(changes, named):
    with pytest.raises(InvalidSettings) as refused:
        read_settings(NEEDED | changes)
    assert named in str(refused.value)


def test_settings__with_every_switch__are_read():
    settings = read_settings(
        NEEDED
        | {
            "CONFIRMATIONS": "0",
            "POLL_INTERVAL": "0.1",
            "SCHEDULER_ENABLED": "true",
            "VAULT_CONFIRM_WITHDRAWALS_ENABLED": "True",
            "TESTNET_MULTISIG_PRIVATE_KEY": KEY,
        }
    )
    assert settings.confirmations == 0
    assert settings.poll_interval == 0.1
    assert settings.confirms_withdrawals
    assert KEY not in repr(settings)


def test_mainnet__with_the_testnet_key_or_sepolias_proposals__is_refused():
    settings = read_settings(MAINNET | {"MAINNET_PROPOSAL_CIDS": "QmA, QmB"})
    assert fixed_cids(settings) == {1: "QmA", 2: "QmB"}
    with pytest.raises(InvalidSettings, match="TESTNET_MULTISIG_PRIVATE_KEY"):
        read_settings(MAINNET | {"TESTNET_MULTISIG_PRIVATE_KEY": KEY})
    for default in ({}, {"PROPOSALS_CONTRACT_ADDRESS": SEPOLIA_PROPOSALS.lower()}):
        environ = {k: v for k, v in MAINNET.items() if not k.startswith("PROPOSALS")} | default
        with pytest.raises(InvalidSettings, match="PROPOSALS_CONTRACT_ADDRESS"):
            read_settings(environ)


def test_proposal_cids__unset_on_mainnet__are_those_of_its_first_eleven_epochs():
    cids = fixed_cids(read_settings(MAINNET))
    assert list(cids) == list(range(1, 12))
    assert cids[1] == "QmSQEFD35gKxdPEmngNt1CWe3kSwiiGqBn1Z3FZvWb8mvK"
    assert cids[6] == "bafybeifs53yk5oycvy5lu5r42oefk3vh7qkvfdkklkvaw2ocubmycgvche"
    assert cids[11] == "bafybeieler566kesgg7dkke4r2mpxf5bhzcv2eaz44bfqlk7j44nh5l4va"
    assert fixed_cids(read_settings(MAINNET | {"MAINNET_PROPOSAL_CIDS": ""})) == {}
    assert fixed_cids(read_settings(NEEDED)) == {}


def test_gift__by_default__is_off_and_worth_a_thousand_glm():
    settings = read_settings(NEEDED)
    assert not settings.glm_claim_enabled
    assert (settings.glm_withdrawal_amount, settings.glm_sender_nonce) == (10**21, 0)
    changed = {"GLM_CLAIM_ENABLED": "true", "GLM_WITHDRAWAL_AMOUNT": "7", "GLM_SENDER_NONCE": "3"}
    settings = read_settings(NEEDED | changed)
    assert settings.glm_claim_enabled
    assert (settings.glm_withdrawal_amount, settings.glm_sender_nonce) == (7, 3)


def test_program__with_invalid_settings__says_so_in_one_line_and_exits_with_2():
    finished = subprocess.run(
        [sys.executable, "-m", "octant_chain_sync", "serve"],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 2
    assert finished.stderr.count("\n") == 1
    assert finished.stderr.startswith("invalid settings: ")


def run(command: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(os, "environ", environ)
    return COMMANDS.run([command])


def test_check__with_nothing_there__names_what_does_not_answer_and_hides_secrets(
    monkeypatch, capsys
):
    away = {
        "NATS_URL": "nats://127.0.0.1:1",
        "DB_URI": "postgresql://me:hunter2@127.0.0.1:1/x",
        "TESTNET_MULTISIG_PRIVATE_KEY": KEY,
        "ETH_RPC_PROVIDER_URL": "http://127.0.0.1:1/v3/hunter2",
    }
    assert run("check", NEEDED | away, monkeypatch) == 1
    output = capsys.readouterr()
    for what in ("database", "bus", "chain"):
        assert f"{what} does not answer" in output.err
    assert "hunter2" not in output.out + output.err
    assert KEY not in output.out
    assert "Traceback" not in output.err


def test_migrate_and_check__with_everything_there__succeed(
    settings, nats_server, chain, monkeypatch, capsys
):
    environ = NEEDED | {
        "DB_URI": settings.db_uri.reveal(),
        "NATS_URL": nats_server,
        "ETH_RPC_PROVIDER_URL": chain.url,
        "CHAIN_ID": "1337",
    }
    assert run("check", environ, monkeypatch) == 0
    assert run("migrate", environ, monkeypatch) == 0
    assert run("migrate", environ, monkeypatch) == 0


def test_command__unknown__is_explained_and_exits_with_2(capsys):
    assert COMMANDS.run(["dance"]) == 2
    assert "serve | migrate | check" in capsys.readouterr().err
