// Decodes pictures for the HTTP tier, which starts this process and uses its stdin and stdout.

import { MAX_UPLOAD_BYTES } from "../schema/picture.ts";
import { decodePicture } from "./http/avatar/decode.ts";
import { ANSWER, frame, readFrames } from "./http/avatar/frames.ts";
import { limitMemory } from "./http/avatar/memory-limit.ts";
import { PictureError } from "./http/avatar/picture-file.ts";

limitMemory();
// Ignore signals to the process group: the tier may still need its picture.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => undefined);

const stdout = Bun.stdout.writer();

async function send(kind: number, body: Uint8Array): Promise<void> {
  stdout.write(frame(Uint8Array.of(kind), body));
  await stdout.flush();
}

async function answer(file: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    await send(ANSWER.picture, await decodePicture(file));
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    await send(ANSWER.fault, new TextEncoder().encode(error.fault));
  }
}

await send(ANSWER.ready, new Uint8Array());
for await (const file of readFrames(Bun.stdin.stream(), MAX_UPLOAD_BYTES)) void answer(file);
// The tier has ended, or needs no more pictures. An exit would wait for the decoding threads.
process.kill(process.pid, "SIGKILL");
