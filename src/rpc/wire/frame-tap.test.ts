import { expect, setDefaultTimeout, test } from "bun:test";
import { failure, startClient, startServer } from "../testing/stack.ts";
import { startTap, typeOf } from "../testing/wire-tap.ts";
import { bytesOf } from "./frame-tap.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test("a tap hears the frames that are on the wire, in both directions", async () => {
  const token = "a secret of both sides";
  await using server = startServer(async (request) => request, { token });
  using wire = startTap(server.port);
  const heard: object[] = [];
  using client = startClient(
    wire.port,
    { minIdle: 0 },
    {
      token,
      tap: (direction, frame, { port }) => {
        expect(port).toBe(wire.port);
        const from = direction === "sent" ? "client" : "server";
        heard.push({ from, type: frame.type, bytes: bytesOf(frame) });
      },
    },
  );
  for (const text of ["short", "日本語 ü".repeat(100)]) await client.say(text);
  await failure(client.say("too late", 0));
  expect(heard).toHaveLength(7);
  expect(heard).toEqual(
    wire.frames.map((frame) => {
      return { from: frame.from, type: typeOf(frame), bytes: frame.bytes.length };
    }),
  );
});
