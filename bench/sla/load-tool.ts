import type { Latency } from "../report/results.ts";

/** What each request of a load carries: one line of a file. */
export interface Traffic {
  readonly path: string;
  /** The `Cookie` header of a GET, or the JSON body of a POST. */
  readonly lines: "cookie" | "body";
  /** wrk sends the lines in order, and starts again at the end. oha picks lines at random. */
  readonly file: string;
  /** Count 503 with Retry-After separately from errors. */
  readonly countRefused: boolean;
}

export interface SendOptions {
  readonly origin: string;
  readonly connections: number;
  readonly seconds: number;
  readonly traffic: Traffic;
}

/** What a load tool counted and timed. */
export interface ToolReport {
  readonly seconds: number;
  /** Answered with a status under 400. */
  readonly requests: number;
  readonly errors: number;
  readonly refused: number;
  readonly latencyMs: Latency;
}

/** A program that sends as many requests as it can over a number of connections. */
export interface LoadTool {
  readonly name: string;
  /** Undefined if it is not installed. */
  version(): Promise<string | undefined>;
  send(options: SendOptions): Promise<ToolReport>;
}
