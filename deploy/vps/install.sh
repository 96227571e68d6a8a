#!/bin/sh
# install.sh   put frontgate before the gateway of this machine, with a public certificate: Debian 12+, Ubuntu 24.04+, as root.
#
#   install.sh --domain gw.example.com --email ann@example.com --binary ./frontgate
#   install.sh --ip 203.0.113.9 --url https://example.com/frontgate --sha256 HEX
#
#   --domain NAME     the name that people type; repeatable. Its A and AAAA records must point here
#   --ip ADDRESS      without a name: a certificate for the address itself; repeatable, also beside a name
#   --email MAIL      where the certificate authority may write to
#   --upstream URL    the gateway [default: http://127.0.0.1:18789]
#   --binary FILE     the program, or:
#   --url URL --sha256 HEX     where to fetch it, and what it must be
#   --local           no public certificate: one of frontgate's own CA, for a machine that the internet does not reach
#   --no-start        install, but do not start
#   --print-unit      print the systemd unit that it installs, and do nothing
#   --uninstall       take all of it away again; what /etc/frontgate and /var/lib/frontgate hold stays, and --purge takes that too
#
# It asks nothing and can be run again, to change something or for another version: what is there already stays as it is, and
# live connections go on. A config that was changed by hand is kept; without changes, the flags of the last run count.
# Exit code 0: it runs. 1: something failed, and the last lines say what. 2: the command line is wrong.
set -eu

program=/usr/local/bin/frontgate
config=/etc/frontgate/frontgate.yaml
unit_file=/etc/systemd/system/frontgate.service
mark='# Made by install.sh'

main() {
    names='' email='' upstream=http://127.0.0.1:18789 binary='' url='' sha256='' certificate=acme start=yes action=install
    while [ $# -gt 0 ]; do
        case "$1" in
            --domain | --ip) names="$names${names:+, }$(name "$1" "${2-}")" || exit 2; shift ;;
            --email) email="$(needs "$@")" || exit 2; shift ;;
            --upstream) upstream="$(needs "$@")" || exit 2; shift ;;
            --binary) binary="$(needs "$@")" || exit 2; shift ;;
            --url) url="$(needs "$@")" || exit 2; shift ;;
            --sha256) sha256="$(needs "$@")" || exit 2; shift ;;
            --local) certificate=local ;;
            --no-start) start=no ;;
            --uninstall) [ "$action" = purge ] || action=uninstall ;;
            --purge) action=purge ;;
            --print-unit) unit; exit 0 ;;
            -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;;
            *) wrong "unknown: $1" ;;
        esac
        shift
    done
    [ "$(id -u)" = 0 ] || fail 'run it as root: sudo sh install.sh …'
    case "$action" in
        install) install_all ;;
        *) uninstall ;;
    esac
}

install_all() {
    [ -n "$names" ] || wrong 'which name has it? --domain gw.example.com, or --ip 203.0.113.9'
    if [ -z "$binary" ] && [ -z "$url" ]; then wrong 'where is the program? --binary FILE, or --url URL --sha256 HEX'; fi
    if [ -n "$url" ] && [ -z "$sha256" ]; then wrong '--url needs --sha256: what is fetched must be what was meant'; fi
    command -v systemctl >/dev/null || fail 'there is no systemd here'
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    put_program
    put_unit
    put_config
    if [ "$start" = yes ] && [ -d /run/systemd/system ]; then start; else at_boot; fi
}

put_program() {
    if [ -n "$url" ]; then
        binary="$work/frontgate"
        fetch "$url" "$binary"
    fi
    [ -f "$binary" ] || fail "there is no file $binary"
    # First into a folder that is root's alone: what is hashed and tried is then what is installed, whichever user owns the file.
    new="$work/program"
    install -m 755 "$binary" "$new"
    if [ -n "$sha256" ]; then
        is="$(sha256sum "$new" | cut -d' ' -f1)"
        [ "$is" = "$(printf %s "$sha256" | tr 'A-F' 'a-f')" ] || fail "the program is not what was meant: its SHA-256 is $is"
    fi
    version="$("$new" --version 2>&1)" || fail "$binary does not run here: $version"
    if cmp -s "$new" "$program"; then said "$program: $version, as it was"; changed_program=no; return; fi
    # Beside its place, then in it: the running one keeps its file.
    install -m 755 "$new" "$program.new"
    mv "$program.new" "$program"
    changed_program=yes
    did "$program: $version"
}

