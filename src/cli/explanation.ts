import type { CallRecord, Explanation, Operation } from "../gen/system.ts";
import { STOOD_STILL } from "../rpc/steps.ts";
import { table, wrap } from "./layout.ts";

/** What one server has answered, or why it has not. */
export interface Answer {
  readonly address: string;
  readonly explanation: Explanation | undefined;
  readonly error: unknown;
}

/** A record and the servers that know it. */
interface Known {
  readonly record: CallRecord;
  readonly address: string;
}

/** Steps in words, if their names are not enough. */
const MEANINGS: Readonly<Record<string, string>> = {
  "waiting for a connection": "all connections to TCP servers were busy",
  connecting: "a connection to a TCP server was opened",
  queue: "the request waited in the HTTP tier",
  handler: "the network, and the TCP tier",
  "waiting for a hash": "other passwords were hashed first",
  [STOOD_STILL]: "it was stopped, or its event loop was blocked",
  "in the handler": "the work itself, with its databases",
};
/** A server that refused a call says why. Its databases are not to blame. */
const REFUSED: ReadonlySet<string> = new Set(["resource_exhausted", "unavailable"]);
/** Shorter steps are left out. */
const MIN_STEP_MS = 1;
/** Shorter steps are not what was slow. */
const MIN_MAIN_SHARE = 0.4;

/** What happened to a request, as text for an operator; undefined if no server knows it. */
export function explanationText(requestId: string, answers: readonly Answer[]): string | undefined {
  const known = distinct(answers);
  if (known.length === 0) return undefined;
  const requests = known.filter(({ record }) => record.tier === "http");
  const calls = known.filter(({ record }) => record.tier === "tcp");
  const parts = [
    `Request ${requestId}`,
    wrap(`In short: ${summary(requests, calls)}`, ""),
    ...requests.map(({ record }) => describe(record, `HTTP tier, process ${record.process}`)),
    ...(requests.length === 0 ? [NO_HTTP] : []),
    ...calls.map(({ record, address }) =>
      describe(record, `TCP server ${address}, process ${record.process}`),
    ),
    ...(calls.length === 0 ? [NO_TCP] : []),
    ...unasked(answers),
  ];
  return printable(parts.join("\n\n"));
}

/** A peer may report any text, and a terminal obeys control characters. */
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, "\u{fffd}");
}

/** Why no server knows a request. */
export function unknownText(requestId: string, answers: readonly Answer[]): string {
  const asked = answers.filter(({ explanation }) => explanation !== undefined);
  const kept = asked.map(({ address, explanation }) => {
    const { kept = 0, since = "", maxKept = 0 } = explanation ?? {};
    return `  ${address} keeps ${kept} of at most ${maxKept} records, since ${since}`;
  });
  return [
    `Cannot explain ${requestId}: no server has a record of it.`,
    ...kept,
    wrap(
      "Only slow and failed requests are kept, at most 100 of a kind in a second, until newer " +
        "ones replace them or the server restarts. Records of the HTTP tier arrive within seconds.",
      "  ",
    ),
    ...unasked(answers),
  ].join("\n");
}

const NO_HTTP = wrap(
  "No record of the HTTP tier: the call did not come from a browser, the tier has not reported " +
    "it yet, or it was neither slow nor failed there.",
  "",
);
const NO_TCP = wrap(
  "No record of a TCP server: it did not get the call, it has restarted since, or the call was " +
    "neither slow nor failed there.",
  "",
);

function unasked(answers: readonly Answer[]): string[] {
  return answers.flatMap(({ address, error }) => {
    if (error === undefined) return [];
    const why = error instanceof Error ? error.message : String(error);
    return [wrap(`Not asked: ${address}. It may know more. ${why}`, "")];
  });
}

/** An HTTP tier that could not tell whether a report has arrived sends it twice. */
function distinct(answers: readonly Answer[]): Known[] {
  const byText = new Map<string, Known>();
  for (const { address, explanation } of answers) {
    for (const record of explanation?.records ?? []) {
      byText.set(JSON.stringify(record), { record, address });
    }
  }
  return [...byText.values()].toSorted((one, other) =>
    one.record.at.localeCompare(other.record.at),
  );
}

