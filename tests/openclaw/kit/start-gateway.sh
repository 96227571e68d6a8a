#!/usr/bin/env bash
# start-gateway.sh PORT STATE_DIR [EXTRA_CONFIG] [--background] [--timeout SECONDS]
#   EXTRA_CONFIG  JSON text, or @file.json: deep-merged over the base config (arrays replace).
#   default       foreground: prints one JSON line when /readyz says ready, runs until TERM/INT/its end, then cleans up.
#   --background  prints the JSON line and returns; stop it with:  start-gateway.sh --stop STATE_DIR
# The token is STATE_DIR/token (kept between runs; OPENCLAW_KIT_TOKEN overrides). HOME is STATE_DIR/home.
# Loopback only, no channels, no model keys. Exit: 0 ok, 1 failed to become ready, 2 usage.
set -uo pipefail
INSTALL="$(cd "${OPENCLAW_KIT_INSTALL:-${XDG_CACHE_HOME:-$HOME/.cache}/openclaw-kit}" 2>/dev/null && pwd)" || { echo "no install dir; run setup.sh" >&2; exit 1; }
NODE="$INSTALL/node_modules/node/bin/node"

stop_group() { # $1 = pid of the group leader (setsid): TERM, wait, then KILL
  local pid="$1" i
  kill -0 -- "-$pid" 2>/dev/null || return 0
  kill -TERM -- "-$pid" 2>/dev/null
  for i in $(seq 1 150); do kill -0 -- "-$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -KILL -- "-$pid" 2>/dev/null; sleep 0.3
  ! kill -0 -- "-$pid" 2>/dev/null
}
if [ "${1:-}" = --stop ]; then
  SD="${2:?STATE_DIR}"; [ -f "$SD/gateway.pid" ] || { echo "no $SD/gateway.pid" >&2; exit 1; }
  P="$(cat "$SD/gateway.pid")"
  # only ours: the group leader must have been started by this kit for this state dir
  if kill -0 "$P" 2>/dev/null && ! tr '\0' '\n' < "/proc/$P/environ" 2>/dev/null | grep -qx "OPENCLAW_STATE_DIR=$(cd "$SD" && pwd)"; then
    echo "pid $P is not this gateway" >&2; exit 1; fi
  stop_group "$P" || { echo "pid $P did not stop" >&2; exit 1; }
  rm -f "$SD/gateway.pid"; exit 0
fi
[ $# -ge 2 ] || { sed -n 2,9p "$0" >&2; exit 2; }
PORT="$1"; mkdir -p "$2" && chmod 700 "$2"; SD="$(cd "$2" && pwd)"; shift 2
EXTRA='{}'; BG=0; WAIT=90
while [ $# -gt 0 ]; do case "$1" in
  --background) BG=1;; --timeout) WAIT="$2"; shift;; *) EXTRA="$1";; esac; shift; done
[ -x "$NODE" ] || { echo "missing $NODE; run setup.sh" >&2; exit 1; }
if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then echo "port $PORT is already in use" >&2; exit 1; fi
umask 077; mkdir -p "$SD/home"
if [ -n "${OPENCLAW_KIT_TOKEN:-}" ]; then printf %s "$OPENCLAW_KIT_TOKEN" > "$SD/token"; fi
[ -s "$SD/token" ] || printf 'kit-%s' "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" > "$SD/token"
"$NODE" - "$PORT" "$SD" "$EXTRA" <<'JS' || exit 1
const fs=require('fs');const [port,sd,extra]=process.argv.slice(2);
const token=fs.readFileSync(sd+'/token','utf8');
const raw=extra.startsWith('@')?fs.readFileSync(extra.slice(1),'utf8'):extra;
const merge=(a,b)=>{for(const[k,v]of Object.entries(b)){if(v===null)delete a[k];else if(v&&typeof v==='object'&&!Array.isArray(v))a[k]=merge(a[k]&&typeof a[k]==='object'&&!Array.isArray(a[k])?a[k]:{},v);else a[k]=v}return a};
const base={gateway:{mode:'local',port:Number(port),bind:'loopback',auth:{mode:'token',token}},discovery:{mdns:{mode:'off'}},update:{checkOnStart:false},logging:{file:sd+'/openclaw.log'}};
let x;try{x=JSON.parse(raw)}catch(e){console.error('EXTRA_CONFIG is not JSON: '+e.message);process.exit(1)}
const cfg=merge(base,x);
if(cfg.gateway.auth.mode!=='token')delete cfg.gateway.auth.token;
fs.writeFileSync(sd+'/openclaw.json',JSON.stringify(cfg,null,1),{mode:0o600});
JS
AUTH="$("$NODE" -p "JSON.parse(require('fs').readFileSync('$SD/openclaw.json','utf8')).gateway.auth.mode")"
LOG="$SD/gateway.log"; : > "$LOG"
env -i PATH="$INSTALL/node_modules/node/bin:$INSTALL/node_modules/.bin:/usr/bin:/bin" HOME="$SD/home" LANG=C.UTF-8 TMPDIR="${TMPDIR:-/tmp}" \
  OPENCLAW_STATE_DIR="$SD" OPENCLAW_CONFIG_PATH="$SD/openclaw.json" OPENCLAW_DISABLE_BONJOUR=1 OPENCLAW_NO_RESPAWN=1 NO_COLOR=1 \
  ${OPENCLAW_KIT_ENV:-} \
  setsid "$NODE" "$INSTALL/node_modules/openclaw/openclaw.mjs" gateway run --port "$PORT" --bind loopback --ws-log full --verbose >>"$LOG" 2>&1 </dev/null &
PID=$!; echo "$PID" > "$SD/gateway.pid"
cleanup() { trap - EXIT INT TERM; stop_group "$PID"; rm -f "$SD/gateway.pid"; }
trap 'cleanup; exit 143' TERM; trap 'cleanup; exit 130' INT; trap cleanup EXIT
ready=0
for _ in $(seq 1 $((WAIT*4))); do
  kill -0 "$PID" 2>/dev/null || break
  if curl -fsS -m 2 "http://127.0.0.1:$PORT/readyz" >/dev/null 2>&1; then ready=1; break; fi
  sleep 0.25
done
if [ "$ready" != 1 ]; then echo "gateway did not become ready; last log lines:" >&2; tail -25 "$LOG" >&2; exit 1; fi
printf '{"ready":true,"url":"http://127.0.0.1:%s","pid":%s,"auth":"%s","token":"%s","stateDir":"%s","config":"%s/openclaw.json","log":"%s"}\n' "$PORT" "$PID" "$AUTH" "$(cat "$SD/token")" "$SD" "$SD" "$LOG"
if [ "$BG" = 1 ]; then trap - EXIT INT TERM; disown "$PID" 2>/dev/null; exit 0; fi
wait "$PID"; rc=$?
rm -f "$SD/gateway.pid"; trap - EXIT; echo "gateway ended rc=$rc" >&2; exit "$rc"
