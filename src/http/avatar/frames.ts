// What passes between the HTTP tier and a process that decodes for it: frames, each a length of
// four bytes, big-endian, and so many bytes. The tier sends a file in one, and is answered with one
// that begins with a byte of ANSWER.

export const ANSWER = {
  /** Once, at the start. */
  ready: 0,
  /** The picture follows. */
  picture: 1,
  /** What is wrong with the file follows, as text. */
  fault: 2,
} as const;

const LENGTH_BYTES = 4;

/** A frame of these parts. */
export function frame(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/**
 * The frames of a stream, until it ends; one that it breaks off in is dropped.
 * @throws {RangeError} a frame is longer than `maxBytes`; nothing of it is kept
 */
export async function* readFrames(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  const length = Buffer.alloc(LENGTH_BYTES);
  let target: Uint8Array<ArrayBuffer> = length;
  let filled = 0;
  for await (const chunk of stream) {
    let rest = chunk;
    while (rest.length > 0) {
      const part = rest.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled < target.length) continue;
      filled = 0;
      if (target === length) {
        const bytes = length.readUInt32BE();
        if (bytes > maxBytes) throw new RangeError(`Frame of ${bytes} bytes, over ${maxBytes}`);
        target = new Uint8Array(bytes);
      } else {
        yield target;
        target = length;
      }
    }
  }
}
