import { isIP, isIPv4, isIPv6 } from "node:net";
import { MAX_PORT, shown } from "./values.ts";

// How hosts and addresses are written.

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** RFC 1123 §2.1, and the underscores that container networks have. */
const NAME =
  /^(?!.{254})([a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?\.)*[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?\.?$/i;

/** A host name or an IP address to listen on, an IPv6 one without brackets. */
export function parseHost(value: string, portVariable: "HTTP_PORT" | "RPC_PORT"): string {
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
    return `must be a host alone: the port goes into ${portVariable}`;
  }
  if (value === "*") return "write 0.0.0.0 or :: for every address of this machine";
  if (/^[\d.]+$/.test(value)) return `is no IP address; a port goes into ${portVariable}`;
  if (NAME.test(value)) return undefined;
  return "must be a host name or an IP address, such as 127.0.0.1, 0.0.0.0 or ::1";
}

/** `host:port`, an IPv6 address in brackets. */
export function parseEndpoint(value: string): Endpoint {
  const text = value.trim();
  const [, bracketedHost, plainHost = "", port = ""] =
    /^(?:\[([^[\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text) ?? [];
  const host = bracketedHost ?? plainHost;
  const isHost = bracketedHost === undefined ? whyNoHost(plainHost) === undefined : isIPv6(host);
  const isPort = Number(port) >= 1 && Number(port) <= MAX_PORT;
  if (host && isHost && isPort) return { host, port: Number(port) };
  const hint = hintFor(text);
  throw new Error(`has "${shown(text)}": must be host:port, several by commas${hint}`);
}

function hintFor(text: string): string {
  if (text.includes("://")) return "; without a scheme such as tcp://";
  if (/^[^[]*:.*:/.test(text)) return "; an IPv6 address in brackets, such as [::1]:9091";
  if (whyNoHost(text) === undefined) return "; the port is missing";
  if (/:\d+$/.test(text)) return `; a port is from 1 to ${MAX_PORT}`;
  return "";
}

/** Whether only this machine can reach it, by how it is written: a name may become anything. */
export function isLoopback(host: string): boolean {
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(host) ?? [];
  const address = mapped ?? host;
  if (isIPv4(address)) return address.startsWith("127.");
  return /^localhost\.?$/i.test(host) || (isIPv6(host) && /^[0:]*:0*1$/.test(host));
}

/** Where a server of this machine that listens on `host` is called: "all addresses" is none. */
export function calledHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return isIPv6(host) && /^[0:]+$/.test(host) ? "::1" : host;
}

/** As a part of a URL, or before a port. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
