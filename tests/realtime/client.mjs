// The dApp's Socket.IO clients, as many as asked for: commands as JSON lines in, what happens out.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const clients = new Map();
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const commands = {
  connect({ name, url, options }) {
    const socket = io(url, { forceNew: true, ...options });
    clients.set(name, socket);
    const tell = (event, ...args) => say({ name, event, args });
    socket.onAny(tell);
    socket.io.on("open", () => socket.io.engine.on("upgrade", (to) => tell("upgrade", to.name)));
    socket.on("connect", () => tell("connect", socket.id));
    socket.on("disconnect", (reason) => tell("disconnect", reason));
    socket.on("connect_error", (error) => tell("connect_error", error.message));
  },
  emit({ name, event, args, ack }) {
    const acknowledged = (...answer) => say({ name, event: "acknowledged", args: [ack, ...answer] });
    clients.get(name).emit(event, ...args, ...(ack === null ? [] : [acknowledged]));
  },
  close({ name }) {
    clients.get(name).disconnect();
    clients.delete(name);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  commands[command.do](command);
}
for (const socket of clients.values()) socket.disconnect();
setTimeout(() => process.exit(0), 50); // a poll under way would keep the process