fetch() {
    if command -v curl >/dev/null; then curl --fail --silent --show-error --location --output "$2" "$1" || fail "cannot fetch $1"
    elif command -v wget >/dev/null; then wget -q -O "$2" "$1" || fail "cannot fetch $1"
    else fail 'neither curl nor wget is installed: apt-get install curl'; fi
}

put_unit() {
    unit >"$work/unit"
    put 644 "$work/unit" "$unit_file"
    changed_unit=$changed
}

put_config() {
    {
        echo "$mark; change it as you like, from then on that leaves it alone."
        echo 'listen: { https: ["[::]:443"], http: ["[::]:80"] }'
        echo "tls:"
        echo "  names: [$names]"
        echo "  certificate: $certificate"
        [ -z "$email" ] || [ "$certificate" = local ] || echo "  acme: { email: '$email' }"
        echo "state_dir: /var/lib/frontgate"
        # Root and the service's own user ask there. One that was installed elsewhere stays where it is.
        if [ ! -f "$config" ] || grep -q '^admin:' "$config"; then echo "admin: unix:/run/frontgate/admin.sock"; fi
        echo "upstream: $upstream"
    } >"$work/body"
    # The sum tells a config that has been changed by hand.
    { cat "$work/body"; echo "# $(sha256sum <"$work/body" | cut -d' ' -f1)"; } >"$work/config"
    if [ -f "$config" ] && ! is_ours "$config"; then
        said "$config: kept, since it was changed by hand"
        changed=no
    else
        # What check says is for the operator; nothing has been replaced yet.
        "$program" check -c "$work/config" >"$work/check" 2>&1 || { cat "$work/check" >&2; fail 'with these flags the config would be wrong'; }
        put 644 "$work/config" "$config"
    fi
    changed_config=$changed
    "$program" check -c "$config" >"$work/check" 2>&1 || { cat "$work/check" >&2; fail "$config is wrong"; }
}

is_ours() {
    head -n 1 "$1" | grep -q "^$mark" || return 1
    [ "$(sed '$d' "$1" | sha256sum | cut -d' ' -f1)" = "$(tail -n 1 "$1" | cut -c3-)" ]
}

start() {
    if ! systemctl is-active --quiet frontgate.service; then
        ports_are_free
        at_boot
        systemctl start frontgate.service || { journalctl -u frontgate -n 10 --no-pager -o cat >&2; fail 'it does not start; see above'; }
        did 'started'
    else
        at_boot
        if [ "$changed_unit" = yes ]; then systemctl restart frontgate.service && did 'restarted, for the unit'
        elif [ "$changed_program" = yes ]; then "$program" upgrade -c "$config" && did 'the running one has handed over'
        elif [ "$changed_config" = yes ]; then systemctl reload frontgate.service && did 'reloaded'
        else said 'it runs, and there was nothing to do'; fi
    fi
    "$program" status --ready -c "$config" >/dev/null || fail 'it does not answer: journalctl -u frontgate'
    echo
    first="${names%%,*}"
    case "$first" in \"*) first="[$(printf %s "$first" | tr -d '"')]" ;; esac
    said "open https://$first once the gateway's config (~/.openclaw/openclaw.json) has these, and it was restarted:"
    said "  {\"gateway\": {\"trustedProxies\": [\"127.0.0.1\", \"::1\"], \"controlUi\": {\"allowedOrigins\": [\"https://$first\"]}}}"
    [ "$certificate" = local ] || said 'ports 443 and 80 must be open to the internet; how it goes with the certificate: journalctl -u frontgate -f'
}

at_boot() {
    systemctl is-enabled --quiet frontgate.service 2>/dev/null || { systemctl enable --quiet frontgate.service && did 'starts with the machine'; }
    if [ -d /run/systemd/system ] && [ "$changed_unit" = yes ]; then systemctl daemon-reload; fi
}

