import type { Server } from "bun";
import type { CallObserver } from "../rpc/method.ts";
import type { Phases } from "../rpc/phases.ts";
import { Steps } from "../rpc/steps.ts";
import { type ClientAddress, UNKNOWN_ADDRESS } from "./client-address.ts";
import type { Exchange } from "./exchange.ts";
import type { Answered, Received, RequestScope, RequestTracing } from "./observer.ts";
import { Answer } from "./reply.ts";

/** A request from its arrival to its answer. One object for the handler and for observers. */
export class Served implements Exchange, Received, Answered, CallObserver {
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
  #steps: Steps | undefined;
  /** Of the first call, which is the only one of most requests. */
  #phases: Phases | undefined;
  #morePhases: Phases[] | undefined;

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

  get observer(): CallObserver {
    return this;
  }

  onCallEnd(phases: Phases, endedAt: number): void {
    phases.update(endedAt);
    if (this.#phases) {
      this.#morePhases ??= [];
      this.#morePhases.push(phases);
    } else this.#phases = phases;
  }

  step(name: string | undefined): void {
    this.#steps ??= new Steps();
    this.#steps.enter(name);
  }

  spent(): readonly (readonly [string, number])[] {
    const all = new Steps();
    const own = this.#steps?.spent(performance.now()) ?? [];
    for (const [name, ms] of own) all.add(name, ms);
    const calls = this.#phases ? [this.#phases, ...(this.#morePhases ?? [])] : [];
    for (const [name, ms] of calls.flatMap((phases) => phases.sums())) all.add(name, ms);
    const spent = all.spent(0);
    const rest = this.ms - spent.reduce((sum, [, ms]) => sum + ms, 0);
    return [...spent, ["the rest", Math.max(0, rest)]];
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
    spent: () => [],
    traceId: undefined,
  };
}
