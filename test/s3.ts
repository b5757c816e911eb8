import { expect } from "bun:test";
import { join } from "node:path";
import type { Environment } from "../src/config/variables.ts";
import { AvatarBucket, type BucketAccess } from "../src/http/avatar/bucket.ts";
import { ROOT } from "./child.ts";
import { sharedServers, uniqueName } from "./shared-servers.ts";
import { type Recipe, ThrowAwayServer } from "./throw-away.ts";

// s3rver serves S3 from a folder and checks every signature that it gets. It has a command line,
// but the package lacks the command.
const CLI = Bun.resolveSync("@20minutes/s3rver/lib/cli.js", ROOT);
const STORE = Bun.resolveSync("@20minutes/s3rver/lib/stores/filesystem.js", ROOT);
/**
 * S3 stores an object whole or not at all. s3rver writes an upload straight into its place: half an
 * object could stay, even after a later DELETE.
 */
const WHOLE_OR_NOT = `const { Readable } = require("node:stream");
  const Store = require("${STORE}");
  const { putContent } = Store.prototype;
  Store.prototype.putContent = async function (path, content) {
    const chunks = Buffer.isBuffer(content) ? [content] : await Array.fromAsync(content);
    return putContent.call(this, path, Readable.from(chunks));
  };`;
/**
 * For its lists: it encrypts their tokens with a cipher that Bun knows only by its full name, and
 * expects sorted folders, as Node returns them.
 */
const AS_ON_NODE = `const fs = require("node:fs");
  const { readdirSync } = fs;
  const byName = (one, other) => ((one.name ?? one) < (other.name ?? other) ? -1 : 1);
  fs.readdirSync = (...args) => readdirSync(...args).sort(byName);
  const crypto = require("node:crypto");
  for (const name of ["createCipheriv", "createDecipheriv"]) {
    const create = crypto[name];
    crypto[name] = (cipher, ...rest) => create(cipher === "des" ? "des-cbc" : cipher, ...rest);
  };`;
const START = `require("${CLI}").parseAsync(["", ...process.argv])`;
/** Both the access key and the secret: it knows only this pair. */
const KEY = "S3RVER";
const PREFIX = "portico/avatars/";

export interface S3Server extends AsyncDisposable {
  readonly port: number;
  /** A new bucket, empty. */
  createBucket(): Promise<TestBucket>;
  /** Kill the server. Its data stay. */
  kill(): Promise<void>;
  /** Start again on the same port and data. */
  restart(): Promise<void>;
}

/** A bucket with nothing but one folder of pictures. */
export class TestBucket {
  readonly access: BucketAccess;

  constructor(access: BucketAccess) {
    this.access = access;
  }

  /** The variables that name it to the HTTP tier. */
  get environment(): Environment {
    const { endpoint, bucket, prefix, accessKeyId, secretAccessKey } = this.access;
    return {
      AVATAR_URL: `s3://${bucket}/${prefix}`,
      S3_ENDPOINT: endpoint,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
    };
  }

  /** The same bucket behind another port. */
  through(port: number): TestBucket {
    return new TestBucket({ ...this.access, endpoint: `http://127.0.0.1:${port}` });
  }

  /** The names of the pictures in it. */
  async names(): Promise<string[]> {
    const { endpoint, bucket } = this.access;
    const names: string[] = [];
    for (let more = ""; ; ) {
      // Unsigned: s3rver does not demand a signature.
      const list = await (await fetch(`${endpoint}/${bucket}?list-type=2${more}`)).text();
      expect(list).toContain("<ListBucketResult");
      for (const [, key = ""] of list.matchAll(/<Key>([^<]*)/g)) {
        expect(key).toStartWith(PREFIX);
        names.push(key.slice(PREFIX.length));
      }
      const [, token] = /<NextContinuationToken>([^<]*)/.exec(list) ?? [];
      if (token === undefined) return names;
      more = `&continuation-token=${encodeURIComponent(token)}`;
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#client().write(PREFIX + name, bytes);
  }

  #client(): Bun.S3Client {
    return new Bun.S3Client(this.access);
  }
}

/** The name contains the port, so that no other server is taken for this one. */
const firstBucket = (port: number) => `portico-${port}`;

function accessTo(port: number, bucket: string): BucketAccess {
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    bucket,
    prefix: PREFIX,
    accessKeyId: KEY,
    secretAccessKey: KEY,
  };
}

const recipe: Recipe = {
  name: "S3rver",
  command: (folder, port) => [
    ...[process.execPath, "--eval", AS_ON_NODE + WHOLE_OR_NOT + START, "--"],
    ...["--directory", join(folder, "data"), "--address", "127.0.0.1", "--port", String(port)],
    ...["--configure-bucket", firstBucket(port)],
  ],
  async connect(port) {
    const refusal = await new AvatarBucket(accessTo(port, firstBucket(port))).checkAccess();
    if (refusal) throw new Error(`it answers ${refusal}`);
  },
};

async function createBucket(port: number): Promise<TestBucket> {
  const access = accessTo(port, uniqueName().replaceAll("_", "-"));
  const { ok, status } = await fetch(`${access.endpoint}/${access.bucket}`, { method: "PUT" });
  if (!ok) throw new Error(`Cannot create bucket: ${status}`);
  return new TestBucket(access);
}

/** Start an S3 for one test. Tests that do not break it share one: `sharedS3()`. */
export async function startS3(): Promise<S3Server> {
  const server = await ThrowAwayServer.start(recipe);
  return {
    port: server.port,
    createBucket: () => createBucket(server.port),
    kill: () => server.kill(),
    restart: () => server.restart(),
    [Symbol.asyncDispose]: () => server.dispose(),
  };
}

type SharedS3 = Pick<S3Server, "port" | "createBucket">;
let shared: Promise<SharedS3> | undefined;

/**
 * A server that tests share: that of this test run, or one that this test process starts at first
 * use.
 */
export function sharedS3(): Promise<SharedS3> {
  shared ??= findShared();
  return shared;
}

async function findShared(): Promise<SharedS3> {
  const { s3Port: port } = sharedServers;
  return port === undefined ? startS3() : { port, createBucket: () => createBucket(port) };
}
