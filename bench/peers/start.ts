import { GET_USER_INFO, UNKNOWN_SESSION } from "./api.ts";
import type { Peer, PeerConfig, Tier } from "./peer.ts";

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const PROBE_TIMEOUT_MS = 2_000;
const GRACE_MS = 5_000;
const KEPT_OUTPUT_CHARACTERS = 64 * 1024;

/** A running peer. Its processes end when it is disposed of, or when our process ends. */
export interface RunningPeer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** By the name of the tier. */
  readonly pids: ReadonlyMap<string, number>;
}

/**
 * Start each tier of a peer as a process, and wait until they answer.
 * @throws Error a tier ended, or did not answer within 30 s; the message has the tiers' output
 */
export async function startPeer(peer: Peer, config: PeerConfig): Promise<RunningPeer> {
  await using cleanup = new AsyncDisposableStack();
  const processes = peer.tiers(config).map((tier) => cleanup.use(new PeerProcess(tier)));
  // Disposed of first, so that it does not kill processes that have ended normally.
  cleanup.use(new Watchdog(processes.map(({ pid }) => pid)));
  const origin = `http://127.0.0.1:${config.httpPort}`;
  const endsAtMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const found = await probe(origin);
    const ended = processes.find((each) => each.hasEnded);
    if (!ended && found === undefined) break;
    if (ended || performance.now() > endsAtMs) {
      const why = ended ? `its ${ended.name} tier ended` : found;
      const output = processes.map((each) => `${each.name} tier:\n${each.output}`).join("\n");
      throw new Error(`Cannot start ${peer.name}: ${why}\n${output}`);
    }
    await Bun.sleep(POLL_MS);
  }

  const started = cleanup.move();
  return {
    origin,
    pids: new Map(processes.map(({ name, pid }) => [name, pid])),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** @returns why the peer is not ready yet */
async function probe(origin: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${origin}${GET_USER_INFO}`, {
      headers: { Cookie: `sessionID=${UNKNOWN_SESSION}` },
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    const text = await response.text();
    const { errCode } = Object(JSON.parse(text));
    return errCode === "2" || errCode === "7" ? undefined : `it answers ${response.status} ${text}`;
  } catch (error) {
    return `it does not answer: ${error}`;
  }
}

class PeerProcess implements AsyncDisposable {
  readonly name: string;
  output = "";
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #printed: Promise<unknown>;

  constructor({ name, command, environment }: Tier) {
    const { PATH = "", HOME = "" } = process.env;
    this.name = name;
    this.#process = Bun.spawn([...command], {
      env: { PATH, HOME, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { stdout, stderr } = this.#process;
    this.#printed = Promise.all([this.#collect(stdout), this.#collect(stderr)]);
  }

  get pid(): number {
    return this.#process.pid;
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const text = this.output + decoder.decode(chunk, { stream: true });
      this.output = text.slice(-KEPT_OUTPUT_CHARACTERS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), GRACE_MS);
    await Promise.all([this.#process.exited, this.#printed]);
    clearTimeout(timer);
  }
}

/**
 * Kills the tiers when our process ends, even by SIGKILL: its standard input is then closed. It is
 * detached, so that a signal to our process group does not end it first.
 */
class Watchdog implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"pipe", "ignore", "ignore">;

  constructor(pids: readonly number[]) {
    const command = ["sh", "-c", 'read -r _ || kill -9 "$@"', "sh", ...pids.map(String)];
    this.#process = Bun.spawn(command, { stdio: ["pipe", "ignore", "ignore"], detached: true });
    this.#process.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin.write("done\n");
    await this.#process.stdin.end();
    await this.#process.exited;
  }
}
