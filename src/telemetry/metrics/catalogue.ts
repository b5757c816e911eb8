import { counter, gauge, histogram, type MetricSpecs } from "./spec.ts";

// Every metric of Portico. The names follow the conventions of OpenTelemetry and Prometheus, and
// begin with `portico_` where there is none. A name is never used again for something else:
// dashboards and alerts know it. docs/operations.md has the table.

/** Of both tiers. The label `tier` tells them apart. */
export const PROCESS_METRICS = {
  portico_build_info: {
    ...gauge("The running build; the value is always 1", "tier", "version", "bun"),
    aggregator: "max",
  },
  portico_ready_processes: gauge("Processes that are ready, as /readyz says", "tier"),
  process_start_time_seconds: {
    ...gauge("When the process started, in Unix time; of several, the youngest", "tier"),
    aggregator: "max",
  },
  process_cpu_seconds_total: counter("CPU time of the process, user and system", "tier"),
  process_resident_memory_bytes: gauge("Memory that the process has in RAM", "tier"),
  process_open_fds: gauge("Open file descriptors", "tier"),
  process_max_fds: gauge("The limit of open file descriptors", "tier"),
  portico_event_loop_delay_seconds: histogram(
    "How much later than planned a timer runs that is due ten times a second",
    "tier",
  ),
  portico_log_events_total: counter(
    "Warnings and errors, including those that became one line with a count",
    "tier",
    "level",
  ),
  portico_log_lines_suppressed_total: counter(
    "Repeated warnings and errors that became one line with a count",
    "tier",
  ),
  portico_log_lines_dropped_total: counter("Log lines that stdout did not take in time", "tier"),
} as const satisfies MetricSpecs;

export const HTTP_METRICS = {
  http_server_request_duration_seconds: histogram(
    "Requests from their headers to the answer, without sending it",
    "http_request_method",
    "http_route",
    "http_response_status_code",
  ),
  http_server_active_requests: gauge("Requests that are not answered yet"),
  portico_http_body_bytes: gauge("Bytes of large request bodies that are held in memory"),
  portico_picture_decodes_total: counter("Uploaded pictures by how decoding ended", "outcome"),
  portico_picture_decode_duration_seconds: histogram(
    "Decoding of a picture, without the wait for a decoder",
  ),
  portico_picture_decodes_in_flight: gauge("Pictures that are being decoded"),
  portico_picture_decodes_waiting: gauge("Pictures that wait for a decoder"),
  portico_picture_decoder_processes: gauge("Processes for decoding, including idle ones"),
  portico_picture_input_bytes_total: counter("Bytes of uploaded pictures given to decoders"),
  portico_picture_output_bytes_total: counter("Bytes of the pictures that decoders made of them"),
  rpc_client_call_duration_seconds: histogram(
    "Calls to TCP servers, all retries included",
    "rpc_method",
    "rpc_response_status_code",
  ),
  portico_rpc_client_phase_duration_seconds: histogram(
    "How long each call was in each phase, over all its attempts",
    "phase",
  ),
  portico_rpc_client_calls_in_flight: gauge("Calls that have not ended"),
  portico_rpc_client_waiting_calls: gauge("Calls that wait for a connection"),
  portico_rpc_client_connections: gauge("Connections to TCP servers by state", "state"),
  portico_rpc_client_servers: gauge("Addresses of TCP servers: up, or lost", "state"),
  portico_rpc_client_retries_total: counter("Further attempts of calls"),
  portico_rpc_client_retries_refused_total: counter("Retries that the retry budget did not allow"),
  portico_rpc_client_retry_budget: gauge("Retries that are allowed at once"),
} as const satisfies MetricSpecs;

export const TCP_METRICS = {
  rpc_server_call_duration_seconds: histogram(
    "Calls of known methods from the request to the answer, refused ones included",
    "rpc_method",
    "rpc_response_status_code",
  ),
  portico_rpc_server_calls_in_flight: gauge("Calls that are not answered yet"),
  portico_rpc_server_handlers: gauge(
    "Handlers that run, including those whose caller has given up",
  ),
  portico_rpc_server_calls_refused_total: counter(
    "Calls that were refused before their handler began",
    "reason",
  ),
  portico_rpc_server_connections: gauge(
    "Connections of clients: open, or not greeted yet",
    "state",
  ),
  portico_rpc_server_connections_refused_total: counter(
    "Connections that this server closed because of a limit, a wrong token or a broken frame",
    "reason",
  ),
  portico_tls_certificate_expiry_timestamp_seconds: {
    ...gauge("When the certificate of RPC_TLS_CERT expires, in Unix time; no value without TLS"),
    aggregator: "min",
  },
  portico_hash_queue_waiting: gauge("Password hashes that wait for a thread"),
  portico_hash_queue_running: gauge("Password hashes that run"),
  portico_hash_wait_duration_seconds: histogram("The wait of a password hash before it begins"),
  portico_hash_duration_seconds: histogram("A password hash, without its wait"),
  portico_hash_queue_refused_total: counter("Password hashes that could not be done in time"),
  portico_cache_reads_total: counter(
    "Look-ups of live sessions: hit if the profile was cached",
    "result",
  ),
  portico_cache_leases_total: counter("Requests for the right to fill the cache", "result"),
  portico_cache_fills_total: counter(
    "Profiles read from the database: refused if an update came in between",
    "result",
  ),
  portico_throttle_admitted_total: counter("Attempts that the throttle let pass", "kind"),
  portico_throttle_refused_total: counter(
    "Attempts that the throttle refused, by the limit that was reached",
    "limit",
  ),
  portico_throttle_failures_total: counter(
    "Wrong passwords and other failures, one for each limit that counts them",
    "limit",
  ),
  portico_throttle_levels: gauge("Counts of failures that are kept in memory"),
  db_client_operation_duration_seconds: histogram(
    "Operations of databases; without error_type if they succeeded",
    "db_system_name",
    "db_operation_name",
    "error_type",
  ),
  portico_mysql_connections: gauge("Connections to MySQL by state", "state"),
  portico_mysql_connections_max: gauge("The limit of statements that run at once"),
  portico_mysql_waiting_statements: gauge("Statements that wait for a connection"),
} as const satisfies MetricSpecs;

/** Of `bun run start` and `bun run dev`, which serve the metrics of all their processes. */
export const WORKER_METRICS = {
  portico_worker_up: gauge("1 if the process has answered this scrape, else 0", "tier", "worker"),
} as const satisfies MetricSpecs;

export const METRICS: MetricSpecs = {
  ...PROCESS_METRICS,
  ...HTTP_METRICS,
  ...TCP_METRICS,
  ...WORKER_METRICS,
};