ports_are_free() {
    command -v ss >/dev/null || return 0
    for port in 443 80; do
        holder="$(ss -Hltnp "sport = :$port" | sed -n 's/.*users:(("\([^"]*\)".*/\1/p' | head -n 1)"
        [ -z "$holder" ] || fail "port $port is taken by $holder: stop that first (systemctl disable --now $holder), or let it forward to frontgate"
    done
}

uninstall() {
    if [ -d /run/systemd/system ]; then systemctl stop frontgate.socket frontgate.service 2>/dev/null || true; fi
    systemctl disable --quiet frontgate.socket frontgate.service 2>/dev/null || true
    rm -f "$unit_file" /etc/systemd/system/frontgate.socket "$program"
    rm -rf "$unit_file.d"
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    did 'stopped, and removed the program and the unit'
    if [ "$action" = purge ]; then
        rm -rf /etc/frontgate /var/lib/frontgate /var/lib/private/frontgate
        did 'removed the config, the certificates and the keys'
    else
        said 'left: /etc/frontgate and /var/lib/frontgate (--purge takes them too)'
    fi
}

# put MODE FROM TO    unless it is there already; says so, and in $changed.
put() {
    if cmp -s "$2" "$3"; then said "$3: as it was"; changed=no; return; fi
    [ -d "$(dirname "$3")" ] || install -d -m 755 "$(dirname "$3")"
    install -m "$1" "$2" "$3.new"
    mv "$3.new" "$3"
    changed=yes
    did "$3"
}

# A name goes into a YAML list, so it may have nothing that means something there.
name() {
    case "$2" in
        '' | -* | *[!A-Za-z0-9.:*-]*) wrong "$1 needs a name or an address, not '$2'" ;;
        # An IPv6 address.
        *:*) printf '"%s"' "$2" ;;
        *) printf %s "$2" ;;
    esac
}

needs() {
    case "${2-}" in
        '' | -* | *[\'\"\\]*) wrong "$1 needs a value, not '${2-}'" ;;
        *) printf %s "$2" ;;
    esac
}

did() { echo "+ $*"; }
said() { echo "  $*"; }
fail() { echo "install.sh: $*" >&2; exit 1; }
wrong() { echo "install.sh: $*; --help says more" >&2; exit 2; }

# As deploy/systemd/frontgate.service; a test compares them.
unit() {
    cat <<'UNIT'
# frontgate as a system service: a user of its own that exists only while it runs, ports 443 and 80 without root, and nothing
# of the machine within reach but its state folder. Works on systemd 250 and later (Debian 12, Ubuntu 24.04).
#
#   /usr/local/bin/frontgate            the program
#   /etc/frontgate/frontgate.yaml       the config, readable for every user (mode 0644); keys of its own belong in the state folder
#   /var/lib/frontgate                  certificates and keys, made by systemd
[Unit]
Description=frontgate, HTTPS for the OpenClaw gateway
Documentation=man:frontgate(1)
After=network-online.target nss-lookup.target
Wants=network-online.target
# A gateway that does not come up must not end frontgate's attempts.
StartLimitIntervalSec=0

[Service]
# Not notify-reload: systemd before 253 does not know it, and `systemctl reload` is to fail when the config is wrong, which only
# a command can say. notify-reload.conf beside this file is for setups that want it nevertheless.
Type=notify
NotifyAccess=main
ExecStart=/usr/local/bin/frontgate serve --config /etc/frontgate/frontgate.yaml
ExecReload=/usr/local/bin/frontgate reload --config /etc/frontgate/frontgate.yaml
Restart=always
RestartSec=1s
# The config or the command line is wrong: trying again does not help.
RestartPreventExitStatus=2
# Not by a signal alone: a process that has taken over (`frontgate upgrade`) is not systemd's child at first, and one that is
# not would be killed right behind its SIGTERM.
ExecStop=-/usr/local/bin/frontgate drain --wait --config /etc/frontgate/frontgate.yaml
# More than timeouts.drain (30 s).
TimeoutStopSec=40s
WatchdogSec=30s
LimitNOFILE=524288
# What is secret in the config, as FRONTGATE_... variables; read by systemd as root (mode 0600).
EnvironmentFile=-/etc/frontgate/environment

DynamicUser=yes
StateDirectory=frontgate
StateDirectoryMode=0700
RuntimeDirectory=frontgate
RuntimeDirectoryMode=0755
# The runtime folder outlives a restart, as its sockets do.
RuntimeDirectoryPreserve=restart
UMask=0077

# Ports below 1024, and no other privilege.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes

ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateIPC=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
UNIT
}

main "$@"
