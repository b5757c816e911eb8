// The rows of the Grafana dashboard about requests and calls, from top to
// bottom. In an expression, `metric{…}` gets the job and the instance that the user selects.
import { quantile, type Row, rateBy, rateOf } from "./dashboard-row.ts";

const REQUESTS = "http_server_request_duration_seconds_count";
const FAILED = `${REQUESTS}{http_response_status_code=~"5.."}`;
const PHASE = "portico_rpc_client_phase_duration_seconds";
const UNANSWERED = "unavailable|deadline_exceeded|resource_exhausted|internal|DataBaseError";

export const REQUEST_ROWS: readonly Row[] = [
  {
    title: "Traffic",
    panels: [
      {
        title: "Ready processes",
        description: "If a line is at 0, that tier does not work.",
        unit: "short",
        queries: [["{{instance}} {{tier}}", "portico_ready_processes{}"]],
      },
      {
        title: "Requests by route",
        description: "Answered requests in a second.",
        unit: "reqps",
        queries: [
          ["{{http_route}}", rateBy("http_route", "http_server_request_duration_seconds_count{}")],
        ],
      },
      {
        title: "Work in flight",
        description: "Work that has begun and not ended. If it rises, something is slow.",
        unit: "short",
        queries: [
          ["HTTP requests", "sum(http_server_active_requests{})"],
          ["calls of the TCP tier", "sum(portico_rpc_server_calls_in_flight{})"],
        ],
      },
    ],
  },
  {
    title: "Errors",
    panels: [
      {
        title: "Share of requests that fail (5xx)",
        description: "The allowed share is 0.1 % over 30 days.",
        unit: "percentunit",
        queries: [["5xx", `(${rateOf(FAILED)} or vector(0)) / ${rateOf(`${REQUESTS}{}`)}`]],
        warnAt: 0.001,
        alertAt: 0.0144,
      },
      {
        title: "Failed requests by route",
        description: "Requests with status 500 or above. Empty if there was none.",
        unit: "reqps",
        queries: [
          [
            "{{http_route}} {{http_response_status_code}}",
            rateBy("http_route, http_response_status_code", FAILED),
          ],
        ],
      },
      {
        title: "Failed calls by reason",
        description: "Calls to the TCP tier without an answer. Empty if there was none.",
        unit: "reqps",
        queries: [
          [
            "{{rpc_response_status_code}}",
            rateBy(
              "rpc_response_status_code",
              `rpc_client_call_duration_seconds_count{rpc_response_status_code=~"${UNANSWERED}"}`,
            ),
          ],
        ],
      },
      {
        title: "Warnings and errors in the log",
        description: "The log has the causes.",
        unit: "cps",
        queries: [
          [
            "{{tier}} {{level}}",
            "sum by (tier, level) (rate(portico_log_events_total{}[$__rate_interval]))",
          ],
        ],
      },
    ],
  },
  {
    title: "Latency of both tiers",
    panels: [
      {
        title: "User info",
        description: "Seen by the HTTP tier.",
        unit: "s",
        queries: [
          [
            "p50",
            quantile(
              0.5,
              "le",
              'http_server_request_duration_seconds_bucket{http_route=~".*/get_user_info"}',
            ),
          ],
          [
            "p99",
            quantile(
              0.99,
              "le",
              'http_server_request_duration_seconds_bucket{http_route=~".*/get_user_info"}',
            ),
          ],
        ],
        alertAt: 0.25,
      },
      {
        title: "Sign-in",
        description: "Seen by the HTTP tier. Most of it is the password hash.",
        unit: "s",
        queries: [
          [
            "p50",
            quantile(
              0.5,
              "le",
              'http_server_request_duration_seconds_bucket{http_route=~".*/signin"}',
            ),
          ],
          [
            "p99",
            quantile(
              0.99,
              "le",
              'http_server_request_duration_seconds_bucket{http_route=~".*/signin"}',
            ),
          ],
        ],
        alertAt: 2.5,
      },
      {
        title: "Calls by method, p99",
        description: "Seen by the TCP tier.",
        unit: "s",
        queries: [
          [
            "{{rpc_method}}",
            quantile(0.99, "rpc_method, le", "rpc_server_call_duration_seconds_bucket{}"),
          ],
        ],
      },
      {
        title: "Where calls spend their time",
        description: "Mean seconds of a call in each phase.",
        unit: "s",
        queries: [
          [
            "{{phase}}",
            `${rateBy("phase", `${PHASE}_sum{}`)} / ${rateBy("phase", `${PHASE}_count{}`)}`,
          ],
        ],
      },
    ],
  },
  {
    title: "RPC client: connections and retries",
    panels: [
      {
        title: "TCP servers",
        description: "As each HTTP tier sees them.",
        unit: "short",
        queries: [
          ["{{instance}} {{state}}", "sum by (instance, state) (portico_rpc_client_servers{})"],
        ],
      },
      {
        title: "Connections",
        description: "To TCP servers.",
        unit: "short",
        queries: [
          ["{{state}}", "sum by (state) (portico_rpc_client_connections{})"],
          ["calls that wait for one", "sum(portico_rpc_client_waiting_calls{})"],
        ],
      },
      {
        title: "Retries",
        description: "Refused: the retry budget was used up.",
        unit: "cps",
        queries: [
          ["retries", "sum(rate(portico_rpc_client_retries_total{}[$__rate_interval]))"],
          ["refused", "sum(rate(portico_rpc_client_retries_refused_total{}[$__rate_interval]))"],
        ],
      },
      {
        title: "Refused by TCP servers",
        description: "Calls and connections over a limit, and wrong tokens.",
        unit: "cps",
        queries: [
          [
            "call: {{reason}}",
            "sum by (reason) (rate(portico_rpc_server_calls_refused_total{}[$__rate_interval]))",
          ],
          [
            "connection: {{reason}}",
            rateBy("reason", "portico_rpc_server_connections_refused_total{}"),
          ],
        ],
      },
    ],
  },
];
