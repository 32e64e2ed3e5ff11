"""A TypeScript project that uses the client, as `npm install` would lay it out."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
CLIENTS = HERE.parents[1] / "clients"
CLIENT = CLIENTS / "typescript"


def example(language: str) -> str:
    """The README's program in this language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", (CLIENTS / "README.md").read_text(), re.S)
    return str(found)


class Project:
    """`program.ts` and the README's example, checked and compiled in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        assert (CLIENT / "dist" / "index.js").exists(), "make clients has not run"
        program = shutil.which("node")
        assert program is not None, "node is needed: apt install nodejs npm"
        self._node = program
        self._folder = folder
        (folder / "node_modules").mkdir()
        (folder / "node_modules" / "octant-client").symlink_to(CLIENT)
        for name in ("ws", "@types"):
            (folder / "node_modules" / name).symlink_to(CLIENT / "node_modules" / name)
        (folder / "package.json").write_text('{"type": "module"}')
        for name in ("program.ts", "tsconfig.json"):
            shutil.copy(HERE / name, folder)
        (folder / "readme.ts").write_text(example("ts"))
        compiler = CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
        done = subprocess.run([program, compiler], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout

    async def start(self, *arguments: str) -> "Running":
        return await start(self._node, "program.js", *arguments, folder=self._folder)

    async def start_example(self, *replaced: tuple[str, str]) -> "Running":
        """The README's, with other addresses; old versions of Node have no WebSocket."""
        script = (self._folder / "readme.js").read_text()
        for old, new in replaced:
            script = script.replace(old, new)
        (self._folder / "example.js").write_text(script)
        (self._folder / "start.js").write_text(
            'import { WebSocket } from "ws";\n'
            "globalThis.WebSocket ??= WebSocket;\n"
            'await import("./example.js");\n'
        )
        return await start(self._node, "start.js", folder=self._folder)


async def start(*command: str, folder: Path) -> "Running":
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdin=pipe, stdout=pipe)
    return Running(process)


class Running:
    """The program; it says one JSON value a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def said(self) -> Any:
        return json.loads(await self.line())

    async def line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(10):
            line = await self._process.stdout.readline()
        assert line, f"the program ended with {await self._process.wait()}"
        return line.decode().strip()

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
