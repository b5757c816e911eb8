import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { callLog } from "../../telemetry/call-log.ts";
import { parseObject } from "../json.ts";
import type { Log } from "../log.ts";
import { answersWell } from "../testing/faults.ts";
import { type RawFrame, RawPeer, startFakeAnswerer } from "../testing/raw-peer.ts";
import { eventually, failure, SAY, startClient, startServer, type Text } from "../testing/stack.ts";
import { Stopwatch } from "../testing/stopwatch.ts";
import { type Frame, FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
/** Far longer than a reply takes on one machine. */
const AT_ONCE_MS = 1000;

function request(id: number, text: string, metadata = ""): RawFrame {
  const { request: type } = FrameType;
  const body = JSON.stringify({ text });
  return { type, method: SAY.number, id, timeoutMs: LONG_MS, metadata, body };
}

interface Line {
  readonly requestId: unknown;
  readonly message: string | undefined;
}

/** Records the lines at debug. */
function debugLog(lines: Line[]): Log {
  return {
    debug: (fields: string | { requestId?: unknown }, message?: string) => {
      lines.push({ requestId: typeof fields === "string" ? undefined : fields.requestId, message });
    },
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    isLevelEnabled: () => true,
  };
}

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

describe("metadata of a REQUEST that", () => {
  test.each([
    ["has a requestId with a toString of its own", '{"requestId":{"toString":1}}'],
    ["has a requestId that is a number", '{"requestId":4711}'],
    ["has a requestId of 200 levels of arrays", `{"requestId":${nested(200)}}`],
    ["has a requestId of 30,000 levels of arrays", `{"requestId":${nested(30_000)}}`],
    ["has a requestId that is far too long", `{"requestId":"${"x".repeat(60_000)}"}`],
    ["is a number", "4711"],
    ["is 200 levels of arrays", nested(200)],
    ["is 30,000 levels of arrays", nested(30_000)],
    ["is not JSON", '{"requestId":'],
  ])("%s affects neither its call, nor the log, nor the process", async (_, metadata) => {
    const lines: Line[] = [];
    const handler = async ({ text }: Text) => {
      await Bun.sleep(1); // After this, no caller is on the stack to catch an error.
      if (text === "broken") throw new Error("broken on purpose");
      return { text };
    };
    const interceptors = [callLog(debugLog(lines))];
    await using server = startServer(handler, { interceptors });
    using peer = await RawPeer.greet(server.port);
    peer.send(request(1, "a", metadata), request(2, "broken", metadata));
    expect((await peer.frame(FrameType.response, 1)).body).toBe('{"text":"a"}');
    const error = await peer.frame(FrameType.error, 2);
    expect(parseObject(error.body)).toMatchObject({ code: "internal" });
    expect(lines.map(({ message }) => message)).toEqual(["Test.say done", "Test.say failed"]);
    for (const { requestId } of lines) expect(`${requestId}`.length).toBeLessThanOrEqual(128);
    expect(server.logged.join()).toContain("broken on purpose");
    peer.send(request(3, "next"));
    await peer.frame(FrameType.response, 3);
    expect(peer.isClosed).toBeFalse();
  });
});

describe("an ERROR whose body", () => {
  test.each([
    ["has a code with a toString of its own", '{"code":{"toString":1}}'],
    ["has a code that is a number", '{"code":1,"message":[]}'],
    ["has a message with a toString of its own", '{"code":"x","message":{"toString":1}}'],
    ["is an array", "[]"],
    ["is null", "null"],
    ["is not JSON", '{"code":"unavail'],
    ["is nothing", ""],
  ])("%s ends only its own call, at once, as internal", async (_, body) => {
    let waiting: Frame | undefined;
    using server = startFakeAnswerer((frame, peer) => {
      if (frame.body.includes("other")) waiting = frame;
      else peer.send({ type: FrameType.error, id: frame.id, body });
    });
    using client = startClient(server.port, { maxConnections: 1 });
    const other = client.say("other", LONG_MS);
    await eventually(() => waiting !== undefined);
    using stopwatch = new Stopwatch();
    const error = await failure(client.say("bad", LONG_MS));
    expect(error).toMatchObject({ name: "RpcError", status: "internal" });
    expect(stopwatch.ms).toBeLessThan(AT_ONCE_MS);
    const [peer] = server.peers;
    if (waiting && peer) answersWell(waiting, peer);
    expect(await other).toBe("other");
    expect(server.peers).toHaveLength(1);
  });
});
