// Shows what the live feed tells. Amounts are wei as text and go through BigInt only.

const TOPICS = ["epoch", "window", "block", "sync", "snapshot", "project.rewards", "epoch.allocations"];
const SERVICES = ["chain-sync", "epochs", "rewards", "allocations"];
const SHOWN = 8; // allocations
const LATE = 2; // blocks that a service may be behind before it is pointed at
const HEARTBEAT = 20; // seconds; the feed answers a ping within as long, or is given up
const LONGEST_WAIT = 30; // seconds
const ASK_AGAIN = 30; // seconds, for names of projects
const ROW = 44; // of the chart, in pixels

const $ = (id) => document.getElementById(id);

function put(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

// --- amounts and names

const ETHER = 10n ** 18n;

/** ETH with at most so many digits behind the point, rounded half up. */
function eth(wei, digits = 18) {
  const unit = 10n ** BigInt(18 - digits);
  const rounded = ((BigInt(wei) + unit / 2n) / unit) * unit;
  if (rounded === 0n && BigInt(wei) > 0n) return `< ${eth(unit, digits)}`;
  const whole = String(rounded / ETHER).replace(/\B(?=(\d{3})+$)/g, ",");
  const rest = String(rounded % ETHER).padStart(18, "0").replace(/0+$/, "");
  return rest ? `${whole}.${rest}` : whole;
}

const short = (address) => `${address.slice(0, 6)}…${address.slice(-4)}`;
const count = (n, one) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;

let names = new Map(); // of projects, by address
let named = 0; // the epoch they are of
let askedAt = 0;
const nameOf = (address) => names.get(address) ?? short(address);

/** Addresses do until there are names; they are not asked for with every frame. */
async function learnNames(epoch) {
  if (named === epoch || Date.now() - askedAt < ASK_AGAIN * 1000) return;
  askedAt = Date.now();
  try {
    const answer = await fetch(`/projects/details?epochs=${epoch}&searchPhrases=`);
    const { projectsDetails } = await answer.json();
    if (projectsDetails.length === 0) return;
    named = epoch;
    names = new Map(projectsDetails.map(({ name, address }) => [address, name]));
    showEstimates();
    showAllocations();
  } catch {
    // chain-sync is away
  }
}

// --- time: the chain's decides, and it runs on between two blocks

const state = { epoch: null, window: null, rewards: null };
let ahead; // seconds that the chain's time is before the reader's clock

const chainNow = () => Date.now() / 1000 + ahead;
const style = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };
const toMinute = new Intl.DateTimeFormat("en-GB", style);
const toSecond = new Intl.DateTimeFormat("en-GB", { ...style, second: "2-digit" });
const at = (seconds, format = toMinute) => format.format(seconds * 1000);

function clock(seconds) {
  const [s, m, h] = [1, 60, 3600].map((unit, i) => Math.floor(seconds / unit) % [60, 60, 24][i]);
  const days = Math.floor(seconds / 86400);
  const time = [h, m, s].map((part) => String(part).padStart(2, "0")).join(":");
  return days ? `${count(days, "day")} ${time}` : time;
}

function roughly(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : count(Math.round(seconds / 86400), "day");
}

function heardBlock({ timestamp, number, final }, snapshot) {
  put("final", final < number ? `${final.toLocaleString("en")} (head ${number.toLocaleString("en")})` : final.toLocaleString("en"));
  // A block that was long on its way must not set the time back.
  const told = timestamp - Date.now() / 1000;
  ahead = snapshot || ahead === undefined ? told : Math.max(ahead, told);
  tick();
}

