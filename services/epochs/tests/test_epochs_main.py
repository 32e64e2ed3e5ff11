"""The command line of the service: exit codes and clear lines."""

import asyncio
import os
import signal
import sys

from octant_contracts.events import EPOCHS
from octant_devnet import servers
from octant_devnet.testkit import eventually


async def launch(command: str, **environment: str) -> asyncio.subprocess.Process:
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "octant_epochs",
        command,
        env={**kept, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(command: str, **environment: str) -> tuple[int | None, str, str]:
    process = await launch(command, **environment)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_commands__with_what_they_need__succeed(postgres_port, database_name, nats_url):
    dsn = servers.service_dsn(postgres_port, EPOCHS, database_name)
    environment = {"DB_URI": dsn, "NATS_URL": nats_url, "OPERATOR_TOKEN": "very secret"}

    assert (await run("migrate", **environment))[0] == 0
    code, out, err = await run("check", **environment)
    assert (code, err) == (0, "")
    assert "the database answers" in out
    assert "the bus answers" in out
    assert "operator_token = ***" in out
    assert "very secret" not in out

    port = servers.free_port()
    serving = await launch("serve", **environment, OPERATIONS_PORT=str(port))

    async def ready() -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
        status = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return b" 200 " in status

    await eventually(ready, timeout=20)
    serving.send_signal(signal.SIGTERM)
    await serving.communicate()
    assert serving.returncode == 0


async def test_check__when_nothing_answers__says_what(run_folder):
    port = servers.free_port()
    code, _, err = await run(
        "check",
        DB_URI=f"postgresql://nobody@127.0.0.1:{port}/nothing",
        NATS_URL=f"nats://127.0.0.1:{port}",
    )

    assert code == 1
    assert "the database does not answer" in err
    assert "the bus does not answer" in err


async def test_settings__that_make_no_sense__are_one_line_and_exit_2():
    for environment, reason in (
        ({}, "DB_URI must be set"),
        ({"DB_URI": "postgresql://x", "CHAIN_ID": "main"}, "chain_id"),
        ({"DB_URI": "postgresql://x", "CHAIN_ID": "1"}, "OPERATOR_TOKEN"),
    ):
        code, _, err = await run("serve", **environment)
        assert code == 2
        assert reason in err
        assert len(err.splitlines()) == 1
    assert (await run("sing"))[0] == 2
