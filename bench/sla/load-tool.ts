import type { Latency } from "../report/results.ts";

/** What each request of a load carries: one line of a file. */
export interface Traffic {
  readonly path: string;
  /** Of a GET its `Cookie`, of a POST its JSON body. */
  readonly lines: "cookie" | "body";
  /** wrk sends each once, and from the start again when all are sent; oha draws them. */
  readonly file: string;
  /** Count 503 with Retry-After apart from errors. */
  readonly countRefused: boolean;
}

export interface Shot {
  readonly origin: string;
  readonly connections: number;
  readonly seconds: number;
  readonly traffic: Traffic;
}

/** What a load tool saw. */
export interface Hits {
  readonly seconds: number;
  /** Answered with success, by the status. */
  readonly requests: number;
  readonly errors: number;
  readonly refused: number;
  readonly latencyMs: Latency;
}

/** A program that sends as many requests as it can over so many connections. */
export interface LoadTool {
  readonly name: string;
  /** Undefined where it is not installed. */
  version(): Promise<string | undefined>;
  fire(shot: Shot): Promise<Hits>;
}
