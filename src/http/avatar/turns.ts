import { RpcError } from "../../rpc/error.ts";

/** At once, of one session. */
const MAX_UPLOADS = 2;

/** Keeps one session from taking the memory and the cores that all uploads share. */
export class Turns {
  readonly #uploads = new Map<string, number>();

  /**
   * Begin an upload of a session, which ends when the result is disposed of.
   * @throws {RpcError} resource_exhausted: others of the session are under way
   */
  begin(sessionId: string): Disposable {
    const uploads = this.#uploads.get(sessionId) ?? 0;
    if (uploads >= MAX_UPLOADS) {
      const message = `Cannot take the picture: ${uploads} uploads of its session are under way`;
      throw new RpcError("resource_exhausted", message, { processed: false });
    }
    this.#uploads.set(sessionId, uploads + 1);
    return { [Symbol.dispose]: () => this.#end(sessionId) };
  }

  #end(sessionId: string): void {
    const uploads = (this.#uploads.get(sessionId) ?? 1) - 1;
    if (uploads > 0) this.#uploads.set(sessionId, uploads);
    else this.#uploads.delete(sessionId);
  }
}
