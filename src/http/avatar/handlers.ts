import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DomainErrorName } from "../../../schema/errors.ts";
import { DomainError, RpcError } from "../../rpc/error.ts";
import { type Exchange, type Handler, type HttpParts, throwIfCancelled } from "../exchange.ts";
import { Answer, Refusal, success } from "../reply.ts";
import { PICTURE_SECURITY } from "../security-headers.ts";
import { withFirstSession } from "../session-cookie.ts";
import { newPictureName, PICTURE_TYPE } from "./store.ts";
import { boundaryOf, readUpload, type Upload } from "./upload.ts";

/**
 * The limit for both calls with their retries, and for saving the picture. Reading the body and
 * decoding have their own limits. The API promises 5 s: the rest is for the steps before and after.
 */
const TIMEOUT_MS = 4_500;
/** Saving the picture leaves this share of the remaining time for the update. */
const CALL_SHARE = 0.2;
/** The idle timeout of a connection once its body has been read. */
const ANSWER_SECONDS = 30;
const MAX_UPLOADS_OF_SESSION = 2;
/** If an update fails with one of these errors, no profile has changed. */
const NOTHING_WRITTEN: ReadonlySet<string> = new Set<DomainErrorName>([
  "InvalidSessionError",
  "UserNotExistError",
]);

/** The session of an upload, and the profile of its user when the upload began. */
interface Session {
  readonly sessionId: string;
  readonly username: string;
  readonly profilePath: string;
  /** The rest of the timeout. */
  readonly leftMs: number;
}

/** The handlers that save an uploaded picture and serve it. */
export function avatarHandlers({
  clients: { user },
  cookie,
  bodies,
  avatars,
  decoders,
  removals,
  publicFolder,
  pictureTimeoutMs = TIMEOUT_MS,
}: HttpParts): Record<"update" | "show", Handler> {
  const builtIn = readPictures(join(publicFolder, "avatars"));
  const uploads = new UploadsInFlight();

  return {
    async update(exchange) {
      const { request, requestId, server, observer } = exchange;
      const boundary = boundaryOf(request);
      // The session is checked before the body is read: a client without a session gets its answer
      // at once, and takes no memory.
      const begunAt = performance.now();
      const options = { requestId, observer, signalOf: request, timeoutMs: pictureTimeoutMs };
      const session = await withFirstSession(cookie.read(request), async (sessionId) => {
        const profile = await user.getUserInfo({ sessionId }, options);
        return { sessionId, ...profile, leftMs: begunAt + pictureTimeoutMs - performance.now() };
      });
      using _inFlight = uploads.begin(session.sessionId);
      server.timeout(request, 0); // Bodies has its own limits.
      exchange.step("reading the body");
      using upload = await readUpload(request, boundary, bodies).finally(() => {
        server.timeout(request, ANSWER_SECONDS);
      });
      return await save(exchange, session, upload);
    },

    async show({ params: { name = "" } }) {
      const picture = builtIn.get(name) ?? (await avatars.find(name));
      if (!picture) throw new Refusal(404, "name: no picture has this name");
      // If the body were a file, Bun would answer ranges, with statuses that the API does not have.
      return new Answer(picture, {
        headers: {
          "Content-Type": PICTURE_TYPE,
          ...PICTURE_SECURITY,
          // A name is never used for another picture.
          "Cache-Control": "public, max-age=86400",
        },
      });
    },
  };

  async function save(
    exchange: Exchange,
    { sessionId, leftMs, ...profile }: Session,
    { file, username }: Upload,
  ): Promise<Response> {
    if (username !== undefined && username !== profile.username) {
      throw new Refusal(400, "username: must be the session's own");
    }
    const { request, requestId, observer } = exchange;
    exchange.step("decoding the picture");
    const picture = await decoders.decode(file, request.signal);
    exchange.step("saving the picture");
    throwIfCancelled(request, "to save the picture");
    const deadline = performance.now() + leftMs;
    const profilePath = newPictureName();
    /** Wait until the deadline at most: an S3 that hangs must not delay the answer further. */
    const removeUnused = async () => {
      const removed = removals.removeUnused(profilePath, requestId);
      await Promise.race([removed, Bun.sleep(Math.max(0, deadline - performance.now()))]);
    };
    try {
      await avatars.save(profilePath, picture, leftMs * (1 - CALL_SHARE));
      throwIfCancelled(request, "to update the profile");
    } catch (error) {
      await removeUnused();
      throw error;
    }
    try {
      // Do not cancel from here on: the profile may already point to the file.
      exchange.step(undefined);
      const timeoutMs = deadline - performance.now();
      const update = { sessionId, profilePath, ...(username !== undefined && { username }) };
      await user.updateProfilePic(update, { requestId, observer, timeoutMs });
    } catch (error) {
      // If the outcome is unknown, the file stays: an unused file is better than a missing picture.
      if (hasChangedNothing(error)) await removeUnused();
      throw error;
    }
    removals.removeReplaced(profile.profilePath, requestId);
    return success({ profilePath });
  }
}

/** Counts uploads, so that one session cannot take all memory and cores. */
class UploadsInFlight {
  readonly #bySession = new Map<string, number>();

  /**
   * Begin an upload, which ends when the result is disposed of.
   * @throws {RpcError} resource_exhausted: the session has too many uploads in flight
   */
  begin(sessionId: string): Disposable {
    const uploads = this.#bySession.get(sessionId) ?? 0;
    if (uploads >= MAX_UPLOADS_OF_SESSION) {
      const message = `Cannot take the picture: its session has ${uploads} uploads in flight`;
      throw new RpcError("resource_exhausted", message, { processed: false });
    }
    this.#bySession.set(sessionId, uploads + 1);
    return { [Symbol.dispose]: () => this.#end(sessionId) };
  }

  #end(sessionId: string): void {
    const uploads = (this.#bySession.get(sessionId) ?? 1) - 1;
    if (uploads > 0) this.#bySession.set(sessionId, uploads);
    else this.#bySession.delete(sessionId);
  }
}

/** The pictures that come with Portico, by name. */
function readPictures(folder: string): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  return new Map(
    readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]),
  );
}

/** Whether a failed update certainly had no effect, and will have none later. */
function hasChangedNothing(error: unknown): boolean {
  if (error instanceof RpcError) return !error.processed;
  return error instanceof DomainError && NOTHING_WRITTEN.has(error.code);
}
