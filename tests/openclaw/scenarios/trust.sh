# shellcheck shell=bash
# A user without any trust store, and `frontgate trust`: Chromium opens the demo without a warning, until it is taken back.

try @ trust-and-back-in-chromium trust_and_back
try @ ca-page-hands-out-the-ca ca_page

trust_and_back() {
    local home="$W/truster/home" log="$W/truster/demo.log" https=8473 pid url
    mkdir -p "$home"
    (exec env -i PATH=/usr/bin:/bin HOME="$home" "$FRONTGATE_BIN" demo --listen "127.0.0.1:$https") >"$log" 2>&1 & pid=$!
    until_true 20 grep -q 'Open https://' "$log" || { cat "$log"; return 1; }
    url="https://localhost:$https/"
    must 'Chromium opened it before the CA was trusted' refuses "$home" "$url" || return 1

    as_truster trust --store nss >"$W/truster/trust.out" || { cat "$W/truster/trust.out"; return 1; }
    must 'Chromium did not open it' opens "$home" "$url" 'isSecureContext' 'status === 200' || return 1
    must 'Chromium did not open it by address' opens "$home" "https://127.0.0.1:$https/" 'isSecureContext' || return 1

    as_truster trust --uninstall --store nss >"$W/truster/untrust.out" || { cat "$W/truster/untrust.out"; return 1; }
    must 'Chromium still opened it' refuses "$home" "$url" || return 1

    # The browser's first start comes after the CA is trusted: there is no database yet, and ours must be the one it takes.
    cp -r "$home/.local/state" "$W/truster/state" && rm -rf "$home" && mkdir -p "$home/.local" && cp -r "$W/truster/state" "$home/.local/"
    as_truster trust --store nss >"$W/truster/early.out" || { cat "$W/truster/early.out"; return 1; }
    must 'a browser that was never started before did not open it' opens "$home" "$url" 'isSecureContext' || return 1
    kill -TERM "$pid"; wait "$pid"
}

as_truster() { (exec env -i PATH=/usr/bin:/bin HOME="$W/truster/home" "$FRONTGATE_BIN" "$@"); }

# opens HOME URL CHECK...
opens() {
    local home="$1" url="$2" json="$W/out/$SCENARIO.opens.json"; shift 2
    OPENCLAW_KIT_INSTALL="${INSTALL[new]}" node "$HERE/opens.mjs" "$home" "$url" "gw.lan=127.0.0.1" >"$json" && node "$HERE/holds.mjs" "$json" "$@" && return 0
    cat "$json"; return 1
}

# Refused, and for no other reason than the CA.
refuses() {
    local json="$W/out/$SCENARIO.refused.json"
    OPENCLAW_KIT_INSTALL="${INSTALL[new]}" node "$HERE/opens.mjs" "$1" "$2" >"$json"
    node "$HERE/holds.mjs" "$json" '!opened' 'error.includes("ERR_CERT_AUTHORITY_INVALID")' && return 0
    cat "$json"; return 1
}

ca_page() {
    local at=http://127.0.0.1:8474/.well-known/frontgate/ca out="$W/out/$SCENARIO"
    mkdir -p "$W/ca_page" "$out"
    cat >"$W/ca_page/f.yaml" <<YAML
listen: { https: ["127.0.0.1:8475"], http: ["127.0.0.1:8474"] }
tls: { names: [gw.lan], ca_page: on }
hold: off
admin: 127.0.0.1:9187
YAML
    frontgate_up ca_page 9187 -c "$W/ca_page/f.yaml" || return 1
    local file; for file in pem der mobileconfig; do curl -fs -o "$out/$file" "$at.$file" || { echo "no $file"; return 1; }; done
    openssl x509 -inform der -in "$out/der" -out "$out/from-der.pem" || return 1
    must 'the DER is another certificate' cmp "$out/from-der.pem" "$(ca_of ca_page)" &&
        must 'the PEM is another certificate' cmp "$out/pem" "$(ca_of ca_page)" &&
        must 'the profile is none' python3 -c '
import plistlib, sys
profile = plistlib.load(open(sys.argv[1], "rb"))["PayloadContent"][0]
assert profile["PayloadType"] == "com.apple.security.root"
assert profile["PayloadContent"] == open(sys.argv[2], "rb").read()' "$out/mobileconfig" "$out/der" || return 1
    # A phone takes the PEM from the page, trusts it, and opens the gateway's name.
    must 'curl does not trust what the page handed out' [ "$(curl -s --cacert "$out/pem" --resolve gw.lan:8475:127.0.0.1 -o /dev/null -w '%{http_code}' https://gw.lan:8475/)" = 502 ] &&
        must 'the page does not show in Chromium' opens "$W/ca_page/home" http://gw.lan:8474/.well-known/frontgate/ca 'status === 200' 'title.startsWith("Trust")' &&
        must 'anything else is not redirected' [ "$(curl -s -o /dev/null -w '%{http_code}' "$at.key")" = 308 ]
}
