"""Signs and sends transactions of one key. Nobody else may send with it."""

import re
from typing import Any

from eth_account import Account
from octant_chassis.settings import Secret
from octant_contracts.values import Address, Hex

from octant_chain_sync.rpc import NodeError, Rpc
from octant_chain_sync.transactions.model import Step, Transaction

DEFAULT_TIP = 10**9  # wei per gas, where the node suggests none
GAS_MARGIN = 1.2
_ALREADY_SENT = re.compile(
    r"already|known transaction|nonce too low|nonce is too low|oldnonce", re.IGNORECASE
)


class Sender:
    def __init__(self, rpc: Rpc, chain_id: int, key: Secret) -> None:
        self._rpc = rpc
        self._chain_id = chain_id
        self._account = Account.from_key(key.reveal())
        self.address = Address.parse(str(self._account.address))

    async def prepare(self, step: Step) -> Transaction:
        """Signed bytes with the account's next nonce; nothing is sent.

        RpcFailure when the chain would refuse it.
        """
        head, count, gas = await self._rpc.batch(
            [
                ("eth_getBlockByNumber", ("latest", False)),
                ("eth_getTransactionCount", (self.address.text, "pending")),
                ("eth_estimateGas", (self._request(step),)),
            ]
        )
        nonce = int(count, 16)
        signed = self._account.sign_transaction(
            {
                "chainId": self._chain_id,
                "nonce": nonce,
                "to": step.to.text,
                "value": step.value,
                "data": Hex(step.data).text,
                "gas": int(int(gas, 16) * GAS_MARGIN),
                **await self._fees(head),
            }
        )
        return Transaction(
            epoch=step.epoch,
            step=step.name,
            nonce=nonce,
            hash=Hex(signed.hash),
            raw=Hex(signed.raw_transaction),
        )

    async def rehearse(self, step: Step) -> None:
        """RpcFailure when the chain would refuse the step now."""
        await self._rpc.call("eth_call", self._request(step), "latest")

    async def send(self, transaction: Transaction) -> None:
        """Sends the bytes; that the node has them already, or had, is fine."""
        try:
            await self._rpc.call("eth_sendRawTransaction", transaction.raw.text)
        except NodeError as error:
            if not _ALREADY_SENT.search(error.message):
                raise

    async def receipt(self, transaction: Transaction) -> bool | None:
        """Whether it succeeded; None while it is not mined."""
        found = await self._rpc.call("eth_getTransactionReceipt", transaction.hash.text)
        return None if found is None else bool(int(found["status"], 16))

    async def is_overtaken(self, transaction: Transaction) -> bool:
        """Whether a mined transaction has used the nonce."""
        count = await self._rpc.call("eth_getTransactionCount", self.address.text, "latest")
        return int(count, 16) > transaction.nonce

    def _request(self, step: Step) -> dict[str, str]:
        return {
            "from": self.address.text,
            "to": step.to.text,
            "value": hex(step.value),
            "data": Hex(step.data).text,
        }

    async def _fees(self, head: dict[str, Any]) -> dict[str, int]:
        base = head.get("baseFeePerGas")
        if base is None:
            return {"gasPrice": int(await self._rpc.call("eth_gasPrice"), 16)}
        try:
            tip = int(await self._rpc.call("eth_maxPriorityFeePerGas"), 16)
        except NodeError:
            tip = DEFAULT_TIP
        return {"maxFeePerGas": 2 * int(base, 16) + tip, "maxPriorityFeePerGas": tip}