function tick() {
  if (ahead === undefined) return;
  const now = chainNow();
  put("chain-time", at(now, toSecond));
  const differs = Math.abs(ahead);
  put("clock-difference", differs < 2 ? "in step" : `${roughly(differs)} ${ahead < 0 ? "ahead" : "behind"}`);
  const { epoch, window } = state;
  if (epoch) $("epoch-progress").value = (now - epoch.startsAt) / (epoch.endsAt - epoch.startsAt);
  if (!epoch || !window) return;
  const open = window.state === "open";
  const end = open ? window.closesAt : epoch.endsAt;
  const left = end - now;
  put("window-left", left > 0 ? clock(left) : open ? "Closing" : "Opening");
  put("window-what", left > 0 ? (open ? "left" : "until the next one opens") : "with the next blocks");
  $("window-progress").value = open ? 1 - left / epoch.decisionWindow : 0;
}

function showTimes() {
  const { epoch, window } = state;
  put("epoch", epoch ? `Epoch ${epoch.currentEpoch}` : "None yet");
  put("epoch-start", epoch ? at(epoch.startsAt) : "–");
  put("epoch-end", epoch ? at(epoch.endsAt) : "–");
  if (!window) return;
  const open = window.state === "open";
  $("window-state").dataset.state = window.state;
  put("window-state", open ? "Open" : "Closed");
  $("window-progress").hidden = !open;
  const whose = open ? window.pendingEpoch : epoch?.currentEpoch;
  put("window-epoch", whose ? `${open ? "" : "– the next one is "}for the budgets of epoch ${whose}` : "");
  put("window-from", open ? "Opened" : "The last one closed");
  put("window-start", (open ? epoch && at(epoch.startsAt) : window.closesAt && at(window.closesAt)) || "–");
  put("window-to", open ? "Closes" : "The next one opens");
  put("window-end", open ? at(window.closesAt) : epoch ? at(epoch.endsAt) : "–");
  put("estimates-note", open ? "What the projects would get if the window closed now." : "As the last window left them.");
  tick();
}

// --- sync

function showSync({ blockchainHeight: top, heights }) {
  const rows = [["Chain", top], ...SERVICES.map((name) => [name, heights[name]])];
  $("sync").replaceChildren(
    ...rows.map(([name, height]) => {
      const behind = top === null || height === null ? 0 : Math.max(0, top - height);
      const [kind, text] =
        height === null
          ? ["gone", "does not answer"]
          : behind
            ? [behind > LATE ? "late" : "good", `${count(behind, "block")} behind`]
            : ["good", name === "Chain" ? "answers" : "up to date"];
      const dot = make("span", "dot");
      const told = make("td", `sync ${kind}`, dot, text);
      const source = make("th", "", name);
      source.scope = "row";
      return make("tr", "", source, make("td", "number", height === null ? "–" : height.toLocaleString("en")), told);
    }),
  );
}

const STATES = {
  not_applicable: "not yet needed",
  in_progress: "in progress",
  too_early: "after the window",
  done: "done",
  error: "missing",
};

function showSnapshots(told) {
  for (const kind of ["pending", "finalized"]) {
    const { epoch, state: how } = told[kind];
    const last = epoch ? `epoch ${epoch}` : "none";
    put(`snapshot-${kind}`, how === "done" ? last : `${last}; next ${STATES[how] ?? how}`);
  }
}

// --- estimates

const SVG = "http://www.w3.org/2000/svg";
const bars = new Map(); // by address
const wide = matchMedia("(min-width: 50rem)");

