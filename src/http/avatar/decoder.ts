import { RpcError } from "../../rpc/error.ts";
import { ANSWER, frame, readFrames } from "./frames.ts";
import { MAX_PICTURE_BYTES } from "./store.ts";

/** What has become of a file. */
export type Decoded =
  | { readonly picture: Uint8Array<ArrayBuffer> }
  /** As `PictureFault` has it, or "time". */
  | { readonly fault: string };

/**
 * Of data, in KiB, touched or not. Some 200 MiB are Bun's, and the largest pictures that are taken
 * need 900 (docs/pictures.md). A system that knows no such limit has none.
 */
const MAX_DATA_KIB = 1280 * 1024;
const LIMITED = ["sh", "-c", `ulimit -d ${MAX_DATA_KIB} 2>/dev/null; exec "$@"`, "sh"];

/**
 * All that the process sees of an environment. What Bun would reserve for a large heap is not left
 * for the picture; and a warning about a file is nothing that a log should hold.
 */
const ENVIRONMENT = {
  BUN_JSC_structureHeapSizeInKB: "65536",
  BUN_JSC_jitMemoryReservationSize: `${32 * 1024 * 1024}`,
  // What a picture has needed goes back to the system after it.
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: "262144",
  MIMALLOC_ARENA_RESERVE: "65536",
  VIPS_WARNING: "0",
};

/** A process that decodes one picture at a time, and is killed where one takes too long. */
export class Decoder {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #answers: AsyncGenerator<Uint8Array<ArrayBuffer>, undefined>;
  #isReady = false;
  #isKilled = false;

  /** @param command what runs `src/picture-main.ts` */
  constructor(command: readonly string[]) {
    this.#child = Bun.spawn([...LIMITED, ...command], {
      cwd: "/",
      env: ENVIRONMENT,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#answers = readFrames(this.#child.stdout, 1 + MAX_PICTURE_BYTES);
  }

  /** Whether it can be given another file. */
  get isUsable(): boolean {
    return !this.#isKilled;
  }

  /** Resolves when the process has ended. */
  get ended(): Promise<unknown> {
    return this.#child.exited;
  }

  /**
   * @param timeoutMs for the decoding, and as much again where the process has to start first
   * @throws {RpcError} unavailable: the process has ended, or did not start
   */
  async decode(file: Uint8Array, timeoutMs: number): Promise<Decoded> {
    if (!this.#isReady) {
      const first = await this.#next(timeoutMs);
      if (first === "late" || first[0] !== ANSWER.ready) throw this.#broken("did not start");
      this.#isReady = true;
    }
    const { stdin } = this.#child;
    stdin.write(frame(file));
    // That it has ended shows where its answer is missing.
    Promise.resolve(stdin.flush()).catch(() => undefined);
    const answer = await this.#next(timeoutMs);
    if (answer === "late") return { fault: "time" };
    const body = answer.subarray(1);
    if (answer[0] === ANSWER.picture) return { picture: body };
    if (answer[0] === ANSWER.fault) return { fault: new TextDecoder().decode(body) };
    throw this.#broken("answered what is no answer");
  }

  kill(): void {
    this.#isKilled = true;
    this.#child.kill("SIGKILL");
  }

  /** The next answer, or "late" where the process was killed for want of it. */
  async #next(timeoutMs: number): Promise<Uint8Array<ArrayBuffer> | "late"> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.kill();
    }, timeoutMs);
    try {
      const { value } = await this.#answers.next();
      if (value) return value;
    } catch (cause) {
      throw this.#broken("answered what is no answer", cause);
    } finally {
      clearTimeout(timer);
    }
    if (isLate) return "late";
    await this.#child.exited;
    const { exitCode, signalCode } = this.#child;
    throw this.#broken(`ended with ${signalCode ?? exitCode}`);
  }

  /** An error of the process, which is not used again. */
  #broken(what: string, cause?: unknown): RpcError {
    this.kill();
    return new RpcError("unavailable", `Cannot decode picture: the decoder ${what}`, { cause });
  }
}
