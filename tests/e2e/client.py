"""A person's view: HTTP to the gateway, and signatures. Trouble is retried as a person would."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import httpx
from octant_devnet.people import Person
from octant_protocol.address import parse_address
from octant_protocol.messages import patron_mode_text
from octant_protocol.signatures import allocation_digest, personal_digest, sign_digest

CHAIN_ID = 1337
PATIENCE = 60.0


class Gateway:
    """Retries what a restart of a service interrupts (no connection, 503), nothing else."""

    def __init__(self, url: str, chain_id: int = CHAIN_ID) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        self._chain_id = chain_id

    def close(self) -> None:
        self.http.close()

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                response = self.http.request(method, path, **content)
                if response.status_code != 503:
                    assert response.status_code < 500, f"{method} {path}: {response.text}"
                    return response
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"{method} {path} does not come back"
            time.sleep(0.05)

    def get(self, path: str) -> Any:
        response = self.request("GET", path)
        assert response.status_code == 200, f"GET {path}: {response.status_code} {response.text}"
        return response.json()

    def wait_for(self, what: str, condition: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.05)

    def wait_synced(self, height: int) -> None:
        """Until every service has applied the chain up to `height`."""

        def synced() -> bool:
            response = self.http_or_none("/info/sync-status")
            return response is not None and (response.json()["indexedHeight"] or 0) >= height

        self.wait_for(f"block {height} in every service", synced)

    def http_or_none(self, path: str) -> httpx.Response | None:
        try:
            return self.http.get(path)
        except httpx.TransportError:
            return None

    def take_snapshot(self, kind: str) -> int:
        """POST until it is taken; 200 null after a retry means an earlier try took it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            response = self.request("POST", f"/snapshots/{kind}")
            if response.status_code in (200, 201):
                return response.status_code
            assert response.status_code == 409, response.text
            assert time.monotonic() < deadline, response.text
            time.sleep(0.05)

    def nonce(self, person: Person) -> int:
        return int(
            self.get(f"/allocations/users/{person.address}/allocation_nonce")["allocationNonce"]
        )

    def allocate(self, person: Person, items: Sequence[tuple[str, int]]) -> None:
        """Signs and sends; when the answer got lost, the nonce tells whether it took effect."""
        nonce = self.nonce(person)
        body = allocation_body(person, items, nonce, self._chain_id)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                response = self.http.post("/allocations/allocate", json=body)
                if response.status_code == 201:
                    assert response.json() is None
                    return
                lost = response.status_code == 503
                if response.status_code == 400 and "wrong value of nonce" in response.text:
                    lost = True
                assert lost, f"allocate: {response.status_code} {response.text}"
            except httpx.TransportError:
                pass
            if self.nonce(person) == nonce + 1:
                return
            assert time.monotonic() < deadline, "the allocation is never accepted"
            time.sleep(0.05)

    def signed_allocation(self, person: Person, items: Sequence[tuple[str, int]]) -> dict[str, Any]:
        """The body, with the next nonce."""
        return allocation_body(person, items, self.nonce(person))

    def set_patron_mode(self, person: Person, enable: bool) -> None:
        text = patron_mode_text(parse_address(person.address), enable)
        signature = sign_digest(bytes.fromhex(person.key[2:]), personal_digest(text))
        path = f"/user/{person.address}/patron-mode"
        if self.get(path)["status"] != enable:
            response = self.request("PATCH", path, json={"signature": signature})
            if response.status_code != 200:  # an earlier try took effect, its answer got lost
                assert self.get(path)["status"] == enable, response.text


def allocation_body(
    person: Person, items: Sequence[tuple[str, int]], nonce: int, chain_id: int = CHAIN_ID
) -> dict[str, Any]:
    digest = allocation_digest(chain_id, [(parse_address(p), a) for p, a in items], nonce)
    return {
        "payload": {
            "allocations": [{"proposalAddress": p, "amount": str(a)} for p, a in items],
            "nonce": nonce,
        },
        "userAddress": person.address,
        "signature": sign_digest(bytes.fromhex(person.key[2:]), digest),
        "isManuallyEdited": False,
    }


class Noise:
    """Readers that never stop asking while things break; remembers every status they saw."""

    def __init__(self, url: str, paths: Sequence[str]) -> None:
        self.statuses: Counter[int] = Counter()
        self._url, self._paths = url, paths
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(2)]

    def __enter__(self) -> "Noise":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as http:
            while not self._stop.is_set():
                for path in self._paths:
                    try:
                        self.statuses[http.get(path).status_code] += 1
                    except httpx.TransportError:
                        self.statuses[0] += 1
                    self._stop.wait(0.02)
