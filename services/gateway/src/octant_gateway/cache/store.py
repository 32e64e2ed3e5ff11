"""The kept responses, what they depend on, and those that are being made."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import chain

from octant_contracts.events import CONSUMES, Event
from prometheus_client import Counter, Gauge

from octant_gateway.cache.entry import Entry
from octant_gateway.cache.hits import hits
from octant_gateway.cache.reading import SERVICE, Tag, tags_of_event

Key = tuple[str, bytes]  # path and query

misses = Counter("octant_cache_misses_total", "Cacheable answers that had to be made")
joined = Counter("octant_cache_joined_total", "Requests that waited for another one's answer")
dropped = Counter("octant_cache_dropped_total", "Kept answers dropped", ["why"])
kept_bytes = Gauge("octant_cache_bytes", "Memory of kept answers")


class Making:
    """An answer under way. `kinds`: events that may change answers of its operation."""

    __slots__ = ("hit", "joinable", "kinds", "void")

    def __init__(self, kinds: frozenset[type[Event]], services: frozenset[str]) -> None:
        self.kinds: frozenset[type[Event] | str] = kinds | services
        self.hit: set[Tag] = set()
        """What was announced since it began."""
        self.joinable = True
        """Nothing was announced that it might not include."""
        self.void = False


class Store:
    """`is_connected()`: whether we hear what is announced."""

    def __init__(self, limit: int, is_connected: Callable[[], bool]) -> None:
        self.limit = limit
        self.hits = hits
        self._size = 0
        self.is_connected = is_connected
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._by_tag: dict[Tag, set[Key]] = {}
        self._making: set[Making] = set()

    def get(self, key: Key) -> Entry | None:
        entry = self._entries.get(key)
        if entry is None or not (entry.final or self.is_connected()):
            return None
        self._entries.move_to_end(key)
        return entry

    def begin(self, kinds: frozenset[type[Event]], services: frozenset[str]) -> Making:
        making = Making(kinds, services)
        self._making.add(making)
        return making

    def end(self, making: Making, entry: Entry | None) -> None:
        """Keeps `entry` unless something was announced meanwhile that it may not include."""
        self._making.discard(making)
        if entry is None or entry.size > self.limit:
            return
        if not entry.final and (making.void or not making.hit.isdisjoint(entry.tags)):
            return
        if not entry.final and not self.is_connected():
            return
        self._remove(entry.key)
        self._entries[entry.key] = entry
        self._size += entry.size
        if not entry.final:
            for tag in entry.tags:
                self._by_tag.setdefault(tag, set()).add(entry.key)
        while self._size > self.limit:
            self._remove(next(iter(self._entries)))
            dropped.labels("full").inc()
        kept_bytes.set(self._size)

    def announced(self, event: Event) -> None:
        self._drop(tags_of_event(event), type(event))

    def wrote(self, service: str) -> None:
        """A write of ours was answered: its effects show at once to those who ask after it."""
        affected = (service, *(s for s, sources in CONSUMES.items() if service in sources))
        for name in affected:
            self._drop([(SERVICE, name)], name)

    def missed(self) -> None:
        """Events may have been announced that we were not told."""
        for key in [key for key, entry in self._entries.items() if not entry.final]:
            self._remove(key)
            dropped.labels("missed").inc()
        for making in self._making:
            making.void = True
            making.joinable = False
        kept_bytes.set(self._size)

    def _drop(self, tags: Iterable[Tag], kind: type[Event] | str) -> None:
        for making in self._making:
            making.hit.update(tags)
            if kind in making.kinds:
                making.joinable = False
        keys = set(chain.from_iterable(self._by_tag.get(tag, ()) for tag in tags))
        for key in keys:
            self._remove(key)
        if keys:
            dropped.labels("changed").inc(len(keys))
            kept_bytes.set(self._size)

    def _remove(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._size -= entry.size
        if entry.final:
            return
        for tag in entry.tags:
            keys = self._by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._by_tag[tag]
