#!/usr/bin/env bash
# setup.sh [DIR] - install node + openclaw + playwright-core + ws (npm) and chromium (apt) for the kit.
# Idempotent. DIR defaults to ~/.cache/openclaw-kit. Exits non-zero on failure.
# env: OPENCLAW_VERSION (default 2026.9.6), NODE_MAJOR (26), WITH_NGINX=1 to add nginx-light, SKIP_APT=1
set -euo pipefail
DIR="${1:-${OPENCLAW_KIT_INSTALL:-${XDG_CACHE_HOME:-$HOME/.cache}/openclaw-kit}}"
OPENCLAW_VERSION="${OPENCLAW_VERSION:-2026.9.6}"
NODE_MAJOR="${NODE_MAJOR:-26}"
mkdir -p "$DIR"; DIR="$(cd "$DIR" && pwd)"; cd "$DIR"
[ -f package.json ] || echo '{"name":"openclaw-kit-install","private":true,"version":"0.0.0"}' > package.json
NODE="$DIR/node_modules/node/bin/node"
log() { echo "[setup] $*" >&2; }
have_js() { "$NODE" -e 'const p=n=>require(process.argv[1]+"/node_modules/"+n+"/package.json").version;process.exit(p("openclaw")===process.argv[2]&&p("ws")&&p("playwright-core")?0:1)' "$DIR" "$OPENCLAW_VERSION" 2>/dev/null; }

# Node goes in first: openclaw's preinstall refuses an older node on PATH.
if ! { [ -x "$NODE" ] && [ "$("$NODE" -p 'process.versions.node.split(".")[0]')" = "$NODE_MAJOR" ]; }; then
  log "installing node@$NODE_MAJOR"; npm i --no-audit --no-fund --loglevel=error "node@$NODE_MAJOR" >&2
fi
[ -x "$NODE" ] || { log "node binary missing at $NODE (install scripts blocked?)"; exit 1; }
export PATH="$DIR/node_modules/node/bin:$PATH"
if ! have_js; then
  log "installing openclaw@$OPENCLAW_VERSION playwright-core ws"
  npm i --no-audit --no-fund --loglevel=error "node@$NODE_MAJOR" "openclaw@$OPENCLAW_VERSION" playwright-core ws >&2
fi
have_js || { log "npm install incomplete"; exit 1; }

pkgs=()
command -v chromium >/dev/null || pkgs+=(chromium)
command -v certutil >/dev/null || pkgs+=(libnss3-tools)
command -v openssl  >/dev/null || pkgs+=(openssl)
[ "${WITH_NGINX:-0}" = 1 ] && ! command -v nginx >/dev/null && pkgs+=(nginx-light)
if [ "${#pkgs[@]}" -gt 0 ]; then
  [ "${SKIP_APT:-0}" = 1 ] && { log "missing: ${pkgs[*]}"; exit 1; }
  log "apt install ${pkgs[*]}"
  # policy-rc.d-free way to keep nginx from being started as a service: mask via env
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=600 update -qq >&2
  apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "${pkgs[@]}" >/dev/null
fi
printf '{"dir":"%s","node":"%s","openclaw":"%s","playwright":"%s","ws":"%s","chromium":"%s"}\n' "$DIR" \
  "$("$NODE" -v)" "$("$NODE" -p "require('$DIR/node_modules/openclaw/package.json').version")" \
  "$("$NODE" -p "require('$DIR/node_modules/playwright-core/package.json').version")" \
  "$("$NODE" -p "require('$DIR/node_modules/ws/package.json').version")" \
  "$(chromium --version 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+){3}' | head -1)"
