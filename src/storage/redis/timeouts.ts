// The timeouts of a connection, to a single Redis or to a node of a cluster.

/** What an operator may choose. */
export interface RedisTimeouts {
  /** How long opening a connection may take. */
  readonly connectMs: number;
  /**
   * How long a command may take. It begins when the command is sent. With auto-pipelining, the
   * command may first wait for others.
   */
  readonly commandMs: number;
}

export const DEFAULT_TIMEOUTS: RedisTimeouts = { connectMs: 1_000, commandMs: 1_000 };

/**
 * The longest timeout of a command. Until it ends, a command may be carried out or repeated, and a
 * writer whose mark is set has not yet begun its update. The lifetimes of marks, of ended sessions
 * and of a recovery rely on this limit. They may belong to another server than the command, so they
 * cannot be derived from the timeout of one server.
 */
export const MAX_COMMAND_MS = 3_000;
/** A connection that owes an answer is given up this much later than the command. */
const SILENCE_MS = 1_000;

/** The timeouts as the driver names them. */
export function driverTimeouts({ connectMs, commandMs }: RedisTimeouts) {
  if (commandMs > MAX_COMMAND_MS) {
    throw new RangeError(`Cannot wait ${commandMs} ms for a command: at most ${MAX_COMMAND_MS}`);
  }
  return {
    connectTimeout: connectMs,
    commandTimeout: commandMs,
    /** If a connection owes an answer and is silent for this long, ioredis closes it. */
    socketTimeout: commandMs + SILENCE_MS,
  };
}
