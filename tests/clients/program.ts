// A user's program: `rest` prints what the HTTP API says, `feed` what the live feed does. Some topics
// tell it what to do: subscribe to others, wait for input, or end. `topic=token` goes on after it.
import { WebSocket } from "ws";
import { Feed, FeedError, octant, type Schemas } from "octant-client";

type Arguments = [node: string, program: string, what: string, url: string, ...rest: string[]];

const [, , what, url, heartbeat, ...topics] = process.argv as string[] as Arguments;
const say = (line: unknown): void => console.log(JSON.stringify(line));

const ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269";
const PROJECT = "0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f";

async function rest(): Promise<void> {
  const api = octant(url);
  const read = await api.GET("/allocations/epoch/{epoch_number}", {
    params: { path: { epoch_number: 5 }, query: { includeZeroAllocations: true } },
  });
  const amounts: string[] | undefined = read.data?.allocations.map((row) => row.amount);

  const body: Schemas["AllocateBody"] = {
    payload: { allocations: [{ proposalAddress: PROJECT, amount: "9007199254740993" }], nonce: 3 },
    userAddress: ALICE,
    signature: "0xabc",
    isManuallyEdited: false,
  };
  const refused = await api.POST("/allocations/allocate", { body });
  const { error } = refused;
  const reason: string | undefined = error && ("message" in error ? error.message : undefined);

  const faulty = await api.POST("/allocations/allocate", { body: { ...body, userAddress: "0x12" } });
  const faults = faulty.error && "detail" in faulty.error ? faulty.error.detail : [];
  const places = faults.map((fault) => fault.loc);

  // What the types forbid.
  // @ts-expect-error no such path
  () => api.GET("/allocations/epochs");
  // @ts-expect-error amounts are text
  const number: Schemas["AllocationItem"] = { proposalAddress: PROJECT, amount: 1 };
  // @ts-expect-error the epoch is missing
  () => api.GET("/allocations/epoch/{epoch_number}", { params: { path: {} } });
  void number;

  say({
    amounts,
    refused: [refused.response.status, reason],
    faulty: [faulty.response.status, places],
  });
}

async function feed(): Promise<void> {
  const known = topics.filter((topic) => topic.includes("="));
  const names = topics.map((topic) => topic.split("=")[0]!);
  const onRetry = (reason: string, seconds: number): void => say({ reason, seconds });
  const since = Object.fromEntries(known.map((entry) => entry.split("=")));
  const updates = new Feed(url, {
    since,
    WebSocket,
    onRetry,
    firstWait: 0.01,
    longestWait: 0.04,
    heartbeat: Number(heartbeat),
  });
  updates.subscribe(...names);
  for (;;) {
    try {
      for await (const update of updates) {
        say(update);
        if (update.topic === "more") updates.subscribe(...(update.data as string[]));
        if (update.topic === "less") updates.unsubscribe(...(update.data as string[]));
        if (update.topic === "close") updates.close();
        if (update.topic === "slow") await new Promise((go) => process.stdin.once("data", go));
      }
      return say({ tokens: updates.tokens });
    } catch (error) {
      if (!(error instanceof FeedError)) throw error;
      say({ code: error.code, message: error.message });
    }
  }
}

await (what === "rest" ? rest() : feed());
