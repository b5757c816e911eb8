import type { Server } from "bun";
import type { Log } from "../rpc/log.ts";
import { type BunHandler, mapRoutes } from "./bun-routes.ts";
import type { Exchange, Handler, HttpParts } from "./exchange.ts";
import type { OnAnswered, RequestTracing } from "./observer.ts";
import { isRefusal, RefusalDelay } from "./refusal-delay.ts";
import { failure } from "./reply.ts";
import { REQUEST_ID, RequestIds } from "./request-id.ts";
import { type AccessLog, RequestLog } from "./request-log.ts";
import { routes, unrouted } from "./routes.ts";
import { HSTS } from "./security-headers.ts";
import { failedOutside, Served } from "./served.ts";

export interface HttpServerOptions extends HttpParts {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Other processes listen on the same port, and each gets its share of the connections. */
  readonly sharesPort?: boolean;
  /** A handler that runs longer is ended as well, with all of its calls. Default 30. */
  readonly idleTimeoutSeconds?: number;
  readonly accessLog: AccessLog;
  readonly onAnswered?: OnAnswered | undefined;
  /** Instead of the quarter of a second that the answer to a refused attempt is delayed. */
  readonly refusalDelayMs?: number;
  readonly tracing?: RequestTracing | undefined;
}

/** Far above our own limits: beyond this one, Bun answers, without the JSON of the API. */
const MAX_REQUEST_BODY_BYTES = 64 * 1024 * 1024;
const IDLE_TIMEOUT_SECONDS = 30;
/** A closing server waits until no request has come for this time: then none is on its way. */
const QUIET_MS = 50;
/** The limit of that wait. Requests keep coming if clients open new connections. */
const MAX_LINGER_MS = 250;

const RELISTEN_MS = 100;
/** Longer than a call may take. If few descriptors are left even then, uploads are cut off. */
const MAX_DRAIN_MS = 6000;

