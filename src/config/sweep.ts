import { type AvatarBucketConfig, readAvatarBucket } from "./bucket.ts";
import type { Loader } from "./load.ts";
import { RPC_COMMAND, type RpcCommandConfig } from "./rpc-client.ts";

export interface SweepConfig extends RpcCommandConfig {
  readonly dataDir: string;
  /** Where the pictures are; without it, they are in a folder in `dataDir`. */
  readonly avatarBucket: AvatarBucketConfig | undefined;
}

/** Of `bun run sweep`. */
export const SWEEP: Loader<SweepConfig> = {
  program: "sweep",
  read: (reader) => ({
    ...RPC_COMMAND.read(reader),
    dataDir: reader.text("DATA_DIR"),
    avatarBucket: readAvatarBucket(reader),
  }),
};
