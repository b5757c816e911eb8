import type { BunRequest, Server } from "bun";
import hyperid from "hyperid";
import { DomainError, RpcError } from "../rpc/error.ts";
import type { Log } from "../rpc/log.ts";
import type { Exchange, Handler, HttpParts } from "./exchange.ts";
import { failure, Refusal } from "./reply.ts";
import { type RouteTable, routes, wrongMethod } from "./routes.ts";

export interface HttpServerOptions extends HttpParts {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Other processes of the same tier have the port too; each gets its part of the connections. */
  readonly sharesPort?: boolean;
  /** Ends a handler too, so it must outlast the calls of the longest one. Default 30. */
  readonly idleTimeoutSeconds?: number;
}

/** Far above every limit of ours, so that the answer to a large body is ours too. */
const MAX_REQUEST_BODY_BYTES = 64 * 1024 * 1024;
const IDLE_TIMEOUT_SECONDS = 30;
/** On closing, nothing has crossed any more once nobody asked for so long. */
const QUIET_MS = 50;
/** Where somebody always asks, as on a connection each, this ends it. */
const MAX_LINGER_MS = 250;

const RELISTEN_MS = 100;
/** Longer than a call may take. Where descriptors are still few after it, uploads are cut off. */
const MAX_LEAVING_MS = 6000;

