import { Durations } from "../../rpc/durations.ts";
import type { CallStats } from "../call-stats.ts";
import { callDurations, callsInFlight, phaseDurations } from "./call-metrics.ts";
import type { HTTP_METRICS } from "./catalogue.ts";
import { byLabel, type Collectors, type Distribution } from "./spec.ts";

/** What the HTTP tier counts, as its parts have it. */
export interface HttpSources {
  readonly requests: RequestDurations;
  readonly calls: CallStats;
  readonly server: { readonly inFlight: number };
  readonly bodies: { readonly heldBytes: number };
  readonly decoders: { readonly counts: DecoderCounts };
  readonly balancer: { readonly counts: ClientCounts };
}

interface DecoderCounts {
  readonly ended: Readonly<Record<string, number>>;
  readonly inFlight: number;
  readonly waiting: number;
  readonly processes: number;
  readonly durations: Durations;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

interface ClientCounts {
  readonly connections: Readonly<Record<string, number>>;
  readonly servers: Readonly<Record<string, number>>;
  readonly waiting: number;
  readonly retries: number;
  readonly retriesRefused: number;
  readonly retriesLeft: number;
}

export function httpCollectors(sources: HttpSources): Collectors<typeof HTTP_METRICS> {
  const { requests, calls, server, bodies, decoders, balancer } = sources;
  return {
    http_server_request_duration_seconds: () => requests.distributions(),
    http_server_active_requests: () => server.inFlight,
    portico_http_body_bytes: () => bodies.heldBytes,
    portico_picture_decodes_total: () => byLabel("outcome", decoders.counts.ended),
    portico_picture_decode_duration_seconds: () => [
      { labels: {}, durations: decoders.counts.durations },
    ],
    portico_picture_decodes_in_flight: () => decoders.counts.inFlight,
    portico_picture_decodes_waiting: () => decoders.counts.waiting,
    portico_picture_decoder_processes: () => decoders.counts.processes,
    portico_picture_input_bytes_total: () => decoders.counts.inputBytes,
    portico_picture_output_bytes_total: () => decoders.counts.outputBytes,
    rpc_client_call_duration_seconds: () => callDurations(calls),
    portico_rpc_client_phase_duration_seconds: () => phaseDurations(calls),
    portico_rpc_client_calls_in_flight: () => callsInFlight(calls),
    portico_rpc_client_waiting_calls: () => balancer.counts.waiting,
    portico_rpc_client_connections: () => byLabel("state", balancer.counts.connections),
    portico_rpc_client_servers: () => byLabel("state", balancer.counts.servers),
    portico_rpc_client_retries_total: () => balancer.counts.retries,
    portico_rpc_client_retries_refused_total: () => balancer.counts.retriesRefused,
    portico_rpc_client_retry_budget: () => balancer.counts.retriesLeft,
  };
}

interface Answered {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
}

/** Requests of one route with one method and one status. */
class Answers {
  readonly durations = new Durations();
  readonly method: string;
  readonly status: number;

  constructor(method: string, status: number) {
    this.method = method;
    this.status = status;
  }
}

/** The durations of requests by method, route and status. */
export class RequestDurations {
  /** By route. Each has few entries, so a search is faster than a key of all three. */
  readonly #routes = new Map<string, Answers[]>();

  /** Observes answers. The method, route and status of each have few values. */
  readonly onAnswered = ({ method, route, status, ms }: Answered): void => {
    for (const answers of this.#routes.get(route) ?? []) {
      if (answers.status === status && answers.method === method) return answers.durations.add(ms);
    }
    this.#add(route, new Answers(method, status)).durations.add(ms);
  };

  *distributions(): Generator<Distribution> {
    for (const [route, all] of this.#routes) {
      for (const { method, status, durations } of all) {
        const labels = {
          http_request_method: method,
          http_route: route,
          http_response_status_code: `${status}`,
        };
        yield { labels, durations };
      }
    }
  }

  #add(route: string, answers: Answers): Answers {
    this.#routes.set(route, [...(this.#routes.get(route) ?? []), answers]);
    return answers;
  }
}
