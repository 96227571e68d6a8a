#!/usr/bin/env bash
# oc.sh STATE_DIR openclaw-args...   run the openclaw CLI against the gateway that start-gateway.sh runs on STATE_DIR
#   e.g.  oc.sh S devices list --json | oc.sh S devices approve REQUEST_ID | oc.sh S security audit --json
set -euo pipefail
INSTALL="$(cd "${OPENCLAW_KIT_INSTALL:-${XDG_CACHE_HOME:-$HOME/.cache}/openclaw-kit}" && pwd)"
SD="$(cd "${1:?STATE_DIR}" && pwd)"; shift
exec env -i PATH="$INSTALL/node_modules/node/bin:/usr/bin:/bin" HOME="$SD/home" LANG=C.UTF-8 OPENCLAW_STATE_DIR="$SD" OPENCLAW_CONFIG_PATH="$SD/openclaw.json" NO_COLOR=1 \
  "$INSTALL/node_modules/node/bin/node" "$INSTALL/node_modules/openclaw/openclaw.mjs" "$@"
