"""The chain's file, written by several at once."""

from concurrent.futures import ThreadPoolExecutor

from octant_devnet.anvil import save_state
from octant_devnet.chain import Chain


def test_state__saved_by_several_at_once__is_whole_and_leaves_nothing_behind(chain, tmp_path):
    state_file = tmp_path / "state.json"

    def save(_: int) -> None:
        client = Chain(chain.url)
        save_state(client, state_file)
        client.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(20)))
    assert state_file.read_text().startswith('{"block":{')
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
