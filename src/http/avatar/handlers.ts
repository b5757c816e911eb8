import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DomainErrorName } from "../../../schema/errors.ts";
import { DomainError, RpcError } from "../../rpc/error.ts";
import type { Handler, HttpParts } from "../exchange.ts";
import { Refusal, success } from "../reply.ts";
import { assertAwaited } from "../request.ts";
import { withFirstSession } from "../session-cookie.ts";
import { newPictureName, PICTURE_TYPE } from "./store.ts";
import { Turns } from "./turns.ts";
import { boundaryOf, readUpload, type Upload } from "./upload.ts";

/**
 * For both calls, all retries and the picture's way to its place; not for body and decoding. Of the
 * 5 s that are promised, the rest is for what comes before and after.
 */
const TIMEOUT_MS = 4_500;
/** Of that, what is left for the call once the picture is in its place. */
const CALL_SHARE = 0.2;
/** How long a connection may stand still once its body is here. */
const ANSWER_SECONDS = 30;
/** How an update ends that has found nothing to change. */
const NOTHING_WRITTEN: ReadonlySet<string> = new Set<DomainErrorName>([
  "InvalidSessionError",
  "UserNotExistError",
]);

/** The session of an upload, and what its user showed when it began. */
interface Session {
  readonly sessionId: string;
  readonly username: string;
  readonly profilePath: string;
  /** What is left of the time for calls. */
  readonly leftMs: number;
}

/** Upload a picture, and show it. */
export function avatarHandlers({
  clients: { user },
  cookie,
  bodies,
  avatars,
  pictures,
  removals,
  publicFolder,
  pictureTimeoutMs = TIMEOUT_MS,
}: HttpParts): Record<"update" | "show", Handler> {
  const builtIn = readPictures(join(publicFolder, "avatars"));
  const turns = new Turns();

  return {
    async update({ request, requestId, server }) {
      const boundary = boundaryOf(request);
      // Before the body: a client without a session is told so at once, and holds no memory.
      const begunAt = performance.now();
      const options = { requestId, signalOf: request, timeoutMs: pictureTimeoutMs };
      const session = await withFirstSession(cookie.read(request), async (sessionId) => {
        const profile = await user.getUserInfo({ sessionId }, options);
        return { sessionId, ...profile, leftMs: begunAt + pictureTimeoutMs - performance.now() };
      });
      using _turn = turns.begin(session.sessionId);
      server.timeout(request, 0); // The body has limits of its own.
      using upload = await readUpload(request, boundary, bodies).finally(() => {
        server.timeout(request, ANSWER_SECONDS);
      });
      return await save(request, requestId, session, upload);
    },

    async show({ params: { name = "" } }) {
      const picture = builtIn.get(name) ?? (await avatars.find(name));
      if (!picture) throw new Refusal(404, "name: there is no picture of this name");
      // Its bytes: of a file, Bun would answer ranges, with statuses that the API does not have.
      return new Response(picture, {
        headers: {
          "Content-Type": PICTURE_TYPE,
          "X-Content-Type-Options": "nosniff",
          "Content-Security-Policy": "default-src 'none'",
          // A name is never used for another picture.
          "Cache-Control": "public, max-age=86400",
        },
      });
    },
  };

  async function save(
    request: Request,
    requestId: string,
    { sessionId, leftMs, ...profile }: Session,
    { file, username }: Upload,
  ): Promise<Response> {
    if (username !== undefined && username !== profile.username) {
      throw new Refusal(400, "username: must be the session's own");
    }
    const picture = await pictures.make(file, request.signal);
    assertAwaited(request, "the save of the picture");
    const deadline = performance.now() + leftMs;
    const profilePath = newPictureName();
    /** The answer does not wait longer for it: an S3 that hangs would hold it as long again. */
    const removeUnused = async () => {
      const removed = removals.unused(profilePath, requestId);
      await Promise.race([removed, Bun.sleep(Math.max(0, deadline - performance.now()))]);
    };
    try {
      await avatars.save(profilePath, picture, leftMs * (1 - CALL_SHARE));
      assertAwaited(request, "the update of the profile");
    } catch (error) {
      await removeUnused();
      throw error;
    }
    try {
      // Not cancelled from here on: the profile may point to the file by then, and then needs it.
      const timeoutMs = deadline - performance.now();
      const update = { sessionId, profilePath, ...(username !== undefined && { username }) };
      await user.updateProfilePic(update, { requestId, timeoutMs });
    } catch (error) {
      // If the outcome is unknown, the file stays: better one too many than a missing picture.
      if (hasChangedNothing(error)) await removeUnused();
      throw error;
    }
    removals.replaced(profile.profilePath, requestId);
    return success({ profilePath });
  }
}

/** The pictures that come with Portico, whatever becomes of the others. */
function readPictures(folder: string): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  return new Map(
    readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]),
  );
}

/** Whether an update that failed so has certainly not happened, and never will. */
function hasChangedNothing(error: unknown): boolean {
  if (error instanceof RpcError) return !error.processed;
  return error instanceof DomainError && NOTHING_WRITTEN.has(error.code);
}
