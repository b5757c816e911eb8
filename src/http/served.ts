import type { Server } from "bun";
import { type ClientAddress, UNKNOWN_ADDRESS } from "./client-address.ts";
import type { Exchange } from "./exchange.ts";
import type { Answered, Received, RequestScope, RequestTracing } from "./observer.ts";
import { Answer } from "./reply.ts";

/** A request from its arrival to its answer. One object for the handler and for observers. */
export class Served implements Exchange, Received, Answered {
  readonly request: Request;
  readonly requestId: string;
  readonly server: Exchange["server"];
  readonly route: string;
  readonly params: Exchange["params"];
  readonly begunAt = performance.now();
  status = 0;
  ms = 0;
  problem: unknown;
  /** Set if the request is traced. */
  scope: RequestScope | undefined;
  readonly #clientAddress: ClientAddress;
  #response: Response | undefined;
  #tracing: RequestTracing | undefined;

  constructor(
    request: Request,
    requestId: string,
    server: Pick<Server<undefined>, "timeout" | "requestIP">,
    route: string,
    params: Exchange["params"],
    clientAddress: ClientAddress,
  ) {
    this.request = request;
    this.requestId = requestId;
    this.server = server;
    this.route = route;
    this.params = params;
    this.#clientAddress = clientAddress;
  }

  /** Begin its trace, unless it is not sampled. */
  trace(tracing: RequestTracing): RequestScope | undefined {
    this.#tracing = tracing;
    this.scope = tracing.begin(this);
    return this.scope;
  }

  end(response: Response, problem: unknown): void {
    this.#response = response;
    this.status = response.status;
    this.problem = problem;
    this.ms = performance.now() - this.begunAt;
  }

  get method(): string {
    return this.request.method;
  }

  get address(): string {
    return this.#clientAddress.of(this);
  }

  get traceId(): string | undefined {
    return this.scope?.traceId ?? this.#tracing?.idOf(this.request);
  }

  get hasTrustedProxies(): boolean {
    return this.#clientAddress.hasTrusted;
  }

  get isFromTrustedProxy(): boolean {
    return this.#clientAddress.isFromTrusted(this);
  }

  get bytes(): number | undefined {
    if (this.request.method === "HEAD") return 0;
    return this.#response instanceof Answer ? this.#response.size : undefined;
  }
}

/** What is known of a request for which Bun itself failed. */
export function failedOutside(requestId: string, status: number, problem: unknown): Answered {
  return {
    requestId,
    request: undefined,
    method: "_OTHER", // OpenTelemetry's name for a method that is not known.
    route: "failed",
    status,
    begunAt: performance.now(),
    ms: 0,
    problem,
    address: UNKNOWN_ADDRESS,
    bytes: undefined,
    traceId: undefined,
  };
}
