"""Calls: request, answer and owner of every operation that one service asks of another.

Answers of public operations have exactly the public JSON form (camelCase, wei as decimal
strings, EIP-55), so that the gateway can pass the bytes on. A call whose answer can pass
256 KB is paged: `Page` requests carry `cursor`, answers `nextCursor`.
"""

from typing import Any

from octant_contracts.calls.allocations import *
from octant_contracts.calls.base import *
from octant_contracts.calls.chain_sync import *
from octant_contracts.calls.epochs import *
from octant_contracts.calls.history import *
from octant_contracts.calls.rewards import *
from octant_contracts.calls.simulations import *
from octant_contracts.calls.users import *

CALLS: tuple[Call[Any, Any], ...] = tuple(
    v for v in list(globals().values()) if isinstance(v, Call)
)
