// Compiles contracts/*.sol into artifacts/<Name>.json, byte for byte the same on every machine,
// and those of examples/ likewise.
// With --check nothing is written: the exit code is 1 when a committed artefact differs.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const solc = createRequire(import.meta.url)("solc");
const here = fileURLToPath(new URL(".", import.meta.url));
const FOLDERS = [here, join(here, "examples")];

const SETTINGS = {
  evmVersion: "paris",
  optimizer: { enabled: true, runs: 200 },
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
};

function filesIn(folder, extension) {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(extension)).sort();
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

function compile(sourceFolder) {
  const sources = {};
  for (const name of filesIn(sourceFolder, ".sol")) {
    sources[name] = { content: readFileSync(join(sourceFolder, name), "utf8") };
  }
  const input = { language: "Solidity", sources, settings: SETTINGS };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const problems = output.errors ?? [];
  if (problems.length > 0) {
    throw new Error(problems.map((problem) => problem.formattedMessage).join("\n"));
  }
  return output.contracts;
}

// Keys sorted at every level; internalType dropped because it only repeats the sources.
function tidy(value) {
  if (Array.isArray(value)) return value.map(tidy);
  if (value === null || typeof value !== "object") return value;
  const keys = Object.keys(value).filter((key) => key !== "internalType").sort();
  return Object.fromEntries(keys.map((key) => [key, tidy(value[key])]));
}

// One ABI entry per line keeps the files small and their diffs readable.
function render(contract) {
  const entries = tidy(contract.abi).map((entry) => `    ${JSON.stringify(entry)}`);
  return [
    "{",
    `  "abi": [\n${entries.join(",\n")}\n  ],`,
    `  "bytecode": "0x${contract.evm.bytecode.object}",`,
    `  "deployedBytecode": "0x${contract.evm.deployedBytecode.object}"`,
    "}\n",
  ].join("\n");
}

function artifacts(sourceFolder) {
  const rendered = new Map();
  for (const contracts of Object.values(compile(sourceFolder))) {
    for (const [name, contract] of Object.entries(contracts)) {
      // Interfaces and abstract contracts have no code.
      if (contract.evm.bytecode.object) rendered.set(`${name}.json`, render(contract));
    }
  }
  return rendered;
}

function check(rendered, artifactFolder) {
  const committed = filesIn(artifactFolder, ".json");
  const wrong = committed.filter((name) => !rendered.has(name));
  for (const [name, text] of rendered) {
    const same =
      committed.includes(name) && readFileSync(join(artifactFolder, name), "utf8") === text;
    if (!same) wrong.push(name);
  }
  if (wrong.length > 0) {
    console.error(`artefacts differ from the sources: ${wrong.sort().join(", ")}`);
    console.error("run: node devnet/build.mjs");
    process.exit(1);
  }
  console.log(`${rendered.size} artefacts match the sources`);
}

function write(rendered, artifactFolder) {
  mkdirSync(artifactFolder, { recursive: true });
  for (const name of filesIn(artifactFolder, ".json")) {
    if (!rendered.has(name)) rmSync(join(artifactFolder, name));
  }
  for (const [name, text] of rendered) writeFileSync(join(artifactFolder, name), text);
  console.log(`${rendered.size} artefacts written`);
}

for (const folder of FOLDERS) {
  const rendered = artifacts(join(folder, "contracts"));
  const finish = process.argv.includes("--check") ? check : write;
  finish(rendered, join(folder, "artifacts"));
}
