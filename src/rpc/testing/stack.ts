// A real listener and a real client with one method, for the tests of src/rpc.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { freePort } from "../../../test/ports.ts";
import { Balancer, type ClientIdentity } from "../client/balancer.ts";
import type { Interceptor } from "../interceptor.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_POOL_LIMITS,
  type PoolLimits,
  type ServerLimits,
} from "../limits.ts";
import type { Log } from "../log.ts";
import { entry, type Handler, type Method } from "../method.ts";
import { Listener, type ListenerOptions } from "../server/listener.ts";

export const HOST = "127.0.0.1";

const Text = Type.Object({ text: Type.String() });
export type Text = Static<typeof Text>;
const TextCheck = TypeCompiler.Compile(Text);

export const SAY: Method<Text, Text> = {
  name: "Test.say",
  summary: "Repeat a text.",
  number: 7,
  hash: "a hash",
  idempotent: false,
  errors: ["PasswordError"],
  request: TextCheck,
  reply: TextCheck,
};

export interface TestServer extends AsyncDisposable {
  readonly listener: Listener;
  readonly port: number;
  /** Everything that it has logged, as JSON lines. */
  readonly logged: string[];
}

/** A listener whose only method is SAY, or `method`, with this handler. */
export function startServer(
  handler: Handler<Text, Text>,
  options: {
    limits?: Partial<ServerLimits>;
    port?: number;
    /** Instead of SAY. */
    method?: Method<Text, Text>;
    /** The only token, of the caller "http". */
    token?: string | undefined;
  } & Pick<ListenerOptions, "tokens" | "tls" | "build" | "interceptors"> = {},
): TestServer {
  const { limits, port = 0, method = SAY, token, ...identity } = options;
  const logged: string[] = [];
  const listener = new Listener({
    host: HOST,
    port,
    tables: [[entry(method, handler)]],
    log: recorder(logged),
    limits: { ...DEFAULT_LIMITS, ...limits },
    ...(token !== undefined && { tokens: new Map([["http", [token]]]) }),
    ...identity,
  });
  return {
    listener,
    port: listener.port,
    logged,
    [Symbol.asyncDispose]: () => listener.close(0),
  };
}

export interface TestClient extends Disposable {
  readonly balancer: Balancer;
  say(text: string, timeoutMs?: number): Promise<string>;
}

/**
 * A client of servers on these ports of loopback. It opens no second connection ahead, so that a
 * test can count them, even if it is slow.
 */
export function startClient(
  ports: number | number[],
  limits?: Partial<PoolLimits>,
  identity?: ClientIdentity,
  interceptors?: readonly Interceptor[],
): TestClient {
  const addresses = [ports].flat().map((port) => ({ host: HOST, port }));
  const poolLimits = { ...DEFAULT_POOL_LIMITS, minIdle: 1, ...limits };
  const balancer = new Balancer(addresses, poolLimits, identity, interceptors);
  return {
    balancer,
    say: async (text, timeoutMs = 10_000) =>
      (await balancer.call(SAY, { text }, { timeoutMs, requestId: `request-${text.slice(0, 20)}` }))
        .text,
    [Symbol.dispose]: () => balancer.close(),
  };
}

/** A port without a listener. The system gives it to no other socket. */
export const deadPort = freePort;

/** The error that a call ends with. */
export async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("Cannot fail: the call succeeded");
}

/** Wait until something is true. The timeout only ends a test that fails. */
export async function eventually(isTrue: () => boolean, timeoutMs = 20_000): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!isTrue()) {
    if (performance.now() > giveUpAt) throw new Error(`Cannot see it happen: ${isTrue}`);
    await Bun.sleep(5);
  }
}

/** A log that appends to `lines`. */
export function recorder(lines: string[]): Log {
  const record = (level: string) => (fields: unknown, message?: string) => {
    lines.push(JSON.stringify({ level, message, ...describe(fields) }));
  };
  return {
    debug: record("debug"),
    info: record("info"),
    warn: record("warn"),
    error: record("error"),
    isLevelEnabled: (level) => level !== "debug",
  };
}

function describe(fields: unknown): Record<string, unknown> {
  if (typeof fields !== "object" || fields === null) return { fields };
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? `${value}` : value,
    ]),
  );
}
