import type { Socket } from "bun";
import type { Address } from "../address.ts";

/** What happens on a socket, told to whoever asked for it. */
export interface SocketUser {
  /** Connected, and with TLS, to a server whose certificate is good. */
  onOpen(socket: Socket<SocketUser>): void;
  onData(chunk: Buffer): void;
  onDrain(): void;
  onClosed(error?: Error): void;
}

/** Why a TLS handshake failed, in words; `cause` is what OpenSSL says. */
export class TlsError extends Error {
  override readonly name = "TlsError";
}

/** By the code of the error. */
const TLS_FAULTS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "RPC_TLS_CA has not signed the server's certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "RPC_TLS_CA has not signed the server's certificate",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "RPC_TLS_CA has not signed the server's certificate",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "RPC_TLS_CA has not signed the server's certificate",
  CERT_SIGNATURE_FAILURE: "RPC_TLS_CA has not signed the server's certificate",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another name",
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet",
};

function tlsError(error: Error | null): TlsError {
  const code = error && "code" in error ? `${error.code}` : "";
  const isPlain = error?.message.includes("WRONG_VERSION_NUMBER") === true;
  const why = isPlain
    ? "the server does not speak TLS, and RPC_TLS_CA is set here"
    : (TLS_FAULTS[code] ?? "the server's certificate is not trusted");
  return new TlsError(`TLS handshake failed: ${why}`, { cause: error });
}

/** Connect, with TLS where `ca` is given; rejects, and never throws, where that fails. */
export function connect(
  { host: hostname, port, name }: Address,
  ca: string | undefined,
  data: SocketUser,
): Promise<Socket<SocketUser>> {
  const serverName = name === undefined ? {} : { serverName: name };
  const tls = ca === undefined ? {} : { tls: { ca, rejectUnauthorized: true, ...serverName } };
  const socket = ca === undefined ? HANDLERS : TLS_HANDLERS;
  // try(): Bun.connect throws at once where the port is none, and rejects for all other reasons.
  return Promise.try(() => Bun.connect({ hostname, port, data, socket, ...tls }));
}

const HANDLERS: Bun.SocketHandler<SocketUser> = {
  open: (socket) => socket.data.onOpen(socket),
  data: (socket, chunk) => socket.data.onData(chunk),
  drain: (socket) => socket.data.onDrain(),
  close: (socket, error) => socket.data.onClosed(error),
  error: (socket, error) => socket.data.onClosed(error),
};

const TLS_HANDLERS: Bun.SocketHandler<SocketUser> = {
  ...HANDLERS,
  // With a handler for the handshake, this one runs before it.
  open: () => undefined,
  handshake(socket, isGood, error) {
    if (isGood && !error) socket.data.onOpen(socket);
    else socket.data.onClosed(tlsError(error));
  },
};
