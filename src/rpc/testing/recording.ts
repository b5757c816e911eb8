// Records a real exchange, which fuzzing then spoils.
import { DomainError } from "../error.ts";
import { FrameReader } from "../wire/frame.ts";
import { encode, RawPeer, startFakeServer } from "./raw-peer.ts";
import { eventually, startClient, startServer, type Text } from "./stack.ts";

/** A handler that ends as its request asks. */
export async function behave({ text }: Text): Promise<Text> {
  if (text === "late") await Bun.sleep(5);
  if (text === "hang") return new Promise<never>(() => undefined);
  if (text === "declared") throw new DomainError("PasswordError");
  if (text === "broken") throw new Error("A handler that is broken on purpose");
  return { text };
}

export interface Recorded {
  readonly fromClient: Buffer[];
  readonly fromServer: Buffer[];
}

/** Record the frames of a real client and a real server. */
export async function recordExchange(token?: string): Promise<Recorded> {
  const recorded: Recorded = { fromClient: [], fromServer: [] };
  await using server = startServer(behave, { token });
  const behind: RawPeer[] = [];
  // A relay between the two passes on the same bytes.
  using line = startFakeServer(() => undefined);
  line.onOpen = async (near) => {
    const early: Buffer[] = [];
    near.onBytes = (bytes) => early.push(bytes);
    const far = await RawPeer.connect(server.port);
    behind.push(far);
    const pass = (to: RawPeer, into: Buffer[]) => {
      const reader = new FrameReader(2 ** 24);
      return (bytes: Buffer) => {
        reader.push(bytes, (frame) => into.push(encode(frame)));
        to.write(bytes);
      };
    };
    far.onBytes = pass(near, recorded.fromServer);
    near.onBytes = pass(far, recorded.fromClient);
    for (const bytes of early) near.onBytes(bytes);
  };
  using client = startClient(line.port, { maxConnections: 1 }, { token });
  const texts = ["echo", "late", "declared", "broken", "ü日👩", "long".repeat(500), "echo"];
  await Promise.allSettled(texts.map((text) => client.say(text)));
  await Promise.allSettled([client.say("hang", 20)]);
  // HELLO, the calls, and maybe a CANCEL: the server may notice the deadline first.
  await eventually(() => recorded.fromClient.length >= texts.length + 2);
  for (const peer of behind) peer[Symbol.dispose]();
  return recorded;
}
