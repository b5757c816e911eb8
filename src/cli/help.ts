export const HELP = `Call a running Portico server, or list what it offers.

  bun run rpc                            list every service with its methods
  bun run rpc SERVICE                    list one service
  bun run rpc SERVICE.METHOD --help      show its fields, errors and an example
  bun run rpc SERVICE.METHOD [REQUEST]   call it, and print the reply

REQUEST is a JSON object in one argument: quote it for the shell. Where it is -,
it is read from stdin, and also where it is left out, stdin is no terminal and
the method has fields; nothing there means {}.

Examples
  bun run rpc System.health
  bun run rpc User.signIn '{"username": "grace", "password": "hopper1906"}'
  echo '{"sessionId": "…"}' | bun run rpc User.getUserInfo
  bun run rpc User.signIn --deadline 500ms -v < credentials.json
  bun run rpc System.stats | jq .uptimeMs

Options
  --address HOST:PORT  the server, or several by commas; default RPC_ADDRESSES,
                       else RPC_HOST:RPC_PORT
  --deadline TIME      how long to wait in all, also for stdin, as in 500ms or
                       2s; default 5s
  --token SECRET       the secret of the servers, which is never sent; default
                       RPC_TOKEN, the safer way: \`ps\` shows arguments to all;
                       else, for this machine, the one that \`bun run start\`
                       or \`dev\` has left in DATA_DIR
  -v, --verbose        show on stderr each frame as it is sent or received, with
                       what is in it (passwords, too), and where the time went
  -h, --help           this text, or the help of the method that is named

It reads the environment as the tiers do, as far as a call needs it: RPC_TLS_CA
names the authority of the servers, and with it TLS is spoken.

The reply is JSON on stdout; everything else is on stderr. Exit codes:
  0  answered
  1  answered with an error of the service, like 5 PasswordError, or by
     System.health that a part of the server is down
  2  not understood: arguments, request, or a name that the server does not know
  3  no answer: an RPC status, like deadline_exceeded, and why; or an answer
     that could not be written`;
