// The protocol between the HTTP tier and a decoder process. A frame is a length of four bytes,
// big-endian, and that many bytes. The tier sends a file in one frame. The process answers with one
// frame, whose first byte is one of ANSWER.

export const ANSWER = {
  /** Sent once, when the process can decode. */
  ready: 0,
  /** The picture follows. */
  picture: 1,
  /** A `PictureFault` follows, as text. */
  fault: 2,
} as const;

const LENGTH_BYTES = 4;

/** A frame with these parts as its content. */
export function frame(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/**
 * The contents of the frames of a stream. An incomplete last frame is dropped.
 * @throws {RangeError} a frame is longer than `maxBytes`; it is not read
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
