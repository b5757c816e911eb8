import { expect, setDefaultTimeout, test } from "bun:test";
import { Folder, startHttp } from "../child.ts";
import { type Answered, HttpLoad, tally } from "./http-load.ts";
import { TcpServer } from "./tcp-server.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const DEADLINE_MS = 5000;
const BACK_MS = 2000;
/** How much longer either may take on a busy machine. */
const NOISE_MS = 5000;
const WORKERS = 24;

const isSuccess = ({ code }: Answered) => code === "7";
const slowestMs = (answers: readonly Answered[]) =>
  Math.round(Math.max(...answers.map(({ tookMs }) => tookMs)));

test("SIGKILL of the only TCP server: errors of the table in time, and service soon after its return", async () => {
  await using folder = await Folder.make();
  await using server = new TcpServer(folder.path);
  await server.start();
  await using http = startHttp(folder.path, server.address);
  const load = await HttpLoad.start(await http.listening(), WORKERS);
  await load.more(200, isSuccess);

  let backMs = 0;
  for (let round = 0; round < 2; round++) {
    await server.end("SIGKILL");
    const endedAt = performance.now();
    await load.more(100, (answer) => answer.askedAt > endedAt && !isSuccess(answer));
    await Bun.sleep(500);
    await server.start();
    const listeningAt = performance.now();
    await load.more(200, (answer) => answer.askedAt > listeningAt && isSuccess(answer));
    const lastFailedAt = load.answers.findLast((answer) => !isSuccess(answer))?.askedAt ?? 0;
    backMs = Math.max(backMs, lastFailedAt - listeningAt);
  }
  const answers = await load.stop();
  console.log("one server, killed:", tally(answers), {
    slowestMs: slowestMs(answers),
    backMs: Math.round(backMs),
  });
  // Only the errors that say that the server is unavailable.
  expect(Object.keys(tally(answers)).filter((key) => !/^(7 200|0 50[34])$/.test(key))).toEqual([]);
  expect(slowestMs(answers)).toBeLessThan(DEADLINE_MS + NOISE_MS);
  expect(backMs).toBeLessThan(BACK_MS + NOISE_MS);
});

test("SIGKILL of one of two TCP servers: no read sees an error", async () => {
  await using folder = await Folder.make();
  await using one = new TcpServer(folder.path);
  await using other = new TcpServer(folder.path);
  await one.start();
  await other.start();
  await using http = startHttp(folder.path, `${one.address},${other.address}`);
  const load = await HttpLoad.start(await http.listening(), WORKERS);
  await load.more(200, isSuccess);

  for (const server of [one, other]) {
    await server.end("SIGKILL");
    await load.more(300);
    await server.start();
    await load.more(300);
    await Bun.sleep(1000); // Until it is trusted again: it is the one that stays.
  }
  const answers = await load.stop();
  const reads = answers.filter(({ isRead }) => isRead);
  const writes = answers.filter(({ isRead }) => !isRead);
  console.log("two servers, one killed:", { reads: tally(reads), writes: tally(writes) });
  expect(tally(reads)).toEqual({ "7 200": reads.length });
  expect(Object.keys(tally(writes)).filter((key) => !/^(7 200|0 50[34])$/.test(key))).toEqual([]);
  expect(slowestMs(answers)).toBeLessThan(DEADLINE_MS + NOISE_MS);
});

test("a rolling restart of two TCP servers: no call is lost or answered with an error", async () => {
  await using folder = await Folder.make();
  await using one = new TcpServer(folder.path);
  await using other = new TcpServer(folder.path);
  await one.start();
  await other.start();
  await using http = startHttp(folder.path, `${one.address},${other.address}`);
  const load = await HttpLoad.start(await http.listening(), WORKERS);
  await load.more(200, isSuccess);

  for (const server of [one, other]) {
    expect(await server.end("SIGTERM")).toBe(0);
    await load.more(200);
    await server.start();
    await load.more(200);
    await Bun.sleep(1000); // As above.
  }
  const answers = await load.stop();
  console.log("rolling restart:", tally(answers), { slowestMs: slowestMs(answers) });
  expect(tally(answers)).toEqual({ "7 200": answers.length });
});
