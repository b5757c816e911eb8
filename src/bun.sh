# Runs a script of package.json by the Bun that `bun run` is, which need not be on the PATH.
# Under npm and npx, npm_execpath is npm's own: there the Bun of the PATH is meant.
case $npm_execpath in
  *js) bun=$(command -v bun) ;;
  *) bun=$npm_execpath ;;
esac
exec "$bun" --no-env-file "$@"
