import type { BunRequest, Server } from "bun";
import hyperid from "hyperid";
import type { Log } from "../log.ts";
import { DomainError, RpcError } from "../rpc/error.ts";
import type { Exchange, Handler, HttpParts } from "./exchange.ts";
import { failure, Refusal } from "./reply.ts";
import { type RouteTable, routes } from "./routes.ts";

export interface HttpServerOptions extends HttpParts {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Far above every limit of ours, so that the answer to a large body is ours too. */
const MAX_REQUEST_BODY_BYTES = 64 * 1024 * 1024;
/** Ends a handler too, so it must outlast the calls of the longest one. */
const IDLE_TIMEOUT_SECONDS = 30;

/** The HTTP tier: the URL table on Bun.serve. */
export class HttpServer {
  readonly #server: Server<undefined>;

  constructor(options: HttpServerOptions) {
    const { host: hostname, port, log } = options;
    const table = routes(options);
    const nextRequestId = hyperid({ urlSafe: true });
    const answering = (route: string, handler: Handler): BunHandler => {
      return (request) =>
        answer(
          handler,
          { request, requestId: nextRequestId(), route, params: request.params ?? {} },
          log,
        );
    };
    this.#server = Bun.serve({
      hostname,
      port,
      development: false,
      maxRequestBodySize: MAX_REQUEST_BODY_BYTES,
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      routes: mapRoutes(table, answering),
      // Bun comes here for a path without a route, and for a method that a route does not have.
      fetch: answering("unrouted", async ({ request }) => {
        throw unrouted(table, request);
      }),
      error(error) {
        log.error({ err: error }, "http: request failed outside its handler");
        return failure(error);
      },
    });
  }

  /** `http://host:port`, with the port that was taken. */
  get url(): string {
    return this.#server.url.origin;
  }

  /** Accept no more, finish what was asked for up to `graceMs`, then close every connection. */
  async close(graceMs: number): Promise<void> {
    // It waits for half-sent requests too, which may never end.
    await Promise.race([this.#server.stop(false), Bun.sleep(graceMs)]);
    await this.#server.stop(true);
  }
}

/** `params` is there where a route matched. */
type BunHandler = (request: Request & Partial<Pick<BunRequest, "params">>) => Promise<Response>;

function mapRoutes(
  table: RouteTable,
  answering: (route: string, handler: Handler) => BunHandler,
): Record<string, Partial<Record<"GET" | "POST", BunHandler>>> {
  return Object.fromEntries(
    Object.entries(table).map(([path, { GET, POST }]) => [
      path,
      { ...(GET && { GET: answering(path, GET) }), ...(POST && { POST: answering(path, POST) }) },
    ]),
  );
}

async function answer(handler: Handler, exchange: Exchange, log: Log): Promise<Response> {
  const begunAt = performance.now();
  let response: Response;
  try {
    response = await handler(exchange);
  } catch (error) {
    logFailure(log, exchange, error);
    response = failure(error);
  }
  const { request, requestId, route } = exchange;
  response.headers.set("X-Request-Id", requestId);
  const ms = Math.round(performance.now() - begunAt);
  log.debug({ requestId, ms }, `http: ${request.method} ${route} ${response.status}`);
  return response;
}

/** Answers of the table are everyday; what remains is somebody's work. */
function logFailure(log: Log, { requestId, route }: Exchange, error: unknown): void {
  if (error instanceof Refusal) {
    log.debug({ requestId, route, reason: error.message }, "http: refused");
  } else if (error instanceof RpcError) {
    log.warn(
      { requestId, route, status: error.status, reason: error.message },
      "http: call failed",
    );
  } else if (!(error instanceof DomainError)) {
    log.error({ requestId, route, err: error }, "http: handler failed");
  } else if (error.code === "DataBaseError") {
    log.warn({ requestId, route, reason: error.message }, "http: the database failed");
  }
}

function unrouted(table: RouteTable, request: Request): Refusal {
  const { pathname } = new URL(request.url);
  const route = Object.entries(table).find(([path]) => matches(path, pathname));
  if (!route) return new Refusal(404, `There is nothing at ${pathname}`);
  const methods = Object.keys(route[1]).map((method) => (method === "GET" ? "GET, HEAD" : method));
  return new Refusal(405, `${pathname} does not take ${request.method}`, {
    Allow: methods.join(", "),
  });
}

/** Whether a path is of a route; `:name` stands for one segment. */
function matches(route: string, pathname: string): boolean {
  const [wanted, given] = [route.split("/"), pathname.split("/")];
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => part === given[index] || (part.startsWith(":") && given[index]))
  );
}
