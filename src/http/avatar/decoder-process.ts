import { RpcError } from "../../rpc/error.ts";
import { ANSWER, frame, readFrames } from "./frames.ts";
import { MAX_PICTURE_BYTES } from "./store.ts";

/** How the decoding of a file ended. */
export type Decoded =
  | { readonly picture: Uint8Array<ArrayBuffer> }
  /** A `PictureFault`, or "time". */
  | { readonly fault: string };

/** The whole environment of the process. */
const ENVIRONMENT = {
  // Bun reserves less for its heap and its compiled code, which leaves more for the picture.
  BUN_JSC_structureHeapSizeInKB: "65536",
  BUN_JSC_jitMemoryReservationSize: `${32 * 1024 * 1024}`,
  // After each picture, its memory goes back to the system.
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: "262144",
  MIMALLOC_ARENA_RESERVE: "65536",
  // Warnings about files of users do not belong in the log.
  VIPS_WARNING: "0",
};

/** A process that decodes one picture at a time. It is killed if a picture takes too long. */
export class DecoderProcess {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #answers: AsyncGenerator<Uint8Array<ArrayBuffer>, undefined>;
  #isReady = false;
  #isKilled = false;

  /** @param command runs `src/picture-main.ts` */
  constructor(command: readonly string[]) {
    this.#child = Bun.spawn([...command], {
      cwd: "/",
      env: ENVIRONMENT,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#answers = readFrames(this.#child.stdout, 1 + MAX_PICTURE_BYTES);
  }

  /** Whether it can decode another file. */
  get isUsable(): boolean {
    return !this.#isKilled;
  }

  /** Resolves when the process has ended. */
  get ended(): Promise<unknown> {
    return this.#child.exited;
  }

  /**
   * @param timeoutMs for decoding, and the same again if the process has to start first
   * @throws {RpcError} unavailable: the process has ended, or did not start
   */
  async decode(file: Uint8Array, timeoutMs: number): Promise<Decoded> {
    if (!this.#isReady) {
      const first = await this.#nextAnswer(timeoutMs);
      if (first === "late" || first[0] !== ANSWER.ready) throw this.#fail("did not start");
      this.#isReady = true;
    }
    const { stdin } = this.#child;
    stdin.write(frame(file));
    // If the process has ended, `#nextAnswer` reports that.
    Promise.resolve(stdin.flush()).catch(() => undefined);
    const answer = await this.#nextAnswer(timeoutMs);
    if (answer === "late") return { fault: "time" };
    const body = answer.subarray(1);
    if (answer[0] === ANSWER.picture) return { picture: body };
    if (answer[0] === ANSWER.fault) return { fault: new TextDecoder().decode(body) };
    throw this.#fail("sent an invalid answer");
  }

  kill(): void {
    this.#isKilled = true;
    this.#child.kill("SIGKILL");
  }

  /** The next answer, or "late" if the timeout has passed and the process was killed. */
  async #nextAnswer(timeoutMs: number): Promise<Uint8Array<ArrayBuffer> | "late"> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.kill();
    }, timeoutMs);
    try {
      const { value } = await this.#answers.next();
      if (value) return value;
    } catch (cause) {
      throw this.#fail("sent an invalid answer", cause);
    } finally {
      clearTimeout(timer);
    }
    if (isLate) return "late";
    await this.#child.exited;
    const { exitCode, signalCode } = this.#child;
    throw this.#fail(`ended with ${signalCode ?? exitCode}`);
  }

  /** Kill the process, and return the error that says why. */
  #fail(what: string, cause?: unknown): RpcError {
    this.kill();
    return new RpcError("unavailable", `Cannot decode picture: the decoder ${what}`, { cause });
  }
}
