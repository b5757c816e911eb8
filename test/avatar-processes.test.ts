import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Folder, ROOT, startHttp, startTcp } from "./child.ts";
import { Api, isRecord, sessionIdOf } from "./contract/client.ts";
import { avatarForm, pngOf } from "./contract/images.ts";
import { freeze } from "./freeze.ts";
import { cpuTicksOf, decodersOf, isRunning } from "./pictures.ts";
import { freePort } from "./ports.ts";
import { sharedS3, type TestBucket } from "./s3.ts";
import { eventually } from "./storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

// How the HTTP tier's process begins and ends with its pictures.

/** No TCP tier listens there: these tests do not ask it for anything. */
const NO_TCP = "127.0.0.1:1";
const newBucket = async () => (await sharedS3()).createBucket();
const environmentOf = ({ environment }: TestBucket) =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );

/** So that sign-ups end in time although hashing has the lowest CPU priority. */
const CHEAP_HASH = { PASSWORD_HASH: "salted-md5" };

/** A signed-in user of a tier that is listening. */
async function memberOf(url: string): Promise<Api> {
  const api = new Api(url);
  expect((await api.signUp("grace", "hopper1906")).code).toBe("7");
  return api.withSession(sessionIdOf(await api.signIn("grace", "hopper1906")));
}

async function uploadedAs(api: Api): Promise<string> {
  const answer = await api.avatar(avatarForm(pngOf(9, 9, [1, 2, 3])));
  if (!isRecord(answer.data)) throw new Error(`Not uploaded: ${answer.text}`);
  return String(answer.data.profilePath);
}

describe("SIGTERM", () => {
  test.each(["a folder", "S3"])(
    "removes what was replaced in %s, and nothing else",
    async (kind) => {
      await using folder = await Folder.make();
      const bucket = kind === "S3" ? await newBucket() : undefined;
      await using tcp = startTcp(folder.path, CHEAP_HASH);
      const environment = bucket ? environmentOf(bucket) : {};
      await using http = startHttp(folder.path, await tcp.listening(), environment);
      const session = await memberOf(await http.listening());
      await uploadedAs(session);
      await uploadedAs(session);
      const current = await uploadedAs(session);
      const names = () => bucket?.names() ?? readdir(join(folder.path, "avatars"));
      expect(await names()).toHaveLength(3);
      http.kill("SIGTERM");
      expect(await http.exited()).toBe(0);
      expect(await names()).toEqual([current]);
    },
  );
});

describe("the decoder processes", () => {
  /** Half a second of work. */
  const slow = () => Bun.file(join(ROOT, "test/pictures/8-megapixels.avif")).bytes();

  test("end with their tier by SIGKILL", async () => {
    await using folder = await Folder.make();
    await using tcp = startTcp(folder.path, CHEAP_HASH);
    await using http = startHttp(folder.path, await tcp.listening());
    const session = await memberOf(await http.listening());
    await uploadedAs(session);
    const [pid = 0] = decodersOf(http.pid);
    const ticks = cpuTicksOf(pid);
    const upload = session.avatar(avatarForm(await slow())).catch(() => undefined);
    await eventually("it is at work", async () => cpuTicksOf(pid) > ticks + 10);
    http.kill("SIGKILL");
    expect(await upload).toBeUndefined();
    await http.exited();
    await eventually("it has ended", async () => !isRunning(pid));
  });

  test("end with their tier by SIGTERM, after the picture that was sent before", async () => {
    await using folder = await Folder.make();
    await using tcp = startTcp(folder.path, { ...CHEAP_HASH, LOG_LEVEL: "debug" });
    await using http = startHttp(folder.path, await tcp.listening());
    const session = await memberOf(await http.listening());
    await uploadedAs(session);
    const [pid = 0] = decodersOf(http.pid);
    // Frozen, it cannot answer before the signal. A slow picture might not be ready in time.
    await freeze(pid);
    const upload = uploadedAs(session);
    await tcp.waitFor(/(?:User\.getUserInfo done.*){2}/s);
    http.kill("SIGTERM");
    await Bun.sleep(300);
    expect([isRunning(http.pid), isRunning(pid)]).toEqual([true, true]);
    process.kill(pid, "SIGCONT");
    expect(await upload).toEndWith(".webp");
    expect(await http.exited()).toBe(0);
    await eventually("it has ended", async () => !isRunning(pid));
  });
});

describe("a start on S3", () => {
  test.each([
    ["S3_SECRET_ACCESS_KEY", { S3_SECRET_ACCESS_KEY: "wrong-secret" }, "SignatureDoesNotMatch"],
    ["S3_ACCESS_KEY_ID", { S3_ACCESS_KEY_ID: "wrong-key" }, "InvalidAccessKeyId"],
    ["AVATAR_URL", { AVATAR_URL: "s3://nowhere" }, "NoSuchBucket"],
  ])("that refuses access ends with an error that names %s", async (name, wrong, code) => {
    await using folder = await Folder.make();
    const environment = { ...environmentOf(await newBucket()), ...wrong };
    await using http = startHttp(folder.path, NO_TCP, environment);
    expect(await http.exited()).toBe(1);
    expect(http.output).toContain(`Cannot use S3 for pictures: it answers ${code} (${name})`);
    expect(http.output).not.toMatch(/wrong-secret|S3RVER|X-Amz/);
  });

  test("that does not answer logs a warning and goes on", async () => {
    await using folder = await Folder.make();
    const away = (await newBucket()).through(freePort());
    await using http = startHttp(folder.path, NO_TCP, environmentOf(away));
    const url = await http.listening();
    expect(http.output).toContain(
      `cannot serve pictures until ${away.access.endpoint} (S3_ENDPOINT) answers`,
    );
    expect(http.output).toContain("Cannot ask S3: S3 cannot be reached: ECONNREFUSED");
    expect((await fetch(`${url}/signIn.html`)).status).toBe(200);
    expect((await fetch(`${url}/avatars/default.webp`)).status).toBe(200);
    const answer = await new Api(url).send("GET", "/avatars/a.webp");
    expect([answer.code, answer.status]).toEqual(["0", 503]);
    expect(http.output).not.toMatch(/S3RVER|X-Amz/);
  });
});