/** The HTTP tier: serves the URL table with Bun.serve. */
export class HttpServer {
  readonly #listen: (port: number) => Server<undefined>;
  #server: Server<undefined>;
  /** The server before `shed()`, while it answers its last requests. */
  #draining: { readonly server: Server<undefined>; readonly sinceMs: number } | undefined;
  readonly #log: Log;
  readonly #requests: RequestLog;
  /** Whether browsers reach this server by https, through a proxy. */
  readonly #usesHttps: boolean;
  readonly #onAnswered: OnAnswered | undefined;
  readonly #refusalDelay: RefusalDelay;
  readonly #tracing: RequestTracing | undefined;
  #received = 0;
  #answered = 0;
  #closing: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    const { host: hostname, sharesPort = false, log } = options;
    const { idleTimeoutSeconds: idleTimeout = IDLE_TIMEOUT_SECONDS } = options;
    this.#log = log;
    this.#refusalDelay = new RefusalDelay(options.refusalDelayMs);
    this.#requests = new RequestLog(log, options.accessLog);
    this.#usesHttps = options.publicOrigin?.startsWith("https:") === true;
    this.#onAnswered = options.onAnswered;
    this.#tracing = options.tracing;
    const { clientAddress } = options;
    const table = routes(options);
    const ids = new RequestIds(clientAddress);
    const answering = (route: string, handler: Handler): BunHandler => {
      return (request, server) =>
        this.#answer(
          handler,
          new Served(
            request,
            ids.of(request, server),
            server,
            route,
            request.params ?? {},
            clientAddress,
          ),
        );
    };
    const mapped = mapRoutes(table, answering);
    const serve = (port: number) =>
      Bun.serve({
        hostname,
        port,
        development: false,
        // Without `development`, the default is true: another process could take half the requests.
        reusePort: sharesPort,
        maxRequestBodySize: MAX_REQUEST_BODY_BYTES,
        idleTimeout,
        routes: mapped,
        // Called if no route has the path, or the route does not take the method.
        fetch: answering("unrouted", async ({ request }) => {
          throw unrouted(table, request);
        }),
        // An arrow function: Bun calls it with its own server as `this`.
        error: (error) => {
          const response = failure(error);
          const failed = failedOutside(ids.next(), response.status, error);
          response.headers.set(REQUEST_ID, failed.requestId);
          this.#onAnswered?.(failed);
          this.#requests.write(failed);
          return this.#secured(response);
        },
      });
    this.#listen = serve;
    this.#server = serve(options.port);
  }

  /** From the next answer on. */
  set accessLog(next: AccessLog) {
    this.#requests.access = next;
  }

  /** Requests that are not answered yet. */
  get inFlight(): number {
    return this.#received - this.#answered;
  }

  /** `http://host:port`, with the actual port. */
  get url(): string {
    return this.#server.url.origin;
  }

  /**
   * Close every connection without a request in flight, by listening anew: Bun has no other way to
   * close them. If no descriptor is free, Bun cannot accept, and uses a whole core trying.
   */
  shed(): void {
    if (this.#closing) return;
    const sinceMs = performance.now();
    if (this.#draining && sinceMs - this.#draining.sinceMs < MAX_DRAIN_MS) return;
    // Half-sent requests also count as in flight. If few descriptors are left even now, end them.
    void this.#draining?.server.stop(true);
    const { port = 0 } = this.#server; // A stopped server has no port.
    const draining = { server: this.#server, sinceMs };
    this.#draining = draining;
    void draining.server.stop(false).then(() => {
      if (this.#draining === draining) this.#draining = undefined;
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
   * Stop accepting, answer the requests in flight for up to `graceMs`, then close every connection.
   * A second call waits for the first.
   */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  async #drain(graceMs: number): Promise<void> {
    const endsAt = performance.now() + graceMs;
    this.#refusalDelay.end();
    // End requests that are never complete, and clients that do not read their answers.
    const servers = this.#draining ? [this.#server, this.#draining.server] : [this.#server];
    const timer = setTimeout(() => {
      for (const server of servers) void server.stop(true);
    }, graceMs);
    await this.#linger(endsAt);
    await Promise.all(servers.map((server) => server.stop(false)));
    clearTimeout(timer);
    // A handler may still have a file to remove, even if its browser has gone.
    while (this.#answered < this.#received && performance.now() < endsAt) await Bun.sleep(10);
  }

  /**
   * Answer with `Connection: close` for a moment, so that clients close by themselves. Bun stops
   * accepting and closes idle connections in one step, which resets requests that are on their way:
   * under load, one on nearly every connection.
   */
  async #linger(endsAt: number): Promise<void> {
    const giveUpAt = Math.min(endsAt, performance.now() + MAX_LINGER_MS);
    let received: number;
    do {
      received = this.#received;
      await Bun.sleep(QUIET_MS);
    } while (this.#received > received && performance.now() < giveUpAt);
  }

  #answer(handler: Handler, served: Served): Promise<Response> {
    this.#received++;
    const scope = this.#tracing && served.trace(this.#tracing);
    const answer = scope ? scope.run(() => run(handler, served)) : run(handler, served);
    return answer.then(
      (response) => this.#finish(served, response),
      (error: unknown) => {
        const finish = () => this.#finish(served, failure(error), error);
        return isRefusal(error) ? this.#refusalDelay.wait().then(finish) : finish();
      },
    );
  }

  #finish(served: Served, response: Response, problem?: unknown): Response {
    this.#answered++;
    this.#secured(response).headers.set(REQUEST_ID, served.requestId);
    if (this.#closing) response.headers.set("Connection", "close");
    const isLogged = this.#requests.wants(response.status, problem);
    if (!isLogged && !this.#onAnswered && !served.scope) return response;
    served.end(response, problem);
    served.scope?.end(served);
    this.#onAnswered?.(served);
    if (isLogged) this.#requests.write(served);
    return response;
  }

  #secured(response: Response): Response {
    if (this.#usesHttps) response.headers.set(HSTS.name, HSTS.value);
    return response;
  }
}

/** Call a handler. If it throws before it returns a promise, return one that rejects. */
function run(handler: Handler, exchange: Exchange): Promise<Response> {
  try {
    return handler(exchange);
  } catch (error) {
    return Promise.reject(error);
  }
}
