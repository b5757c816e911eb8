import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pngOf } from "../../../test/contract/images.ts";
import { freeze } from "../../../test/freeze.ts";
import { cpuTicksOf, decodersOf, startDecoders } from "../../../test/pictures.ts";
import { eventually } from "../../../test/storage-pairs.ts";
import { RpcError } from "../../rpc/error.ts";
import { Refusal } from "../reply.ts";
import type { DecoderPool } from "./decoder-pool.ts";

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const CASES = join(import.meta.dir, "../../../test/pictures");
const PNG = pngOf(40, 30, [1, 2, 3]);
/** AVIF at 12 bits, transparent: half a second of work. */
const SLOW = await Bun.file(join(CASES, "8-megapixels.avif")).bytes();
const awaited = new AbortController().signal;

let startedPools: DecoderPool[] = [];
const start: typeof startDecoders = (...args) => {
  const decoders = startDecoders(...args);
  startedPools.push(decoders);
  return decoders;
};

afterEach(async () => {
  for (const decoders of startedPools) decoders.close();
  startedPools = [];
  await eventually("no process is left", async () => decodersOf(process.pid).length === 0);
});

const isWebp = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1", 8, 12) === "WEBP";

/** How a picture ended: "ok", or the status of its error. */
function outcome(made: Promise<Uint8Array>): Promise<string> {
  return made.then(
    (bytes) => (isWebp(bytes) ? "ok" : "no WebP"),
    (error: unknown) => {
      if (error instanceof RpcError) return error.status;
      if (error instanceof Refusal) return `${error.status} ${error.message}`;
      return String(error);
    },
  );
}

async function onlyDecoder(): Promise<number> {
  await eventually("it decodes", async () => decodersOf(process.pid).length === 1);
  return decodersOf(process.pid)[0] ?? 0;
}

