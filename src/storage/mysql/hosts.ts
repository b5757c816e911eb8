import type { Connection } from "mysql2/promise";
import type { Log } from "../../rpc/log.ts";
import { CONNECT_TIMEOUT_MS, type OpenOptions, openConnection } from "./connection.ts";
import { isDemoted, NoPrimaryError } from "./errors.ts";
import { type Host, HostReports } from "./host-reports.ts";
import { databaseUrls } from "./host-urls.ts";

/**
 * If a host has not answered for so long, the next one is tried as well. This is long, because a
 * primary that is only slow should stay the primary of this process.
 */
const HEAD_START_MS = 1_000;
/** The same while no host is known to take writes. */
const SEARCH_HEAD_START_MS = 50;

/**
 * The hosts of DATABASE_URL, of which one takes writes. A new connection goes to the host that took
 * writes last. If this host fails, is silent or has become read-only, the others are tried.
 *
 * A process stays with its host until the host fails. So it does not change between two hosts that
 * both take writes, as the nodes of Galera do.
 */
export class MysqlHosts {
  /** All hosts, for people. */
  readonly addresses: string;
  readonly #hosts: readonly Host[];
  readonly #hostOf = new WeakMap<Connection, Host>();
  readonly #reports: HostReports | undefined;
  #current: Host;
  #isSearching = false;

  /** @param log gets a line when another host is used, and warnings about hosts that cannot be */
  constructor(databaseUrl: string, log?: Log) {
    this.#hosts = databaseUrls(databaseUrl).map((url) => ({ url, address: new URL(url).host }));
    const [first] = this.#hosts;
    if (!first) throw new Error("Cannot use DATABASE_URL: it names no host");
    this.#current = first;
    this.addresses = this.#hosts.map(({ address }) => address).join(", ");
    if (log && this.#hosts.length > 1) this.#reports = new HostReports(this.#hosts, log);
  }

  /** The URL of the host that took writes last. */
  get currentUrl(): string {
    return this.#current.url;
  }

  /**
   * Connect to the host that takes writes.
   * @throws {NoPrimaryError} none of several hosts can be used
   */
  async open(options: OpenOptions = {}): Promise<Connection> {
    if (this.#hosts.length === 1) return openConnection(this.#current.url, options);
    const { mayBeReadOnly, ...ofPrimary } = options;
    try {
      return await this.#openPrimary(ofPrimary);
    } catch (error) {
      if (!mayBeReadOnly || !isDemoted(error)) throw error;
      const replica = await this.#race(options);
      return replica.connection;
    }
  }

  /** False if another host has been used since: the rows of this one may be out of date. */
  isCurrent(connection: Connection): boolean {
    return this.#hosts.length === 1 || this.#hostOf.get(connection) === this.#current;
  }

  async #openPrimary(options: OpenOptions): Promise<Connection> {
    try {
      const { host, connection } = await this.#race(options);
      this.#hostOf.set(connection, host);
      if (host !== this.#current) this.#reports?.moved(this.#current, host);
      this.#current = host;
      this.#isSearching = false;
      this.#reports?.inspectIfDue(host);
      return connection;
    } catch (error) {
      this.#isSearching = true;
      throw error;
    }
  }

  /** Try one host after the other, each with a head start. The first that can be used wins. */
  #race(options: OpenOptions): Promise<{ host: Host; connection: Connection }> {
    const { timeoutMs = CONNECT_TIMEOUT_MS } = options;
    const others = this.#hosts.filter((host) => host !== this.#current);
    const waiting = [this.#current, ...others];
    // The last host, too, has half of the time.
    const hostTimeoutMs = timeoutMs / 2;
    const headStartMs = Math.min(
      this.#isSearching ? SEARCH_HEAD_START_MS : HEAD_START_MS,
      hostTimeoutMs / others.length,
    );
    return new Promise((resolve, reject) => {
      const failures = new Map<string, unknown>();
      let isOver = false;
      let timer: NodeJS.Timeout | undefined;

      const tryNext = () => {
        clearTimeout(timer);
        const host = isOver ? undefined : waiting.shift();
        if (!host) return;
        timer = setTimeout(tryNext, headStartMs);
        openConnection(host.url, { ...options, timeoutMs: hostTimeoutMs }).then(
          (connection) => {
            if (isOver) return connection.destroy();
            end();
            resolve({ host, connection });
          },
          (error: unknown) => {
            failures.set(host.address, error);
            if (failures.size < this.#hosts.length) return tryNext();
            end();
            reject(new NoPrimaryError(failures));
          },
        );
      };
      const end = () => {
        isOver = true;
        clearTimeout(timer);
      };
      tryNext();
    });
  }
}
