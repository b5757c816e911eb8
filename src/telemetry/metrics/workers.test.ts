import { expect, test } from "bun:test";
import { parseMetrics, seriesKey } from "../../../test/prometheus-text.ts";
import { Durations } from "../../rpc/durations.ts";
import { counter, gauge, histogram } from "./spec.ts";
import { TierMetrics } from "./tier-metrics.ts";
import { type MeasuredProcess, WorkerMetrics } from "./workers.ts";

const SPECS = {
  calls_total: counter("Calls", "method"),
  waiting: gauge("Calls that wait"),
  started_seconds: { ...gauge("The youngest"), aggregator: "max" },
  took_seconds: histogram("Durations"),
} as const;

/** A process that answers with its pid and what it has counted. */
class FakeWorker implements MeasuredProcess {
  pid: number;
  calls = 0;
  waiting = 0;
  isSilent = false;
  #durations = new Durations();

  constructor(pid: number) {
    this.pid = pid;
  }

  call(ms: number): void {
    this.calls++;
    this.#durations.add(ms);
  }

  /** Another process takes its place. */
  restart(pid: number): void {
    this.pid = pid;
    this.calls = 0;
    this.#durations = new Durations();
  }

  async ask(): Promise<unknown> {
    if (this.isSilent) throw new Error("did not answer");
    const metrics = new TierMetrics();
    metrics.add(SPECS, {
      calls_total: () => [{ labels: { method: "a" }, value: this.calls }],
      waiting: () => this.waiting,
      started_seconds: () => this.pid,
      took_seconds: () => [{ labels: {}, durations: this.#durations }],
    });
    // What passes between processes is a copy.
    return structuredClone({ pid: this.pid, metrics: await metrics.json() });
  }
}

async function readAll(metrics: WorkerMetrics, workers: readonly MeasuredProcess[]) {
  const { text } = await metrics.read({ http: workers });
  const series = parseMetrics(text)
    .values()
    .map((family) => [...family.series]);
  return Object.fromEntries([...series].flat());
}

const CALLS = seriesKey("calls_total", { method: "a" });
const up = (worker: string) => seriesKey("portico_worker_up", { tier: "http", worker });

test("counters, gauges and durations of two processes are added up", async () => {
  const [one, other] = [new FakeWorker(10), new FakeWorker(20)];
  one.call(1);
  other.call(2000);
  other.call(2000);
  [one.waiting, other.waiting] = [3, 4];
  expect(await readAll(new WorkerMetrics(), [one, other])).toMatchObject({
    [CALLS]: 3,
    "waiting{}": 7,
    "started_seconds{}": 20,
    "took_seconds_count{}": 3,
    "took_seconds_sum{}": 4.001,
    [seriesKey("took_seconds_bucket", { le: "0.001" })]: 1,
    [seriesKey("took_seconds_bucket", { le: "2.5" })]: 3,
    [up("0")]: 1,
    [up("1")]: 1,
  });
});

test("a process that does not answer keeps its counters, and loses its gauges", async () => {
  const [one, other] = [new FakeWorker(10), new FakeWorker(20)];
  const metrics = new WorkerMetrics();
  [one.waiting, other.waiting] = [3, 4];
  for (const worker of [one, other]) worker.call(1);
  await readAll(metrics, [one, other]);
  other.isSilent = true;
  one.call(1);
  other.call(1);
  expect(await readAll(metrics, [one, other])).toMatchObject({
    [CALLS]: 3,
    "waiting{}": 3,
    "took_seconds_count{}": 3,
    [up("0")]: 1,
    [up("1")]: 0,
  });
  other.isSilent = false;
  expect(await readAll(metrics, [one, other])).toMatchObject({ [CALLS]: 4, [up("1")]: 1 });
});

test("counters do not fall when a process ends, and another takes its place", async () => {
  const worker = new FakeWorker(10);
  const metrics = new WorkerMetrics();
  for (let n = 0; n < 5; n++) worker.call(1);
  await readAll(metrics, [worker]);
  for (const pid of [11, 12]) {
    worker.restart(pid);
    worker.call(1);
    await readAll(metrics, [worker]);
  }
  expect(await readAll(metrics, [worker])).toMatchObject({
    [CALLS]: 7,
    "took_seconds_count{}": 7,
    "started_seconds{}": 12,
  });
});

test("readers at the same time find the same counts, also of processes that have ended", async () => {
  const metrics = new WorkerMetrics();
  const workers = [new FakeWorker(10), new FakeWorker(20)];
  for (const worker of workers) worker.call(1);
  await readAll(metrics, workers);
  for (const [index, worker] of workers.entries()) worker.restart(30 + index);
  for (let round = 0; round < 3; round++) {
    const found = await Promise.all([readAll(metrics, workers), readAll(metrics, workers)]);
    expect(found.map((series) => series[CALLS])).toEqual([2, 2]);
  }
});
