// The live feed: `for await` over updates; lost connections resume where they were.
// It stands on docs/feed.md, and says and does the same as the Python client's `feed.py`.

/** What the server says of a topic. */
export interface Update {
  topic: string;
  /** Decimal strings stay strings: no amount passes through a JavaScript number. */
  data: unknown;
  /** `data` replaces all you have of the topic; else it follows what you have. */
  snapshot: boolean;
  token: string;
  seq: number;
  /** Wall time of the server, ISO 8601. */
  ts: string;
}

/** A subscription was refused, and its topics are dropped; the iteration may go on. */
export class FeedError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "FeedError";
  }
}

interface Socket {
  readonly readyState: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface FeedOptions {
  /** `feed.tokens` of an earlier life: what came after them follows. */
  since?: Record<string, string>;
  /** Seconds: connecting again waits a random part of this, doubled with every failure … */
  firstWait?: number;
  /** … up to this. */
  longestWait?: number;
  /** After two of so many seconds without a sign of life the connection is given up. */
  heartbeat?: number;
  /** Hears why the connection is away, and in how many seconds it is tried again. */
  onRetry?: (reason: string, seconds: number) => void;
  /** For Node before 22: `import { WebSocket } from "ws"`. */
  WebSocket?: new (url: string) => Socket;
}

const INBOX = 1_000; // more than this and the reader is too slow: it resumes later

export class Feed implements AsyncIterableIterator<Update> {
  /** The last token by topic, in lower case, that was handed out. */
  readonly tokens: Record<string, string>;
  #topics = new Map<string, boolean>(); // true: the server has accepted it once
  #asked: string[][] = []; // the topics of each message that is not answered yet
  #connection: Connection | undefined;
  #failures = 0;
  #closed = false;
  #stopWaiting = () => {};

  constructor(
    readonly url: string,
    readonly options: FeedOptions = {},
  ) {
    const since = Object.entries(options.since ?? {});
    this.tokens = Object.fromEntries(since.map(([topic, token]) => [topic.toLowerCase(), token]));
  }

  /** Its first update is a snapshot, unless `since` knows better. */
  subscribe(...topics: string[]): void {
    const names = topics.map((topic) => topic.toLowerCase());
    for (const name of names) this.#topics.set(name, this.#topics.get(name) ?? false);
    this.#ask("subscribe", names);
  }

  unsubscribe(...topics: string[]): void {
    const names = topics.map((topic) => topic.toLowerCase());
    for (const name of names) {
      this.#topics.delete(name);
      delete this.tokens[name];
    }
    this.#ask("unsubscribe", names);
  }

  /** Ends the iteration. */
  close(): void {
    this.#closed = true;
    this.#connection?.end("closed");
    this.#stopWaiting();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Update, undefined>> {
    while (!this.#closed) {
      this.#connection ??= this.#connect();
      const text = await this.#connection.receive();
      if (text === undefined) {
        const reason = this.#connection.reason;
        this.#connection = undefined;
        if (!this.#closed) await this.#wait(reason);
        continue;
      }
      const update = this.#take(JSON.parse(text));
      if (update !== undefined && !this.#closed) return { done: false, value: update };
    }
    return { done: true, value: undefined };
  }

  #connect(): Connection {
    const WebSocket = this.options.WebSocket ?? globalThis.WebSocket;
    const { heartbeat = 20 } = this.options;
    return new Connection(new WebSocket(this.url), heartbeat, () => {
      this.#asked = [];
      const names = (accepted: boolean): string[] =>
        [...this.#topics].filter(([, known]) => known === accepted).map(([name]) => name);
      // Apart, so that a refusal of what is new leaves the rest.
      this.#ask("subscribe", names(true));
      this.#ask("subscribe", names(false));
    });
  }

  /** Without a connection there is nothing to do: the next one asks for all topics. */
  #ask(op: "subscribe" | "unsubscribe", topics: string[]): void {
    if (topics.length === 0 || !this.#connection?.open) return;
    this.#asked.push(topics);
    const known = topics.filter((topic) => topic in this.tokens);
    const since = Object.fromEntries(known.map((topic) => [topic, this.tokens[topic]]));
    this.#connection.send({ op, topics, ...(op === "subscribe" && { since }) });
  }

  #take(frame: any): Update | undefined {
    switch (frame.op) {
      case undefined:
        break;
      case "subscribed":
        this.#asked.shift();
        for (const topic of frame.topics) this.#accept(topic.toLowerCase());
        return undefined;
      case "error":
        for (const name of this.#asked.shift() ?? []) {
          if (!this.#topics.get(name)) this.#topics.delete(name);
        }
        throw new FeedError(frame.code, frame.message);
      case "reset":
        delete this.tokens[frame.topic.toLowerCase()];
        return undefined;
      default:
        return undefined;
    }
    this.#failures = 0;
    const { topic, token, seq, ts, data, snapshot = false } = frame;
    if (!this.#topics.has(topic.toLowerCase())) return undefined; // was on its way
    this.tokens[topic.toLowerCase()] = token;
    return { topic, data, snapshot, token, seq, ts };
  }

  #accept(name: string): void {
    if (this.#topics.has(name)) this.#topics.set(name, true);
  }

  async #wait(reason: string): Promise<void> {
    const { firstWait = 1, longestWait = 30, onRetry } = this.options;
    const told = /reconnect in ([\d.]+) s/.exec(reason)?.[1];
    const most = Math.min(longestWait, firstWait * 2 ** Math.min(this.#failures++, 20));
    const seconds = told === undefined ? Math.random() * most : Number(told);
    onRetry?.(reason, seconds);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.#stopWaiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** One WebSocket and what it brought that nobody has taken yet. */
class Connection {
  reason = "";
  #inbox: string[] = [];
  #ended = false;
  #silent = 0;
  #wake = () => {};
  readonly #heartbeat: ReturnType<typeof setInterval>;

  constructor(
    readonly socket: Socket,
    heartbeat: number,
    opened: () => void,
  ) {
    socket.onopen = opened;
    socket.onmessage = ({ data }) => this.#heard(data);
    socket.onclose = ({ code, reason }) => this.end(reason || `closed with ${code}`);
    socket.onerror = () => {}; // a close follows
    this.#heartbeat = setInterval(() => this.#beat(), heartbeat * 1000);
  }

  get open(): boolean {
    return this.socket.readyState === 1;
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The next message; undefined: there will be none. */
  async receive(): Promise<string | undefined> {
    while (this.#inbox.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#inbox.shift();
  }

  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.reason = reason;
    clearInterval(this.#heartbeat);
    this.socket.close();
    this.#wake();
  }

  #heard(text: string): void {
    if (this.#ended) return;
    this.#silent = 0;
    if (this.#inbox.push(text) > INBOX) {
      this.#inbox = [];
      this.end("the reader is too slow");
    }
    this.#wake();
  }

  #beat(): void {
    if (this.#silent++ > 0 || !this.open) this.end("silence");
    else this.send({ op: "ping" });
  }
}
