# Runs a script of package.json with the Bun that runs `bun run`, which may not be on the PATH.
# Under npm and npx, npm_execpath is npm itself, so the Bun on the PATH runs the script.
case $npm_execpath in
  *js) bun=$(command -v bun) ;;
  *) bun=$npm_execpath ;;
esac
exec "$bun" --no-env-file "$@"
