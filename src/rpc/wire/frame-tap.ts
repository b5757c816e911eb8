import type { Address } from "../address.ts";
import {
  type Frame,
  FrameType,
  HEADER_BYTES,
  LENGTH_BYTES,
  METADATA_LENGTH_BYTES,
  TIMEOUT_BYTES,
} from "./frame.ts";
import type { OutgoingFrame } from "./outbox.ts";

/**
 * Hears every frame of a client's connections, inside of TLS where there is any: what is sent as
 * it enters the outbox, what is received before it takes effect. It must not throw.
 */
export type FrameTap = (
  direction: "sent" | "received",
  frame: OutgoingFrame | Frame,
  peer: Address,
) => void;

/** The size of a frame on the wire, its length field included. */
export function bytesOf({ type, metadata = "", body }: OutgoingFrame | Frame): number {
  const timeoutBytes = type === FrameType.request ? TIMEOUT_BYTES : 0;
  const metadataBytes = metadata ? METADATA_LENGTH_BYTES + Buffer.byteLength(metadata) : 0;
  return LENGTH_BYTES + HEADER_BYTES + timeoutBytes + metadataBytes + Buffer.byteLength(body);
}
