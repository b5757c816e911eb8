// Checks docs/wire.md against the code. After a change of the wire or the schema, this writes its
// generated parts again: UPDATE_WIRE=1 bun test src/rpc/wire/wire.test.ts
import { expect, setDefaultTimeout, test } from "bun:test";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { GET_USER_INFO, SIGN_IN } from "../../gen/user.ts";
import { Balancer } from "../client/balancer.ts";
import { DomainError, isRpcStatus, type RpcStatus } from "../error.ts";
import { DEFAULT_LIMITS, DEFAULT_POOL_LIMITS } from "../limits.ts";
import { entry } from "../method.ts";
import { Listener } from "../server/listener.ts";
import { failure, HOST } from "../testing/stack.ts";
import { bodyOf, dump, startTap, type TappedFrame, typeOf } from "../testing/wire-tap.ts";
import { Flag, FrameType } from "./frame.ts";
import { proofOf } from "./proof.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const WIRE = join(import.meta.dir, "../../../docs/wire.md");
const TOKEN = "correct horse battery staple";
const TIMEOUT_MS = 5000;
const TIMEOUT_AT = 12;
/** These replace the random values in the hex dump. */
const NONCES = {
  client: "00112233445566778899aabbccddeeff",
  server: "ffeeddccbbaa99887766554433221100",
};
const SILENT = { debug() {}, info() {}, warn() {}, error() {}, isLevelEnabled: () => false };

interface Part {
  readonly before: string;
  readonly inside: string;
  readonly after: string;
}

/** docs/wire.md, split at a pair of its markers. */
async function partOf(name: string): Promise<Part> {
  const pattern = new RegExp(`^([^]*<!-- ${name}: begin -->\n)([^]*)(<!-- ${name}: end -->[^]*)$`);
  const [, before, inside, after] = pattern.exec(await Bun.file(WIRE).text()) ?? [];
  if (before === undefined || inside === undefined || after === undefined) {
    throw new Error(`Cannot find ${name} in docs/wire.md`);
  }
  return { before, inside, after };
}

/** Compare a generated part, or write it if UPDATE_WIRE is set. */
async function compare(name: string, generated: string): Promise<void> {
  const { before, inside, after } = await partOf(name);
  if (process.env.UPDATE_WIRE) await Bun.write(WIRE, before + generated + after);
  else expect(inside).toBe(generated);
}

