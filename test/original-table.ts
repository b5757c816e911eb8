import { classicHash } from "../src/user/password.ts";
import type { Rows } from "./contract/rows.ts";

// The user table of the original system, as a migration finds it.

/** The table as the original system made it, with the defaults of its server. */
export async function createOriginal(rows: Pick<Rows, "query">, charset: string): Promise<void> {
  await rows.query(`CREATE TABLE user (
    id           bigint AUTO_INCREMENT PRIMARY KEY,
    gmt_create   datetime,
    gmt_modified datetime,
    username     varchar(64) UNIQUE,
    nickname     varchar(64),
    password     varchar(64),
    salt         char(4),
    profile_path varchar(128)
  ) ${charset}`);
}

export async function insertOriginal(rows: Pick<Rows, "query">, users: readonly OriginalUser[]) {
  for (const { username, nickname = "Nick", salt = "a1b2", path = "me.png" } of users) {
    await rows.query(
      `INSERT INTO user (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
       VALUES ('2019-06-01 10:00:00', '2019-06-02 10:00:00', ?, ?, ?, ?, ?)`,
      [username, nickname, classicHash(PASSWORD, salt ?? ""), salt, path],
    );
  }
}

interface OriginalUser {
  readonly username: string;
  readonly nickname?: string | null;
  readonly salt?: string | null;
  readonly path?: string | null;
}

/** The password of every user that `insertOriginal` inserts. */
export const PASSWORD = "hopper1906";

/** Insert so many rows that their conversion takes a while. */
export async function insertMany(rows: Pick<Rows, "query">, count: number): Promise<void> {
  await rows.query(
    `INSERT INTO user (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
     SELECT NOW(), NOW(), CONCAT('many', seq), CONCAT('n', seq), MD5(seq), 'salt', 'me.png'
     FROM seq_1_to_${count}`,
  );
}

/** The contents of the table, whatever its storage format. */
export async function contents(rows: Pick<Rows, "query">) {
  const [found] = await rows.query(
    `SELECT COUNT(*) AS count, BIT_XOR(CRC32(CONVERT(
       CONCAT_WS('|', id, gmt_create, gmt_modified, username, nickname, password, salt,
                 profile_path) USING utf8mb4))) AS sum FROM user`,
  );
  return found;
}
