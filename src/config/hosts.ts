import { isIP, isIPv4, isIPv6 } from "node:net";
import { MAX_PORT, shown } from "./values.ts";

// Hosts and addresses, as users write them.

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** RFC 1123 §2.1, and underscores, which container networks use. */
const NAME =
  /^(?!.{254})([a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?\.)*[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?\.?$/i;

/** A host name or an IP address to listen on; IPv6 without brackets. */
export function parseHost(
  value: string,
  portVariable: "HTTP_PORT" | "RPC_PORT" | "METRICS_PORT",
): string {
  const why = whyNoHost(value, portVariable);
  if (why === undefined) return value;
  throw new Error(`is "${shown(value)}": ${why}`);
}

function whyNoHost(value: string, portVariable = ""): string | undefined {
  if (isIP(value)) return undefined;
  const [, inside] = /^\[(.*)\]$/.exec(value) ?? [];
  if (inside !== undefined && isIPv6(inside)) return `write it without brackets: ${inside}`;
  if (value.includes("://")) return "must be a host alone, without a scheme such as http://";
  if (/\s/.test(value)) return "must be one host, without blanks";
  if (/^([^:]*|\[.*\]):\d*$/.test(value)) {
    return `must be a host alone: set the port with ${portVariable}`;
  }
  if (value === "*") return "write 0.0.0.0 or :: for every address of this machine";
  if (/^[\d.]+$/.test(value)) return `is not an IP address; set a port with ${portVariable}`;
  if (NAME.test(value)) return undefined;
  return "must be a host name or an IP address, such as 127.0.0.1, 0.0.0.0 or ::1";
}

/** Parse `host:port`; an IPv6 address must be in brackets. */
export function parseEndpoint(value: string): Endpoint {
  const text = value.trim();
  const [, bracketedHost, plainHost = "", port = ""] =
    /^(?:\[([^[\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text) ?? [];
  const host = bracketedHost ?? plainHost;
  const isHost = bracketedHost === undefined ? whyNoHost(plainHost) === undefined : isIPv6(host);
  const isPort = Number(port) >= 1 && Number(port) <= MAX_PORT;
  if (host && isHost && isPort) return { host, port: Number(port) };
  const hint = hintFor(text);
  throw new Error(`has "${shown(text)}": must be host:port, or several separated by commas${hint}`);
}

function hintFor(text: string): string {
  if (text.includes("://")) return "; without a scheme such as tcp://";
  if (/^[^[]*:.*:/.test(text)) return "; an IPv6 address in brackets, such as [::1]:9091";
  if (whyNoHost(text) === undefined) return "; the port is missing";
  if (/:\d+$/.test(text)) return `; a port is from 1 to ${MAX_PORT}`;
  return "";
}

/** Whether only this machine can reach the host. The only such name is localhost. */
export function isLoopback(host: string): boolean {
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(host) ?? [];
  const address = mapped ?? host;
  if (isIPv4(address)) return address.startsWith("127.");
  return /^localhost\.?$/i.test(host) || (isIPv6(host) && /^[0:]*:0*1$/.test(host));
}

/** The host for calls to a server of this machine that listens on `host`, or on all addresses. */
export function calledHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return isIPv6(host) && /^[0:]+$/.test(host) ? "::1" : host;
}

/** The host as it is written in a URL or before a port. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
