// `bun run bench WHAT`: how anyone checks the claims on their own machine.

import {
  exitAsMisunderstood,
  MISUNDERSTOOD,
  splitArguments,
  UsageError,
} from "../src/cli/usage.ts";
import { benchMicro, microTable } from "./micro/main.ts";
import { reportCommand, writeResults } from "./report/main.ts";
import { failures } from "./report/wanted.ts";
import { benchRpc, rpcTable } from "./rpc/main.ts";
import { profileRpc } from "./rpc/profile.ts";
import { benchSeed, seedTable } from "./seed/main.ts";
import { budget } from "./sla/budget.ts";
import { loadText } from "./sla/load-text.ts";
import { LOAD_SETS, quickSets } from "./sla/loads.ts";
import { ALL_PEERS, benchSla, FULL_SIZE } from "./sla/main.ts";

const HELP = `bun run bench sla [--quick] [--users N] [--rounds N] [--seconds N]
bun run bench report [FILE]
bun run bench budget
bun run bench rpc [--quick | --profile]
bun run bench seed [--quick]
bun run bench micro [--quick]

  sla     the loads of the contract on Portico, on the same account service in Go and on
          Node, and on bare Bun.serve (the ceiling), over MySQL and Redis: its own, or those that
          DATABASE_URL and REDIS_URL name; the page and the data go to bench/results; the
          exit code is 1 where an answer of Portico was wrong or missing
  report  make the page of a load test's results and write the tables of README.md and
          docs/performance.md: of FILE, or of the newest full run in bench/results; of a run
          that is less, the page only
  budget  where the CPU time of one get_user_info and one signin goes, stage by stage
  rpc     one call at 1, 64 and 1,000 in flight: Portico beside the bare framed loop (the
          ceiling), grpc-js and Connect-ES, each with a server and a client process
  seed    1,000,000 users into a MariaDB of its own: the seeder beside LOAD DATA of the
          same rows from a ready-made file, three rounds
  micro   frames, messages, checks, sessions and passwords, one operation of each

  --quick      one short round
  --profile    where Portico's time goes at 64 in flight, on both sides, instead
  --users      so many test users (10,000,000; with --quick 100,000)
  --rounds     each load so many times, in turn with the others (7; with --quick 1)
  --seconds    each time so long (3; with --quick 1)
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

const COMMANDS: Readonly<Record<string, (file: string | undefined) => Promise<number>>> = {
  async sla() {
    const rounds = wholeNumber("rounds", isQuick ? 1 : FULL_SIZE.rounds);
    const results = await benchSla(
      {
        command: ["bun run bench", ...process.argv.slice(2)].join(" "),
        loadSets: isQuick ? quickSets() : LOAD_SETS,
        peers: ALL_PEERS,
        isShort: isQuick,
        users: wholeNumber("users", isQuick ? 100_000 : FULL_SIZE.users),
        rounds,
        seconds: wholeNumber("seconds", isQuick ? 1 : FULL_SIZE.seconds),
      },
      {
        progress: showProgress,
        measured(load) {
          showProgress("");
          console.log(loadText(load, rounds));
        },
      },
    );
    showProgress("");
    const { json, html } = await writeResults(results);
    for (const reason of results.leftOut) console.log(`Left out: ${reason}`);
    console.log(`${html}\n${json}`);
    const failed = failures(results).filter(({ isKept }) => isKept === false);
    for (const { what, measured } of failed) console.error(`${what}: ${measured}`);
    return failed.length === 0 ? 0 : 1;
  },

  report: reportCommand,

  async budget() {
    const text = await budget(showProgress);
    showProgress("");
    console.log(text);
    return 0;
  },

  async rpc() {
    if (values.profile) {
      console.log(await profileRpc(5000));
      return 0;
    }
    const [rounds, durationMs] = isQuick ? [1, 300] : [5, 2000];
    const rows = await benchRpc({ rounds, durationMs, inFlight: [1, 64, 1000] }, showProgress);
    showProgress("");
    console.log(rpcTable(rows));
    return 0;
  },

  async seed() {
    const [rows, rounds] = isQuick ? [100_000, 1] : [1_000_000, 3];
    const loads = await benchSeed({ rows, rounds }, showProgress);
    showProgress("");
    console.log(seedTable(loads));
    return 0;
  },

  async micro() {
    const rows = await benchMicro({ durationMs: isQuick ? 50 : 1000, batch: 1024 }, showProgress);
    showProgress("");
    console.log(microTable(rows));
    return 0;
  },
};

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
  process.exitCode = MISUNDERSTOOD;
} else {
  process.exitCode = await command(file);
}
