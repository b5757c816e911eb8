// Tells systemd how this process is, as sd_notify(3) does, for units with `Type=notify`.

import { dlopen } from "bun:ffi";

type Environment = Readonly<Record<string, string | undefined>>;
/** @returns false if systemd cannot take the message now */
type Send = (message: string) => boolean;

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0x8_0000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
/** Bytes of the path of a Unix socket, without the NUL that ends it. */
const MAX_PATH_BYTES = 107;
const ASK_MS = 250;

/** The service manager that has started this process. Without one, nothing is sent. */
export class Systemd {
  readonly #send: Send | undefined;
  readonly #watchdogMs: number;
  #isStopping = false;

  private constructor(send?: Send, watchdogMs = 0) {
    this.#send = send;
    this.#watchdogMs = watchdogMs;
  }

  /**
   * A worker inherits the variables of its parent, but systemd listens to the parent.
   * @param onError the variables are there, but systemd cannot be reached
   */
  static of(environment: Environment, onError: (error: unknown) => void): Systemd {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = environment;
    if (!NOTIFY_SOCKET || process.send) return new Systemd();
    const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
    try {
      return new Systemd(openSocket(NOTIFY_SOCKET), isOurs ? Number(WATCHDOG_USEC ?? 0) / 1000 : 0);
    } catch (error) {
      onError(error);
      return new Systemd();
    }
  }

  /**
   * Ask until there is no reason against being ready, and say READY=1 then. Until then,
   * `systemctl status` shows the reasons.
   */
  async ready(readiness: () => Promise<readonly string[]>): Promise<void> {
    if (!this.#send) return;
    this.#feedWatchdog();
    for (let shown = ""; !this.#isStopping; await Bun.sleep(ASK_MS)) {
      const reasons = (await readiness()).join("; ");
      if (this.#isStopping) return;
      if (reasons === "" && this.#send("READY=1\nSTATUS=ready")) return;
      if (reasons !== shown && this.#send(`STATUS=not ready: ${oneLine(reasons)}`)) shown = reasons;
    }
  }

  /** Say that a reload runs, until `reload` ends. */
  async during<T>(reload: () => Promise<T>): Promise<T> {
    this.#send?.("RELOADING=1");
    try {
      return await reload();
    } finally {
      if (!this.#isStopping) this.#send?.("READY=1");
    }
  }

  stopping(): void {
    this.#isStopping = true;
    this.#send?.("STOPPING=1\nSTATUS=stopping");
  }

  /** A process whose event loop stands still feeds no watchdog, and is killed by systemd. */
  #feedWatchdog(): void {
    if (this.#watchdogMs > 0)
      setInterval(() => this.#send?.("WATCHDOG=1"), this.#watchdogMs / 3).unref();
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").slice(0, 500);
}

/**
 * Bun and its `node:dgram` have no datagram sockets in the file system, so this calls libc.
 * @param path of the socket; with an @ in front, the name of an abstract socket
 * @throws {Error} it is neither, or there is no glibc
 */
function openSocket(path: string): Send {
  const address = addressOf(path);
  const { socket, sendto } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  }).symbols;
  const descriptor = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (descriptor < 0) throw new Error("no socket is free");
  return (message) => {
    const bytes = Buffer.from(message);
    const { length } = bytes;
    const flags = MSG_DONTWAIT_NOSIGNAL;
    return sendto(descriptor, bytes, length, flags, address, address.length) === BigInt(length);
  };
}

/** A `sockaddr_un`, as unix(7) describes it. */
function addressOf(path: string): Buffer {
  const isAbstract = path.startsWith("@");
  if (!isAbstract && !path.startsWith("/"))
    throw new Error("NOTIFY_SOCKET is neither a path nor an abstract socket");
  const name = Buffer.from(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > MAX_PATH_BYTES + 1) throw new Error("NOTIFY_SOCKET is too long");
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, name]);
}
