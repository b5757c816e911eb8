// The HTTP tier in front of a real listener, with handlers of the test.

import type { BlockList } from "node:net";
import { join } from "node:path";
import pino from "pino";
import { UserContract } from "../schema/user.ts";
import { clientsOf } from "../src/gen/http-endpoints.ts";
import { type UserService, userDispatch } from "../src/gen/user.ts";
import { AvatarFolder } from "../src/http/avatar/folder.ts";
import { AvatarRemovals } from "../src/http/avatar/removals.ts";
import type { AvatarStore } from "../src/http/avatar/store.ts";
import { Bodies } from "../src/http/body.ts";
import type { BodyLimits } from "../src/http/body-clock.ts";
import { ClientAddress } from "../src/http/client-address.ts";
import { DeviceCookie } from "../src/http/device-cookie.ts";
import type { OnAnswered } from "../src/http/observer.ts";
import type { AccessLog } from "../src/http/request-log.ts";
import { HttpServer } from "../src/http/server.ts";
import { SessionCookie } from "../src/http/session-cookie.ts";
import { Balancer } from "../src/rpc/client/balancer.ts";
import type { Log } from "../src/rpc/log.ts";
import { Listener } from "../src/rpc/server/listener.ts";
import { CallStats } from "../src/telemetry/call-stats.ts";
import { newSessionId } from "../src/user/session-id.ts";
import { Folder, ROOT } from "./child.ts";
import { startDecoders } from "./pictures.ts";

const HOST = "127.0.0.1";

export interface LogLine {
  readonly level: string;
  readonly event: string;
}

export interface FrontOptions {
  /** Used instead of a folder. */
  readonly avatars?: AvatarStore;
  readonly bodyLimits?: BodyLimits;
  readonly idleTimeoutSeconds?: number;
  /** Instead of the minute that a replaced picture is kept. */
  readonly graceMs?: number;
  /** Instead of the 4.5 s that an upload may take after its picture is decoded. */
  readonly pictureTimeoutMs?: number;
  /** Instead of the quarter of a second that the answer to a refused attempt is delayed. */
  readonly refusalDelayMs?: number;
  /** Port of a TCP server, instead of the listener with the handlers. */
  readonly rpcPort?: number;
  /** Their X-Forwarded-For counts. */
  readonly trustedProxies?: BlockList;
  /** The origin of PUBLIC_URL. */
  readonly publicOrigin?: string;
  /** Default "off". */
  readonly accessLog?: AccessLog;
  readonly onAnswered?: OnAnswered;
}

export interface Front extends AsyncDisposable {
  readonly http: HttpServer;
  readonly removals: AvatarRemovals;
  readonly url: string;
  /** The log of the HTTP tier. */
  readonly logged: readonly LogLine[];
  /** The same as written text. */
  readonly logTexts: readonly string[];
  /** The calls that reached the listener. */
  readonly calls: CallStats;
}

/** A session that the handlers below accept. */
export const COOKIE = `sessionID=${newSessionId("grace")}`;

const ANSWERS: Partial<UserService> = {
  signUp: async () => ({}),
  signIn: async ({ username }) => ({ sessionId: newSessionId(username) }),
  signOut: async () => ({}),
  getUserInfo: async () => ({ username: "grace", nickname: "grace", profilePath: "a.webp" }),
  updateNickname: async ({ nickname }) => ({ nickname }),
  updateProfilePic: async () => ({}),
  findUnusedPictures: async ({ profilePaths }) => ({ unused: profilePaths }),
};

/** Handlers for the methods that a test does not define, for every contract. */
const UNASKED = Object.fromEntries(
  Object.keys(UserContract.methods).map((name) => [
    name,
    () => Promise.reject(new Error(`${name} is not asked for in this test`)),
  ]),
);

/** Start both. Methods that are not in `handlers` succeed if the pages call them. */
export async function startFront(
  handlers: Partial<UserService>,
  options: FrontOptions = {},
): Promise<Front> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await Folder.make());
  const logged: LogLine[] = [];
  const logTexts: string[] = [];
  const log = recorder(logged, logTexts);
  const calls = new CallStats();
  const service: UserService = Object.assign(Object.create(null), UNASKED, ANSWERS, handlers);
  const tables = [userDispatch(service)];
  const interceptors = [calls.interceptor];
  const listener = new Listener({ host: HOST, port: 0, tables, interceptors, log: recorder([]) });
  cleanup.defer(() => listener.close(0));
  const balancer = new Balancer([{ host: HOST, port: options.rpcPort ?? listener.port }]);
  cleanup.defer(async () => balancer.close());
  const publicUrl = new URL(`http://${HOST}`);
  const clients = clientsOf(balancer);
  const avatars = options.avatars ?? new AvatarFolder(folder.path);
  const removals = new AvatarRemovals(avatars, clients.user, log, options.graceMs);
  cleanup.defer(() => removals.close(1000));
  const decoders = startDecoders();
  cleanup.defer(async () => decoders.close());
  const http = new HttpServer({
    host: HOST,
    port: 0,
    clients,
    cookie: new SessionCookie(publicUrl, 1800),
    device: new DeviceCookie(publicUrl),
    bodies: new Bodies(options.bodyLimits),
    clientAddress: new ClientAddress(options.trustedProxies, log),
    avatars,
    decoders,
    removals,
    publicOrigin: options.publicOrigin,
    publicFolder: join(ROOT, "public"),
    viewerFolder: join(ROOT, "node_modules/swagger-ui-dist"),
    hasDocs: true,
    readiness: async () => [],
    log,
    accessLog: options.accessLog ?? "off",
    onAnswered: options.onAnswered,
    ...(options.pictureTimeoutMs && { pictureTimeoutMs: options.pictureTimeoutMs }),
    ...(options.refusalDelayMs && { refusalDelayMs: options.refusalDelayMs }),
    ...(options.idleTimeoutSeconds && { idleTimeoutSeconds: options.idleTimeoutSeconds }),
  });
  cleanup.defer(() => http.close(0));
  const started = cleanup.move();
  return {
    http,
    removals,
    url: http.url,
    logged,
    logTexts,
    calls,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** A log that keeps its lines. */
function recorder(lines: LogLine[], texts: string[] = []): Log {
  const formatters = { level: (level: string) => ({ level }) };
  const keep = (text: string) => {
    const { level, msg } = JSON.parse(text);
    lines.push({ level, event: msg });
    texts.push(text);
  };
  return pino({ level: "debug", formatters }, { write: keep });
}

/** Makes a handler wait until the test lets it go on. */
export class Hold {
  readonly #begun = Promise.withResolvers<AbortSignal>();
  readonly #end = Promise.withResolvers<void>();

  /** For the handler: report the start, and wait. */
  async wait({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    this.#begun.resolve(signal);
    await this.#end.promise;
  }

  /** Resolves to the signal of the call when its handler has started. */
  get begun(): Promise<AbortSignal> {
    return this.#begun.promise;
  }

  end(): void {
    this.#end.resolve();
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve());
  if (signal.aborted) resolve();
  return promise;
}