/** The HTTP tier: the URL table on Bun.serve. */
export class HttpServer {
  readonly #listen: (port: number) => Server<undefined>;
  #server: Server<undefined>;
  /** The one before it, while it finishes what it was asked. */
  #leaving: { readonly server: Server<undefined>; readonly sinceMs: number } | undefined;
  readonly #log: Log;
  #asked = 0;
  #answered = 0;
  #closing: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    const { host: hostname, sharesPort = false, log } = options;
    const { idleTimeoutSeconds: idleTimeout = IDLE_TIMEOUT_SECONDS } = options;
    this.#log = log;
    const table = routes(options);
    const nextRequestId = hyperid({ urlSafe: true });
    const answering = (route: string, handler: Handler): BunHandler => {
      return (request, server) =>
        this.#answer(handler, {
          request,
          requestId: nextRequestId(),
          server,
          route,
          params: request.params ?? {},
        });
    };
    const mapped = mapRoutes(table, answering);
    const serve = (port: number) =>
      Bun.serve({
        hostname,
        port,
        development: false,
        // Without `development`, Bun lets another process share the port, and half the requests.
        reusePort: sharesPort,
        maxRequestBodySize: MAX_REQUEST_BODY_BYTES,
        idleTimeout,
        routes: mapped,
        // Bun comes here for a path without a route, and for a method that a route does not have.
        fetch: answering("unrouted", async ({ request }) => {
          throw unrouted(table, request);
        }),
        error(error) {
          log.error({ err: error }, "request failed outside its handler");
          return failure(error);
        },
      });
    this.#listen = serve;
    this.#server = serve(options.port);
  }

  /** `http://host:port`, with the port that was taken. */
  get url(): string {
    return this.#server.url.origin;
  }

  /**
   * Close every connection that has no request under way, and listen again. Bun has no other way to
   * get at connections, and without descriptors it accepts none and takes a core.
   */
  shed(): void {
    if (this.#closing) return;
    const sinceMs = performance.now();
    if (this.#leaving && sinceMs - this.#leaving.sinceMs < MAX_LEAVING_MS) return;
    // Half a request is under way, too: where there are still too few, even those are closed.
    void this.#leaving?.server.stop(true);
    const { port = 0 } = this.#server; // Unknown as soon as it has stopped.
    const leaving = { server: this.#server, sinceMs };
    this.#leaving = leaving;
    void leaving.server.stop(false).then(() => {
      if (this.#leaving === leaving) this.#leaving = undefined;
    });
    this.#listenAgain(port);
  }

  #listenAgain(port: number): void {
    if (this.#closing) return;
    try {
      this.#server = this.#listen(port);
    } catch (err) {
      this.#log.error({ err }, "cannot listen again: trying until it works");
      setTimeout(() => this.#listenAgain(port), RELISTEN_MS);
    }
  }

  /**
   * Accept no more, finish what was asked for up to `graceMs`, then close every connection. A
   * second call changes nothing: it waits for the first.
   */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  async #drain(graceMs: number): Promise<void> {
    const endsAt = performance.now() + graceMs;
    // For half-sent requests, which may never end, and for readers that do not read.
    const servers = this.#leaving ? [this.#server, this.#leaving.server] : [this.#server];
    const timer = setTimeout(() => {
      for (const server of servers) void server.stop(true);
    }, graceMs);
    await this.#linger(endsAt);
    await Promise.all(servers.map((server) => server.stop(false)));
    clearTimeout(timer);
    // What a browser that is gone has asked may still have a file to remove.
    while (this.#answered < this.#asked && performance.now() < endsAt) await Bun.sleep(10);
  }

  /**
   * Answer with `Connection: close` for a moment. Bun stops accepting and closes the connections
   * between two requests in one act, and a request that is on its way to one is reset: under load
   * that is one on nearly every connection. Told beforehand, clients go elsewhere by themselves.
   */
  async #linger(endsAt: number): Promise<void> {
    const giveUpAt = Math.min(endsAt, performance.now() + MAX_LINGER_MS);
    let asked: number;
    do {
      asked = this.#asked;
      await Bun.sleep(QUIET_MS);
    } while (this.#asked > asked && performance.now() < giveUpAt);
  }

  #answer(handler: Handler, exchange: Exchange): Promise<Response> {
    this.#asked++;
    const begunAt = performance.now();
    return begin(handler, exchange).then(
      (response) => this.#finish(exchange, begunAt, response),
      (error: unknown) => this.#finish(exchange, begunAt, failure(error), error),
    );
  }

  #finish(
    { request, requestId, route }: Exchange,
    begunAt: number,
    response: Response,
    problem?: unknown,
  ): Response {
    this.#answered++;
    response.headers.set("X-Request-Id", requestId);
    if (this.#closing) response.headers.set("Connection", "close");
    if (problem === undefined && !this.#log.isLevelEnabled("debug")) return response;
    const fields = { requestId, ms: Math.round(performance.now() - begunAt) };
    const event = `${request.method} ${route} ${response.status}`;
    if (problem === undefined) this.#log.debug(fields, event);
    else logProblem(this.#log, fields, event, problem);
    return response;
  }
}

/** What a handler throws before it has a promise to return is no different from the rest. */
function begin(handler: Handler, exchange: Exchange): Promise<Response> {
  try {
    return handler(exchange);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** `params` is there where a route matched. */
type BunHandler = (
  request: Request & Partial<Pick<BunRequest, "params">>,
  server: Server<undefined>,
) => Promise<Response>;

function mapRoutes(
  table: RouteTable,
  answering: (route: string, handler: Handler) => BunHandler,
): Record<string, Record<string, BunHandler>> {
  return mapValues(table, (methods, route) =>
    mapValues(methods, (handler) => answering(route, handler)),
  );
}

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  map: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}

/** Most answers of the table are everyday; what remains is somebody's work. */
function logProblem(log: Log, fields: object, event: string, problem: unknown): void {
  const reason = problem instanceof Error ? problem.message : String(problem);
  const isGone = problem instanceof RpcError && problem.status === "cancelled";
  if (problem instanceof Refusal || isGone) log.debug({ ...fields, reason }, event);
  else if (problem instanceof RpcError) log.warn({ ...fields, reason }, event);
  else if (!(problem instanceof DomainError)) log.error({ ...fields, err: problem }, event);
  else if (problem.code === "DataBaseError") log.warn({ ...fields, reason }, event);
  else log.debug({ ...fields, reason }, event);
}

function unrouted(table: RouteTable, request: Request): Refusal {
  // Not by new URL(): without a Host that could be one, the URL is none.
  const pathname = /^(?:https?:\/\/[^/]*)?([^?#]*)/.exec(request.url)?.[1] ?? "";
  const route = Object.entries(table).find(([path]) => matches(path, pathname));
  // A route that takes this method was not asked for as it is written: its path holds `..`, say.
  const isTaken = route?.[1][request.method === "HEAD" ? "GET" : request.method] !== undefined;
  if (!route || isTaken) return new Refusal(404, "path: there is nothing at this one");
  const methods = Object.keys(route[1]);
  // A HEAD with a handler of its own is there to be refused.
  if (methods.includes("HEAD")) return wrongMethod(methods.filter((name) => name !== "HEAD"));
  return wrongMethod(methods.includes("GET") ? [...methods, "HEAD"] : methods);
}

/** Whether a path is of a route; `:name` stands for one segment. */
function matches(route: string, pathname: string): boolean {
  const [wanted, given] = [route.split("/"), pathname.split("/")];
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => part === given[index] || (part.startsWith(":") && given[index]))
  );
}
