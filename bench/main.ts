// `bun run bench WHAT`: the command line of all benchmarks.

import { ExitCode, exitAsMisunderstood, splitArguments, UsageError } from "../src/cli/usage.ts";
import { benchMicro, microTable } from "./micro/main.ts";
import { barePeer } from "./peers/bare.ts";
import { classicGo } from "./peers/classic-go.ts";
import { nodePeer } from "./peers/node.ts";
import { portico } from "./peers/portico.ts";
import { reportCommand, writeResults } from "./report/main.ts";
import { failures } from "./report/targets.ts";
import { benchRpc, rpcTable } from "./rpc/main.ts";
import { profileRpc } from "./rpc/profile.ts";
import { benchSeed, seedTable } from "./seed/main.ts";
import { budget } from "./sla/budget.ts";
import { LOAD_SETS, quickSets } from "./sla/loads.ts";
import { benchSla, FULL_SIZE } from "./sla/main.ts";
import { terminalTable } from "./sla/terminal-table.ts";

const HELP = `bun run bench sla [--quick] [--users N] [--rounds N] [--seconds N]
bun run bench report [FILE]
bun run bench budget
bun run bench rpc [--quick | --profile]
bun run bench seed [--quick]
bun run bench micro [--quick]

  sla     Put the loads of the contract on Portico, on the same service in Go and on Node,
          and on bare Bun.serve (the ceiling). Use MySQL and Redis at DATABASE_URL and
          REDIS_URL, or start both. Write the results and their page to bench/results.
          The exit code is 1 if an answer of Portico was wrong or missing.
  report  Make the page of a load test from its results, FILE or the newest full run in
          bench/results. Write the tables of README.md and docs/performance.md, too, if
          it was a full run.
  budget  Show where the CPU time of one get_user_info and one signin goes.
  rpc     Measure one call at 1, 64 and 1,000 in flight: Portico, a loop that only frames
          messages (the ceiling), grpc-js and Connect-ES.
  seed    Load 1,000,000 users into a new MariaDB: the seeder, and LOAD DATA of the same
          rows from a ready file.
  micro   Measure single operations: frames, messages, checks, sessions, passwords.

  --quick      one short round
  --profile    instead, show which functions take Portico's time at 64 calls in flight
  --users      number of test users (default 10,000,000; with --quick 100,000)
  --rounds     number of rounds of each load (default 7; with --quick 1)
  --seconds    length of a round (default 3; with --quick 1)
`;

const { positionals, values } = readArguments();
const isQuick = values.quick;

function readArguments() {
  try {
    return splitArguments("bench", {
      args: process.argv.slice(2),
      allowPositionals: true,
      options: {
        quick: { type: "boolean", default: false },
        profile: { type: "boolean", default: false },
        users: { type: "string" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    exitAsMisunderstood(error);
  }
}

/** Each returns the exit code. */
const COMMANDS: Readonly<Record<string, (file: string | undefined) => Promise<number>>> = {
  async sla() {
    const results = await benchSla(
      {
        command: ["bun run bench", ...process.argv.slice(2)].join(" "),
        loadSets: isQuick ? quickSets() : LOAD_SETS,
        peers: [barePeer, portico, classicGo, nodePeer],
        isShort: isQuick,
        users: wholeNumber("users", isQuick ? 100_000 : FULL_SIZE.users),
        rounds: wholeNumber("rounds", isQuick ? 1 : FULL_SIZE.rounds),
        seconds: wholeNumber("seconds", isQuick ? 1 : FULL_SIZE.seconds),
      },
      {
        progress: showProgress,
        measured(load) {
          showProgress("");
          console.log(terminalTable(load));
        },
      },
    );
    showProgress("");
    const { json, html } = await writeResults(results);
    for (const reason of results.leftOut) console.log(`Left out: ${reason}`);
    console.log(`${html}\n${json}`);
    const failed = failures(results).filter(({ isMet }) => isMet === false);
    for (const { what, measured } of failed) console.error(`${what}: ${measured}`);
    return failed.length === 0 ? 0 : 1;
  },

  report: reportCommand,

  budget: () => printed(() => budget(showProgress)),

  rpc() {
    if (values.profile) return printed(() => profileRpc(5000));
    const [rounds, durationMs] = isQuick ? [1, 300] : [5, 2000];
    const options = { rounds, durationMs, inFlight: [1, 64, 1000] };
    return printed(async () => rpcTable(await benchRpc(options, showProgress)));
  },

  seed() {
    const [rows, rounds] = isQuick ? [100_000, 1] : [1_000_000, 3];
    return printed(async () => seedTable(await benchSeed({ rows, rounds }, showProgress)));
  },

  micro() {
    const options = { durationMs: isQuick ? 50 : 1000, batch: 1024 };
    return printed(async () => microTable(await benchMicro(options, showProgress)));
  },
};

/** Print a text when it is ready. */
async function printed(text: () => Promise<string>): Promise<number> {
  const ready = await text();
  showProgress("");
  console.log(ready);
  return 0;
}

function wholeNumber(name: "users" | "rounds" | "seconds", otherwise: number): number {
  const text = values[name];
  if (text === undefined) return otherwise;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  exitAsMisunderstood(
    new UsageError(`Cannot read --${name} ${text}: must be a whole number from 1`),
  );
}

function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

const [what = "", file, surplus] = positionals;
const command = Object.hasOwn(COMMANDS, what) ? COMMANDS[what] : undefined;
if (values.help || what === "") {
  console.log(HELP);
} else if (!command || surplus !== undefined || (file !== undefined && what !== "report")) {
  console.error(HELP);
  process.exitCode = ExitCode.misunderstood;
} else {
  process.exitCode = await command(file);
}
