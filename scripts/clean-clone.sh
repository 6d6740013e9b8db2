#!/usr/bin/env bash
# Shows that a stranger can run the project: clones HEAD into an empty folder and, with an empty home and a bare
# environment, runs `npm ci`; then, with no network at all, `npm start` fed by a pipe (a greeting, then fifty sums) and
# `npm test`.
#
#     bash scripts/clean-clone.sh
set -uo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clone=$work/clone
failures=0
bare=(env -i "PATH=/usr/local/bin:/usr/bin:/bin" "HOME=$work/home" CI=true)
mkdir "$work/home"

header() { printf '\n=== %s ===\n' "$1"; }
result() {
  if [ "$2" -eq 0 ]; then
    echo "PASS $1"
  else
    echo "FAIL $1 (exit code $2)"
    failures=$((failures + 1))
  fi
}

# How this machine reaches its registry, where that is not npm's default. Only `npm ci` gets to see it.
registry=()
for name in registry cafile proxy https-proxy noproxy; do
  value=$(cd / && npm config get "$name" 2>/dev/null)
  case "$value" in
    '' | null | undefined | https://registry.npmjs.org/) ;;
    *) registry+=("npm_config_${name//-/_}=$value") ;;
  esac
done
for name in NODE_EXTRA_CA_CERTS HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
  [ -n "${!name:-}" ] && registry+=("$name=${!name}")
done

# A network namespace of its own has no route anywhere; loopback is brought up because tests talk to local servers.
if unshare --net true 2>/dev/null; then
  isolate=(unshare --net)
elif unshare --map-root-user --net true 2>/dev/null; then
  isolate=(unshare --map-root-user --net)
else
  echo 'clean-clone: this machine permits no network namespace (unshare --net), so "no network" cannot be shown.' >&2
  echo 'clean-clone: run it as root, or where unprivileged user namespaces are allowed.' >&2
  exit 2
fi
# shellcheck disable=SC2016 # $1 and the rest belong to the inner shell.
offline=("${isolate[@]}" bash -c '
  PATH=$PATH:/usr/sbin:/sbin
  ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null || {
    echo "clean-clone: cannot bring loopback up: neither ip nor ifconfig works" >&2
    exit 2
  }
  if [ "$(wc -l </proc/self/net/route)" -gt 1 ]; then
    echo "clean-clone: the namespace still has a route to somewhere" >&2
    exit 2
  fi
  exec "$@"' offline)

header "clone of $(git -C "$repository" rev-parse --short HEAD)"
git clone --quiet --no-hardlinks "$repository" "$clone"
code=$?
result 'git clone' "$code"
[ "$code" -eq 0 ] || exit 1
[ -z "$(git -C "$repository" status --porcelain)" ] || echo 'note: what is not committed is not in the clone'
cd "$clone" || exit 1

header 'npm ci'
"${bare[@]}" ${registry[@]+"${registry[@]}"} npm ci </dev/null
code=$?
result 'npm ci' "$code"
[ "$code" -eq 0 ] || exit 1

header 'npm start, without a network, two lines from a pipe'
printf 'Hello.\nHow are you?\n' | timeout 900 "${offline[@]}" "${bare[@]}" npm start 2>&1 | tee "$work/start.txt"
code=${PIPESTATUS[1]}
result 'npm start' "$code"
# npm's own lines begin with '>'.
if [ "$code" -eq 0 ]; then
  grep -vE '^(> .*)?$' "$work/start.txt" | grep -q .
  result 'npm start printed something' $?
fi

header 'fifty sums through npm start, drawn now, without a network'
timeout 900 "${offline[@]}" "${bare[@]}" npm exec -- node scripts/ask-sums.ts
result 'at least 45 of 50 sums' $?

header 'npm test, without a network'
timeout 3600 "${offline[@]}" "${bare[@]}" npm test </dev/null 2>&1 | tee "$work/test.txt"
result 'npm test' "${PIPESTATUS[0]}"
grep -qE '^[1-9][0-9]* passed, 0 failed(, [0-9]+ skipped)?$' "$work/test.txt"
result 'npm test closed with its counts' $?

header 'result'
if [ "$failures" -gt 0 ]; then
  echo "clean clone: $failures steps failed"
  exit 1
fi
echo 'clean clone: every step passed'
