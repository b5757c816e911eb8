import type { Socket } from "bun";

export interface Address {
  readonly host: string;
  readonly port: number;
  /** The name that a certificate must be for, where `host` is what DNS said of it. */
  readonly name?: string;
}

/** What happens on a socket, told to whoever asked for it. */
export interface SocketUser {
  /** Connected, and with TLS, to a server whose certificate is good. */
  onOpen(socket: Socket<SocketUser>): void;
  onData(chunk: Buffer): void;
  onDrain(): void;
  onClosed(error?: Error, why?: string): void;
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
    else socket.data.onClosed(error ?? undefined, "the server's certificate is not trusted");
  },
};
