import { BACKUP, GRADUATE, RESTORE } from "./help-moving.ts";
import { CONFIG } from "./help-options.ts";

// What `--help` prints for each command that has its main in src. The lines fit 80 columns.

const TIER_EXIT_CODES = `Exit codes
  0  stopped by SIGTERM or Ctrl-C
  1  cannot start: the environment is wrong, a port is in use, or similar
  2  the arguments are wrong`;

const DEV = `Run both tiers for development, until Ctrl-C.

  bun run dev

It installs the dependencies, starts both tiers, prints the address of the
pages, and restarts the tiers when a file changes. Users, sessions and pictures
are in the folder DATA_DIR (default .data) if the environment names no servers.
docs/configuration.md lists the environment variables.

${CONFIG}

${TIER_EXIT_CODES}`;

const START = `Run both tiers for production, until SIGTERM or Ctrl-C.

  bun run start

HTTP_WORKERS and RPC_WORKERS set the number of processes of each tier. A process
that dies is started again. docs/configuration.md lists the environment
variables.

${CONFIG}

${TIER_EXIT_CODES}`;

const START_TCP = `Run one process of the TCP tier, until SIGTERM or Ctrl-C: users and
sessions, behind the RPC.

  bun run start:tcp

It waits for its databases if they are down, brings the tables up to date, and
listens on RPC_HOST and RPC_PORT. docs/configuration.md lists the environment
variables.

${CONFIG}

${TIER_EXIT_CODES}`;

const START_HTTP = `Run one process of the HTTP tier, until SIGTERM or Ctrl-C: the API, the
pages and the pictures.

  bun run start:http

It listens on HTTP_HOST and HTTP_PORT, and calls the TCP tier at RPC_ADDRESSES,
which may start later. docs/configuration.md lists the environment variables.

${CONFIG}

${TIER_EXIT_CODES}`;

const RPC = `Call a running Portico server, or list what it offers.

  bun run rpc                            list every service and its methods
  bun run rpc SERVICE                    list one service
  bun run rpc SERVICE.METHOD --help      show fields, errors and an example
  bun run rpc SERVICE.METHOD [REQUEST]   call it, and print the reply

REQUEST is a JSON object in one argument: quote it for the shell. If it is -, it
is read from stdin. If it is missing, the method has fields and stdin is not a
terminal, it is read from stdin too. An empty stdin means {}.

Examples
  bun run rpc System.health
  bun run rpc User.signIn '{"username": "grace", "password": "hopper1906"}'
  echo '{"sessionId": "…"}' | bun run rpc User.getUserInfo
  bun run rpc User.signIn --deadline 500ms -v < credentials.json
  bun run rpc System.stats | jq .uptimeMs
  bun run rpc System.explain '{"requestId": "…"}'

Options
  --address HOST:PORT  the server, or several separated by commas (default:
                       RPC_ADDRESSES, or else RPC_HOST:RPC_PORT)
  --caller NAME        as whom to call (default: http if RPC_TOKEN or --token is
                       set, else admin if it has a token, else http). Its token
                       is in RPC_TOKENS, or for http in RPC_TOKEN, or else, for
                       servers of this machine, in DATA_DIR, where \`start\` and
                       \`dev\` save those of http and admin
  --config FILE        a file of settings in TOML, whose keys are the names of
                       the variables. The environment wins
  --deadline TIME      time limit, such as 500ms or 2s, for everything, reading
                       stdin included (default: 5s)
  --token SECRET       the caller's token. Prefer the environment variables,
                       because \`ps\` shows arguments to every user
  -v, --verbose        print on stderr each frame that is sent or received, with
                       its content (passwords included), and the time of each
                       step
  -h, --help           print this text, or the help of a method

It reads the same environment variables as the tiers. With RPC_TLS_CA, it uses
TLS. The reply is JSON on stdout; everything else goes to stderr. System.explain
asks every server, and prints in words what happened to a request.

Exit codes
  0  the server answered
  1  the server answered with an error, such as 5 PasswordError; or
     System.health reports that a part of the server is down; or System.explain
     finds no record of the request
  2  the arguments, the environment or the request is wrong, or the server has
     no such method
  3  no answer: prints the RPC status, such as deadline_exceeded, and the
     reason; or the answer could not be written`;