/** The cells of each row of a part's table, without backquotes. */
async function rows(name: string): Promise<string[][]> {
  const [, , ...lines] = (await partOf(name)).inside.trim().split("\n");
  return lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

/** The frames of a real client and a real server over real sockets. */
async function recordExchange(): Promise<readonly TappedFrame[]> {
  const profile = { username: "grace", nickname: "Amazing", profilePath: "default.png" };
  const listener = new Listener({
    host: HOST,
    port: 0,
    tables: [
      [
        entry(GET_USER_INFO, async () => profile),
        entry(SIGN_IN, () => Promise.reject(new DomainError("PasswordError"))),
      ],
    ],
    log: SILENT,
    tokens: new Map([["http", [TOKEN]]]),
    build: "portico/1.0.0",
  });
  using tap = startTap(listener.port);
  const limits = { ...DEFAULT_POOL_LIMITS, maxConnections: 1 };
  const identity = { build: "portico/1.0.0", token: TOKEN };
  const client = new Balancer([{ host: HOST, port: tap.port }], limits, identity);
  const options = { timeoutMs: TIMEOUT_MS, requestId: "r-1" };
  const info = await client.call(GET_USER_INFO, { sessionId: "grace:1f0c" }, options);
  expect(info).toEqual(profile);
  const wrong = client.call(SIGN_IN, { username: "grace", password: "wrong" }, { timeoutMs: 5000 });
  expect(await failure(wrong)).toBeInstanceOf(DomainError);
  const frames = [...tap.frames];
  client.close();
  await listener.close(0);
  return frames;
}

/** Check the random values against docs/wire.md, then replace them by fixed ones. */
function masked(frames: readonly TappedFrame[]): TappedFrame[] {
  const [client, server] = frames.filter((frame) => typeOf(frame) === FrameType.hello).map(nonceOf);
  if (client === undefined || server === undefined) throw new Error("Cannot find both nonces");
  const replacements: [string, string][] = [
    [client, NONCES.client],
    [server, NONCES.server],
    ...(["server", "client"] as const).map((role): [string, string] => [
      proofOf(TOKEN, role, { client, server }),
      proofOf(TOKEN, role, NONCES),
    ]),
  ];
  return frames.map((frame) => {
    let text = frame.bytes.toString("latin1");
    for (const [real, example] of replacements) text = text.replace(real, example);
    const bytes = Buffer.from(text, "latin1");
    if (typeOf(frame) === FrameType.request) {
      expect(bytes.readUInt32BE(TIMEOUT_AT)).toBeWithin(1, TIMEOUT_MS + 1);
      bytes.writeUInt32BE(TIMEOUT_MS, TIMEOUT_AT);
    }
    return { from: frame.from, bytes };
  });
}

function nonceOf(frame: TappedFrame): string {
  const { nonce } = JSON.parse(bodyOf(frame).toString());
  expect(nonce).toMatch(/^[0-9a-f]{32}$/);
  return nonce;
}

test("docs/wire.md's hex dump is a real exchange of a client and a server", async () => {
  const frames = masked(await recordExchange());
  const { hello, proof, request, response, error } = FrameType;
  const types = [hello, hello, proof, request, response, request, error];
  expect(frames.map(typeOf)).toEqual(types);
  await compare("exchange", `\`\`\`\n${frames.map(dump).join("\n\n")}\n\`\`\`\n`);
});

test("docs/wire.md's examples of the proofs are right by HMAC alone", async () => {
  const text = (role: string, end: string) =>
    `portico ${role}\n${NONCES.client}\n${NONCES.server}${end}`;
  const proof = (role: string, end: string) =>
    createHmac("sha256", TOKEN).update(text(role, end)).digest("hex");
  const roles = ["server", "client"] as const;
  const textsOf = (end: string) =>
    roles.flatMap((role) => [
      [`${role}'s text`, text(role, end).replaceAll("\n", "\\n")],
      [`${role}'s proof`, proof(role, end)],
    ]);
  for (const role of roles) {
    expect(proofOf(TOKEN, role, NONCES)).toBe(proof(role, ""));
    expect(proofOf(TOKEN, role, NONCES, "admin")).toBe(proof(role, "\nadmin"));
  }
  const given = [
    ["token", TOKEN],
    ["client's nonce", NONCES.client],
    ["server's nonce", NONCES.server],
  ];
  const block = (rows: readonly string[][]) => {
    const lines = rows.map(([name = "", value]) => `${name.padEnd(16)}${value}\n`);
    return `\`\`\`\n${lines.join("")}\`\`\`\n`;
  };
  await compare("proof", block([...given, ...textsOf("")]));
  await compare("named-proof", block(textsOf("\nadmin")));
});

test("docs/wire.md lists every frame type and flag, and no other", async () => {
  const types = (await rows("types")).map(([number, name = ""]) => [
    name.toLowerCase(),
    Number(number),
  ]);
  expect(Object.fromEntries(types)).toEqual(FrameType);
  const flags = (await rows("flags")).map(([bit, name = ""]) => [name.toLowerCase(), Number(bit)]);
  expect(Object.fromEntries(flags)).toEqual(Flag);
});

test("docs/wire.md lists every limit with its default, and no other", async () => {
  const limits = (await rows("limits")).map(([name, value = ""]) => [
    name,
    Number(value.replaceAll(",", "")),
  ]);
  expect(Object.fromEntries(limits)).toEqual({ ...DEFAULT_LIMITS, ...DEFAULT_POOL_LIMITS });
});

test("docs/wire.md lists every status that a call can end with, and no other", async () => {
  const statuses = (await rows("statuses")).map(([status = ""]) => status);
  expect(statuses.filter((status) => !isRpcStatus(status))).toEqual([]);
  const all: Record<RpcStatus, true> = {
    cancelled: true,
    invalid_argument: true,
    deadline_exceeded: true,
    resource_exhausted: true,
    unimplemented: true,
    internal: true,
    unavailable: true,
    rate_limited: true,
    permission_denied: true,
  };
  expect(statuses.sort()).toEqual(Object.keys(all).sort());
});
