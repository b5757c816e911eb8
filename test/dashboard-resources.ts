// The rows of the Grafana dashboard about what requests need, from top to
// bottom. In an expression, `metric{…}` gets the job and the instance that the user selects.
import { quantile, type Row, rateBy, rateOf } from "./dashboard-row.ts";

const CACHE_READS = "portico_cache_reads_total";

export const RESOURCE_ROWS: readonly Row[] = [
  {
    title: "Databases",
    panels: [
      {
        title: "Operations",
        description: "By database.",
        unit: "ops",
        queries: [
          [
            "{{db_system_name}}",
            rateBy("db_system_name", "db_client_operation_duration_seconds_count{}"),
          ],
        ],
      },
      {
        title: "Errors",
        description: "Empty if there was none.",
        unit: "ops",
        queries: [
          [
            "{{db_system_name}} {{error_type}}",
            rateBy(
              "db_system_name, error_type",
              'db_client_operation_duration_seconds_count{error_type!=""}',
            ),
          ],
        ],
      },
      {
        title: "Latency, p99",
        description: "By database.",
        unit: "s",
        queries: [
          [
            "{{db_system_name}}",
            quantile(0.99, "db_system_name, le", "db_client_operation_duration_seconds_bucket{}"),
          ],
        ],
        alertAt: 0.25,
      },
      {
        title: "Connections to MySQL",
        description: "If statements wait, the pool is too small or MySQL too slow.",
        unit: "short",
        queries: [
          ["{{state}}", "sum by (state) (portico_mysql_connections{})"],
          ["limit", "sum(portico_mysql_connections_max{})"],
          ["statements that wait", "sum(portico_mysql_waiting_statements{})"],
        ],
      },
    ],
  },
  {
    title: "Cache",
    panels: [
      {
        title: "Share of look-ups that hit",
        description: "The others ask the database of users.",
        unit: "percentunit",
        queries: [
          ["hits", `${rateOf(`${CACHE_READS}{result="hit"}`)} / ${rateOf(`${CACHE_READS}{}`)}`],
        ],
      },
      {
        title: "Leases and fills",
        description:
          "Refused leases: Redis is full or read-only. Refused fills: an update came in between.",
        unit: "cps",
        queries: [
          [
            "lease {{result}}",
            "sum by (result) (rate(portico_cache_leases_total{}[$__rate_interval]))",
          ],
          [
            "fill {{result}}",
            "sum by (result) (rate(portico_cache_fills_total{}[$__rate_interval]))",
          ],
        ],
      },
    ],
  },
  {
    title: "Password hashes and throttle",
    panels: [
      {
        title: "Hashes",
        description: "If hashes wait, sign-ins are slow.",
        unit: "short",
        queries: [
          ["running", "sum(portico_hash_queue_running{})"],
          ["waiting", "sum(portico_hash_queue_waiting{})"],
        ],
      },
      {
        title: "Time of a hash, p99",
        description: "The wait before it, and the hash.",
        unit: "s",
        queries: [
          ["wait", quantile(0.99, "le", "portico_hash_wait_duration_seconds_bucket{}")],
          ["hash", quantile(0.99, "le", "portico_hash_duration_seconds_bucket{}")],
        ],
      },
      {
        title: "Refused hashes",
        description: "They could not be done in time.",
        unit: "cps",
        queries: [["refused", "sum(rate(portico_hash_queue_refused_total{}[$__rate_interval]))"]],
      },
      {
        title: "Attempts that the throttle refuses",
        description: "By the limit that was reached. A flood may be an attack.",
        unit: "cps",
        queries: [
          [
            "{{limit}}",
            "sum by (limit) (rate(portico_throttle_refused_total{}[$__rate_interval]))",
          ],
        ],
        alertAt: 5,
      },
    ],
  },
  {
    title: "Pictures",
    panels: [
      {
        title: "Uploaded pictures",
        description: "By how decoding ended.",
        unit: "cps",
        queries: [
          [
            "{{outcome}}",
            "sum by (outcome) (rate(portico_picture_decodes_total{}[$__rate_interval]))",
          ],
        ],
      },
    ],
  },
  {
    title: "Processes",
    panels: [
      {
        title: "CPU",
        description: "1 is one core.",
        unit: "short",
        queries: [
          [
            "{{instance}} {{tier}}",
            "sum by (instance, tier) (rate(process_cpu_seconds_total{}[$__rate_interval]))",
          ],
        ],
      },
      {
        title: "Memory",
        description: "In RAM.",
        unit: "bytes",
        queries: [["{{instance}} {{tier}}", "process_resident_memory_bytes{}"]],
      },
      {
        title: "Event loop delay, p99",
        description: "How late timers run. If it is high, the process has too little CPU.",
        unit: "s",
        queries: [
          ["{{tier}}", quantile(0.99, "tier, le", "portico_event_loop_delay_seconds_bucket{}")],
        ],
        alertAt: 0.1,
      },
      {
        title: "Open file descriptors",
        description: "Share of the limit.",
        unit: "percentunit",
        queries: [["{{instance}} {{tier}}", "process_open_fds{} / process_max_fds{}"]],
        alertAt: 0.8,
      },
    ],
  },
];