const MIGRATE = `Bring the database tables up to date.

  bun run migrate            apply the migrations that are pending
  bun run migrate --status   list all migrations, and change nothing
  bun run migrate --wrap-md5
      apply them, then make the passwords of the classic scheme (salted-md5)
      strong at once: hash their hashes again, as PASSWORD_HASH says

It works on the database in DATABASE_URL, or on SQLite in DATA_DIR. Every TCP
server applies the migrations when it starts. If several start at once, one
migrates and the others wait.

--wrap-md5 cannot be undone. Update all TCP servers first: older versions cannot
read wrapped passwords. It may run while servers run. If a user signs in at the
same time, the sign-in wins. You may stop it or kill it at any time; the next
run continues.

${CONFIG}

Exit codes
  0    nothing is left to do
  1    --status: a migration is pending; --wrap-md5: a server has added
       passwords of the classic scheme
  2    the arguments or the environment are wrong
  3    the database failed, or cannot take a migration; run it again
  130  --wrap-md5 was stopped by Ctrl-C (SIGINT)
  143  --wrap-md5 was stopped by SIGTERM`;

const SWEEP = `Remove the pictures that no profile uses.

  bun run sweep             remove them
  bun run sweep --dry-run   print their names, and remove nothing

It lists the pictures that are older than an hour, in DATA_DIR/avatars or in
the bucket of AVATAR_URL. It asks the TCP tier at RPC_ADDRESSES which of them no
profile uses, and removes those. It also removes what interrupted saves left
behind. It never touches files whose names do not come from Portico. The HTTP
tier does the same once a day.

If a part of the answer is missing, nothing is removed. The TCP tier must use
the database of the users whose pictures these are. For any other database, all
of them are unused.

${CONFIG}

Exit codes
  0  done
  2  the arguments or the environment are wrong
  3  failed: the pictures could not be listed or removed, or the TCP tier did
     not answer`;

const HASH_COST = `Find the strongest PASSWORD_HASH that this machine can afford.

  bun run hash-cost --sign-ins-per-second N   N is from 1 to 1,000,000

It measures argon2id on all cores, at one cost after the other, from the least
that OWASP allows. It prints a table, and the strongest cost that reaches N.
Each sign-in and each sign-up hashes once, with a wrong password too. A guess
costs an attacker about memory times passes.

Run it on a machine of the TCP tier, while nothing else runs. If other work
shares the cores, use a larger N. It reads no environment variables.

Exit codes
  0  a cost reaches N
  1  no cost that OWASP allows reaches N
  2  the arguments are wrong`;

const SEED = `Fill the user table with test users, for load tests.

  bun run seed --users N   add users until there are N, from 1 to 1,000,000,000

User n, from 0 to N-1, is test<n> with the password testpassword<n mod 10>,
hashed as PASSWORD_HASH says. These passwords are public: do not use a database
that real users sign in to.

It fills the database in DATABASE_URL, or SQLite in DATA_DIR. You may stop it or
kill it at any time; the next run continues. Several may run at once, and while
a server runs. On SQLite they take turns, and one that waits for a minute ends
with 3. If a name is taken, its user stays as it is.

${CONFIG}

Exit codes
  0    all users exist
  2    the arguments or the environment are wrong
  3    the database failed; run it again
  130  stopped by Ctrl-C (SIGINT)
  143  stopped by SIGTERM`;

const PROBE = `Ask a probe of a running process.

  bun run probe http://127.0.0.1:9090/readyz

It prints the status and the text of the answer. A container can use it as its
health check, because it needs no shell and no curl.

Exit codes
  0  the status is 200
  1  it is another, or no answer came within 3 s
  2  the arguments are wrong`;

const BUILD = `Make one executable, with the pages, the packages and Bun inside.

  bun run build

It writes dist/portico for this kind of machine. It needs no network. The
executable needs only the C library: docs/deploy.md says which files.

Options
  -h, --help  print this text

Exit codes
  0  done
  1  it cannot be built
  2  the arguments are wrong`;

export const HELP = {
  dev: DEV,
  start: START,
  "start:tcp": START_TCP,
  "start:http": START_HTTP,
  rpc: RPC,
  probe: PROBE,
  migrate: MIGRATE,
  backup: BACKUP,
  restore: RESTORE,
  graduate: GRADUATE,
  sweep: SWEEP,
  "hash-cost": HASH_COST,
  seed: SEED,
  build: BUILD,
} as const;