describe("a decoder process", () => {
  test("starts with the first picture and stays for the next", async () => {
    const decoders = start();
    expect(decodersOf(process.pid)).toEqual([]);
    expect(await outcome(decoders.decode(PNG, awaited))).toBe("ok");
    const first = await onlyDecoder();
    expect(await outcome(decoders.decode(PNG, awaited))).toBe("ok");
    expect(await outcome(decoders.decode(Buffer.from("x"), awaited))).toStartWith(
      "400 profilePic: ",
    );
    expect(await outcome(decoders.decode(PNG, awaited))).toBe("ok");
    expect(decodersOf(process.pid)).toEqual([first]);
  });

  test("ends after a while without work", async () => {
    const decoders = start({ idleMs: 100 });
    await decoders.decode(PNG, awaited);
    await eventually("it has ended", async () => decodersOf(process.pid).length === 0);
    expect(await outcome(decoders.decode(PNG, awaited))).toBe("ok");
  });

  test("has an environment of its own, and a memory limit", async () => {
    process.env.S3_SECRET_ACCESS_KEY = "hidden treasure";
    const decoders = start();
    await decoders.decode(PNG, awaited);
    delete process.env.S3_SECRET_ACCESS_KEY;
    const pid = await onlyDecoder();
    const environment = await Bun.file(`/proc/${pid}/environ`).text();
    expect(environment).not.toMatch(/hidden|S3_|PATH=|HOME=/);
    const limits = await Bun.file(`/proc/${pid}/limits`).text();
    expect(limits).toMatch(/Max data size +1342177280 +/);
  });

  test("ignores signals to the process group", async () => {
    const decoders = start();
    const made = outcome(decoders.decode(SLOW, awaited));
    const pid = await onlyDecoder();
    await eventually("it is at work", async () => cpuTicksOf(pid) > 20);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.kill(pid, signal);
    expect(await made).toBe("ok");
    expect(decodersOf(process.pid)).toEqual([pid]);
  });

  test("that is killed is replaced", async () => {
    const decoders = start({ processes: 1 });
    const made = outcome(decoders.decode(SLOW, awaited));
    const next = outcome(decoders.decode(PNG, awaited));
    const pid = await onlyDecoder();
    process.kill(pid, "SIGKILL");
    expect([await made, await next]).toEqual(["unavailable", "ok"]);
    expect(await onlyDecoder()).not.toBe(pid);
  });

  test("that takes too long or hangs is killed and replaced", async () => {
    const decoders = start({ processes: 1, decodeMs: 4000 });
    await decoders.decode(PNG, awaited);
    const pid = await onlyDecoder();
    process.kill(pid, "SIGSTOP");
    const made = outcome(decoders.decode(PNG, awaited));
    const next = outcome(decoders.decode(PNG, awaited));
    expect(await made).toStartWith("400 profilePic: takes too long");
    expect(await next).toBe("ok");
    expect(await onlyDecoder()).not.toBe(pid);
  });

  test("that cannot start fails only its own picture", async () => {
    const broken = start({}, [process.execPath, "/nowhere/picture-main.ts"]);
    expect(await outcome(broken.decode(PNG, awaited))).toBe("unavailable");
    const silent = start({ decodeMs: 300 }, ["sleep", "60"]);
    expect(await outcome(silent.decode(PNG, awaited))).toBe("unavailable");
    const babbling = start({}, ["cat", "/dev/zero"]);
    expect(await outcome(babbling.decode(PNG, awaited))).toBe("unavailable");
    // Its first four bytes say that two gigabytes follow: they are not waited for.
    const boasting = start({ decodeMs: 5000 }, ["yes"]);
    await expect(boasting.decode(PNG, awaited)).rejects.toThrow("sent an invalid answer");
  });

  test("does not occupy the threads of the tier", async () => {
    // As many as there are threads for files and names, so that one more would wait.
    const decoders = start({ processes: 2 });
    const decodeBoth = () =>
      Promise.all([PNG, PNG].map((file) => outcome(decoders.decode(file, awaited))));
    expect(await decodeBoth()).toEqual(["ok", "ok"]);
    const pids = decodersOf(process.pid);
    expect(pids).toHaveLength(2);
    // Frozen, they answer only after the rounds, however slow the machine is.
    for (const pid of pids) await freeze(pid);
    let isDone = false;
    const made = decodeBoth();
    void made.then(() => {
      isDone = true;
    });
    for (let round = 0; round < 5; round++) {
      await Promise.all([readFile(import.meta.path), lookup("localhost")]);
    }
    expect(isDone).toBe(false);
    for (const pid of pids) process.kill(pid, "SIGCONT");
    expect(await made).toEqual(["ok", "ok"]);
  });
});

describe("pictures that wait", () => {
  test("are limited in number, and are decoded in order", async () => {
    const decoders = start({ processes: 1, waiting: 2 });
    const done: number[] = [];
    const made = [SLOW, PNG, PNG, PNG].map(async (file, index) => {
      const end = await outcome(decoders.decode(file, awaited));
      done.push(index);
      return end;
    });
    expect(await Promise.all(made)).toEqual(["ok", "ok", "ok", "resource_exhausted"]);
    expect(done).toEqual([3, 0, 1, 2]);
    expect(decodersOf(process.pid)).toHaveLength(1);
  });

  test("are refused after the time limit", async () => {
    const decoders = start({ processes: 1, waitMs: 100 });
    const made = outcome(decoders.decode(SLOW, awaited));
    expect(await outcome(decoders.decode(PNG, awaited))).toBe("resource_exhausted");
    expect([await made, await outcome(decoders.decode(PNG, awaited))]).toEqual(["ok", "ok"]);
  });

  test("leave the queue when their client closes the connection", async () => {
    const decoders = start({ processes: 1, waiting: 1 });
    const made = outcome(decoders.decode(SLOW, awaited));
    const client = new AbortController();
    const left = outcome(decoders.decode(PNG, client.signal));
    expect(await outcome(decoders.decode(PNG, awaited))).toBe("resource_exhausted");
    client.abort();
    expect(await left).toBe("cancelled");
    const next = outcome(decoders.decode(PNG, awaited));
    expect([await made, await next]).toEqual(["ok", "ok"]);
    expect(await outcome(decoders.decode(PNG, client.signal))).toBe("cancelled");
  });
});