function part(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function bar() {
  const made = {
    row: part("svg", { height: ROW, class: "row" }),
    name: part("text", { x: 0, y: 14 }),
    total: part("text", { x: "100%", y: 14, class: "total" }),
    allocated: part("rect", { y: 22, height: 10, rx: 2, class: "allocated" }),
    matched: part("rect", { y: 22, height: 10, rx: 2, class: "matched" }),
  };
  made.row.append(made.name, made.total, part("rect", { y: 22, height: 10, rx: 2, width: "100%", class: "track" }));
  made.row.append(made.allocated, made.matched);
  return made;
}

function showEstimates() {
  const told = state.rewards;
  const rows = (told?.rewards ?? []).map(({ address, allocated, matched }) => {
    const [a, m] = [BigInt(allocated), BigInt(matched)];
    return { address, allocated: a, matched: m, total: a + m };
  });
  for (const id of ["chart", "estimates-details"]) $(id).toggleAttribute("hidden", !rows.length);
  $("estimates-empty").hidden = rows.length > 0;
  put("estimates-title", told ? `Estimates of epoch ${told.epoch}` : "Estimates");
  put("sum-allocated", told ? `${eth(told.totalAllocated, 4)} ETH` : "–");
  put("sum-matched", told ? `${eth(rows.reduce((sum, row) => sum + row.matched, 0n), 4)} ETH` : "–");
  put("sum-leverage", told ? `× ${told.leverage.toLocaleString("en", { maximumFractionDigits: 2 })}` : "–");
  put("sum-donors", told ? told.donors.toLocaleString("en") : "–");
  rows.sort((a, b) => (a.total < b.total ? 1 : a.total > b.total ? -1 : 0));
  draw(rows);
  $("estimates").replaceChildren(
    ...rows.map(({ address, allocated, matched, total }) => {
      const project = make("th", "", nameOf(address));
      project.scope = "row";
      project.title = address;
      return make("tr", "", project, ...[allocated, matched, total].map((wei) => make("td", "number", eth(wei))));
    }),
  );
}

function draw(rows) {
  const most = rows[0]?.total || 1n;
  const percent = (wei) => Number((wei * 10000n) / most) / 100; // for the eye only
  const columns = wide.matches && rows.length > 5 ? 2 : 1;
  const longest = wide.matches ? 44 : 24; // letters that leave room for the amount
  const lines = Math.ceil(rows.length / columns);
  $("chart").setAttribute("height", lines * ROW);
  rows.forEach(({ address, allocated, matched, total }, i) => {
    if (!bars.has(address)) $("chart").append(bars.set(address, bar()).get(address).row);
    const { row, ...parts } = bars.get(address);
    row.setAttribute("x", i < lines ? 0 : "52%");
    row.setAttribute("y", (i % lines) * ROW);
    row.setAttribute("width", columns === 2 ? "48%" : "100%");
    const name = nameOf(address);
    parts.name.textContent = name.length > longest ? `${name.slice(0, longest - 1)}…` : name;
    parts.total.textContent = `${eth(total, 4)} ETH`;
    parts.allocated.setAttribute("width", `${percent(allocated)}%`);
    parts.matched.setAttribute("x", `${percent(allocated)}%`);
    parts.matched.setAttribute("width", `${percent(matched)}%`);
  });
  const kept = new Set(rows.map(({ address }) => address));
  for (const [address, { row }] of bars) {
    if (kept.has(address)) continue;
    row.remove();
    bars.delete(address);
  }
}

// --- allocations: a change replaces everything its donor has in its epoch

let changes = new Map(); // the last ones, oldest first

function heardAllocations(told, snapshot, time) {
  if (snapshot) changes = new Map();
  for (const change of told) {
    const key = `${change.epoch} ${change.donor}`;
    changes.delete(key);
    changes.set(key, snapshot ? change : { ...change, time });
  }
  changes = new Map([...changes].slice(-SHOWN));
  showAllocations();
}

const items = new Map(); // shown, by their change

function showAllocations() {
  const newest = [...changes.values()].reverse();
  $("allocations").hidden = newest.length === 0;
  $("allocations-empty").hidden = newest.length > 0;
  for (const change of items.keys()) if (!newest.includes(change)) items.delete(change);
  $("allocations").replaceChildren(
    ...newest.map((change) => {
      const item = items.get(change) ?? allocation(change);
      items.set(change, item);
      item.querySelector(".to").textContent = receivers(change);
      return item;
    }),
  );
}

function allocation({ donor, allocations, epoch, revoked, time }) {
  const who = make("span", "donor", short(donor));
  who.title = donor;
  const sum = allocations.reduce((total, { amount }) => total + BigInt(amount), 0n);
  const when = time ? make("time", "", new Date(time).toLocaleTimeString("en-GB")) : make("span");
  if (time) when.dateTime = time;
  const item = make("li", time ? "new" : "", who, make("b", "number", revoked ? "revoked" : `${eth(sum, 4)} ETH`));
  item.append(make("span", "to"), make("span", "when", `epoch ${epoch}`, time ? ", " : "", when));
  return item;
}

function receivers({ allocations, revoked }) {
  if (revoked) return "is a patron now";
  const given = allocations.filter(({ amount }) => BigInt(amount) > 0n).map(({ project }) => nameOf(project));
  if (given.length === 0) return "keeps the budget";
  return `to ${given.length > 3 ? `${given.slice(0, 2).join(", ")} and ${given.length - 2} more` : given.join(", ")}`;
}

// --- the feed

function show({ topic, data, snapshot = false, ts }) {
  if (topic === "epoch" || topic === "window") {
    state[topic] = data;
    showTimes();
  } else if (topic === "project.rewards") {
    state.rewards = data;
    showEstimates();
    if (data) learnNames(data.epoch);
  } else if (topic === "epoch.allocations") heardAllocations(data.changes, snapshot, ts);
  else if (topic === "block" && data) heardBlock(data, snapshot);
  else if (topic === "sync" && data) showSync(data);
  else if (topic === "snapshot" && data) showSnapshots(data);
}

const tokens = {}; // the last of each topic
let address;
let failures = 0;
let retrying;

async function findFeed() {
  const answer = await fetch("/config.json");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const config = await answer.json();
  put("chain", `${config.chainName} · chain ${config.chainId}`);
  return config.feedUrl;
}

async function connect() {
  clearTimeout(retrying);
  retrying = undefined;
  try {
    address ??= await findFeed();
    listen(new WebSocket(address));
  } catch {
    lost();
  }
}

function listen(opened) {
  let silent = 0; // heartbeats without a word
  const beat = setInterval(() => {
    if (silent++ || opened.readyState !== WebSocket.OPEN) end();
    else opened.send('{"op":"ping"}');
  }, HEARTBEAT * 1000);
  const end = (reason) => {
    clearInterval(beat);
    opened.onclose = opened.onmessage = null;
    opened.close();
    lost(/reconnect in ([\d.]+) s/.exec(reason)?.[1]);
  };
  opened.onopen = () => opened.send(JSON.stringify({ op: "subscribe", topics: TOPICS, since: tokens }));
  opened.onclose = ({ reason }) => end(reason);
  opened.onmessage = ({ data }) => {
    silent = 0;
    const frame = JSON.parse(data);
    if (frame.op === "subscribed") say("live", "Live");
    if (frame.op === "reset") delete tokens[frame.topic];
    if (frame.op !== undefined) return;
    failures = 0;
    show(frame);
    tokens[frame.topic] = frame.token;
  };
}

/** Tried again after what the feed says, or a random time that grows: all come back at once else. */
function lost(told) {
  const most = Math.min(LONGEST_WAIT, 2 ** failures++);
  const seconds = told === undefined ? Math.random() * most : Number(told);
  retrying = setTimeout(connect, seconds * 1000);
  if ($("feed").dataset.state === "lost") return;
  const since = new Date().toLocaleTimeString("en-GB");
  say("lost", `Disconnected since ${since}; the page goes on by itself`);
}

function say(how, text) {
  $("feed").dataset.state = how;
  put("feed-text", text);
  if (how === "live" && document.activeElement === $("retry")) $("main").focus();
  $("retry").hidden = how !== "lost";
}

function connectNow() {
  if (retrying !== undefined) connect();
}

$("retry").addEventListener("click", connectNow);
addEventListener("online", connectNow);
wide.addEventListener("change", showEstimates);
setInterval(tick, 1000);
connect();
