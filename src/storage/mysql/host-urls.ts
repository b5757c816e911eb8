/**
 * A URL for each host of a DATABASE_URL, in its order. All hosts have the same user, password,
 * database and parameters: `mysql://user:password@host:port,host:port/database?…`.
 */
export function databaseUrls(databaseUrl: string): string[] {
  // The hosts begin after the last @ before the path, as in any URL.
  const [, before = "", hosts = "", after = ""] =
    /^([^/?#]*\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/s.exec(databaseUrl) ?? [];
  return hosts.split(",").map((host) => before + host.trim() + after);
}

/** The hosts with their ports, for people. */
export function databaseHosts(databaseUrl: string): string {
  return databaseUrls(databaseUrl)
    .map((url) => new URL(url).host)
    .join(", ");
}