function describe(record: CallRecord, where: string): string {
  const main = mainStep(record);
  const rows = record.steps
    .filter(({ ms }) => ms >= MIN_STEP_MS)
    .map(({ name, ms }) => {
      const meaning = MEANINGS[name] ?? "";
      const note = name === main?.name ? `most of the time${meaning && `: ${meaning}`}` : meaning;
      return [name, milliseconds(ms).padStart(8), note];
    });
  return [
    `${where}, ${record.at}`,
    wrap(`${record.what}: ${record.outcome}, after ${milliseconds(record.ms)}`, "  "),
    ...(record.reason === undefined ? [] : [wrap(`Reason: ${record.reason}`, "  ", "    ")]),
    ...(rows.length === 0 ? [] : [table(rows, "    ")]),
    ...(record.operations.length === 0
      ? []
      : ["  Databases at that time, for this call or others:"]),
    ...record.operations.map((operation) => `    ${describeOperation(operation)}`),
  ].join("\n");
}

function describeOperation({ system, name, ms, error, isOver }: Operation): string {
  const took = milliseconds(ms);
  if (!isOver) return `${nameOf(system)} "${name}" had not answered after ${took}`;
  if (error === undefined) return `${nameOf(system)} "${name}" took ${took}`;
  return `${nameOf(system)} "${name}" failed after ${took}: ${error}`;
}

/** One sentence: the part that was slow or failed. */
function summary(requests: readonly Known[], calls: readonly Known[]): string {
  const slowest = longest(calls);
  const request = longest(requests);
  const late = calls.find(({ record }) => record.reason?.startsWith(STOOD_STILL));
  if (late) return outcomeOf(late.record, `on the TCP server, ${late.record.reason}`);
  const still = [slowest, request].find(
    (each) => each && stoodStillMs(each) >= MIN_MAIN_SHARE * each.ms,
  );
  if (still) {
    const who = still.tier === "tcp" ? "the TCP server" : "the HTTP tier";
    const seconds = (stoodStillMs(still) / 1000).toFixed(1);
    const what = `${who} stood still for ${seconds} s, during ${still.what}`;
    return `${what}. Its databases are not to blame.`;
  }
  if (slowest && REFUSED.has(slowest.outcome)) {
    return outcomeOf(slowest, slowest.reason ?? request?.reason);
  }
  const operation = slowest?.operations[0];
  if (slowest && operation && operation.ms >= MIN_MAIN_SHARE * slowest.ms) {
    return `${describeOperation(operation)}, during ${slowest.what}.`;
  }
  const failed = slowest?.operations.find(({ error }) => error !== undefined);
  if (failed) return `${describeOperation(failed)}, during ${slowest?.what}.`;
  const inCall = slowest && mainStep(slowest);
  if (slowest && inCall && slowest.ms >= MIN_MAIN_SHARE * (request?.ms ?? 0)) {
    return `${slowest.what}: ${slowest.outcome}; ${shareOf(inCall)}.`;
  }
  const record = request ?? slowest;
  return record ? outcomeOf(record, record.reason) : "nothing is known.";
}

function outcomeOf(record: CallRecord, reason: string | undefined): string {
  const step = mainStep(record);
  const why = reason === undefined ? "" : ` Reason: ${reason}.`;
  return `${record.what}: ${record.outcome}${step ? `; ${shareOf(step)}` : ""}.${why}`;
}

function shareOf({ name }: CallRecord["steps"][number]): string {
  const meaning = MEANINGS[name];
  return `most of the time was "${name}"${meaning === undefined ? "" : ` (${meaning})`}`;
}

function stoodStillMs({ steps }: CallRecord): number {
  return steps.find(({ name }) => name === STOOD_STILL)?.ms ?? 0;
}

function longest(known: readonly Known[]): CallRecord | undefined {
  return known.map(({ record }) => record).toSorted((one, other) => other.ms - one.ms)[0];
}

function mainStep({ steps, ms }: CallRecord): CallRecord["steps"][number] | undefined {
  const [first] = steps.toSorted((one, other) => other.ms - one.ms);
  return first && first.ms >= MIN_MAIN_SHARE * ms ? first : undefined;
}

const DATABASES: Readonly<Record<string, string>> = {
  mysql: "MySQL",
  redis: "Redis",
  sqlite: "SQLite",
};

function nameOf(system: string): string {
  return DATABASES[system] ?? system;
}

function milliseconds(ms: number): string {
  return `${Math.round(ms)} ms`;
}
