# shellcheck shell=bash
# The units, on a systemd that has really been booted: Debian 12's, which knows no notify-reload, and Debian 13's.

check_systemd() {
    local distribution
    for distribution in bookworm trixie; do
        check "systemd of $distribution: boots in a container" boot "$distribution"
        [ "$PASSED" = yes ] || continue
        check "systemd of $distribution: the units are right, and safe" units_are_right
        check "systemd of $distribution: starts, as nobody, on ports 443 and 80" starts
        [ "$PASSED" = yes ] || { pod rm -f -t 0 booted >/dev/null; continue; }
        check "systemd of $distribution: a wrong config refuses the reload, a right one is taken over" reloads
        check "systemd of $distribution: another version takes over without a gap" upgrades
        check "systemd of $distribution: with its sockets a restart refuses no client" restarts
        [ "$distribution" = bookworm ] || check "systemd of $distribution: reloads by Type=notify-reload" notify_reloads
        check "systemd of $distribution: a stop drains its WebSockets" stops
        check "systemd of $distribution: a wrong config ends it for good" gives_up
        pod rm -f -t 0 booted >/dev/null
    done
}

inside() { pod exec booted "$@"; }
systemctl_show() { inside systemctl show -P "$1" frontgate.service; }

# boot_root DISTRIBUTION    a machine `booted` with nothing of frontgate's, but for a gateway that listens.
boot_root() {
    local root="$W/$1"
    rm -rf "$root"
    root_of "$1" "$root"
    cp "$HERE/gateway.py" "$root/"
    # Control groups of its own, in one hierarchy as everywhere today: it must not touch those of this machine.
    pod run -d --name booted --privileged --systemd=false --cgroupns private --tmpfs /run --tmpfs /run/lock -e container=podman \
        --rootfs "$root" sh -c 'umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /sbin/init'
    soon inside test -S /run/dbus/system_bus_socket
    soon inside systemd-run --unit gateway python3 /gateway.py 127.0.0.1 18789
    say "$(inside systemctl --version | head -n 1)"
}

boot() {
    boot_root "$1"
    pod cp "$BINARY" booted:/usr/local/bin/frontgate
    pod cp "$DEPLOY/systemd/frontgate.service" booted:/etc/systemd/system/frontgate.service
    pod cp "$DEPLOY/systemd/frontgate.socket" booted:/etc/systemd/system/frontgate.socket
    configure 'gw.example.com'
    inside systemctl daemon-reload
}

configure() {
    pod exec -i booted sh -c 'mkdir -p /etc/frontgate; cat >/etc/frontgate/frontgate.yaml' <<EOF
listen: { https: ["[::]:443"], http: ["[::]:80"] }
tls: { names: [$1] }
state_dir: /var/lib/frontgate
timeouts: { drain: 4s }
EOF
}

units_are_right() {
    local said score
    # There is no man page here, and no `man` to check it with.
    said="$(inside systemd-analyze verify /etc/systemd/system/frontgate.service /etc/systemd/system/frontgate.socket 2>&1 | grep -v "Command 'man" || true)"
    want 'systemd-analyze verify' "$said" ''
    score="$(inside systemd-analyze security --offline=true /etc/systemd/system/frontgate.service | sed -n 's/.*exposure level for frontgate.service: \([0-9.]*\) .*/\1/p')"
    say "systemd-analyze security: $score"
    awk -v score="$score" 'BEGIN { exit !(score > 0 && score < 2) }'
}

starts() {
    inside systemctl start frontgate.service
    want state "$(systemctl_show ActiveState)" active
    local at pid; at="$(address_of booted)"; pid="$(systemctl_show MainPID)"
    local user; user="$(inside stat -c %u "/proc/$pid")"
    # systemd.exec(5), DynamicUser=.
    [ "$user" -ge 61184 ] && [ "$user" -le 65519 ]
    # 0x400 is CAP_NET_BIND_SERVICE.
    inside grep -x $'CapEff:\t0000000000000400' "/proc/$pid/status"
    want 'its state' "$(inside stat -Lc %a /var/lib/frontgate/ca.key)" 600
    want 'over https' "$(curl -sk "https://$at/x" | json x-forwarded-proto)" https
    want 'over http' "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: gw.example.com' "http://$at/x")" '30? https://gw.example.com/x'
    # As an operator would, with the same file.
    inside frontgate cert show -c /etc/frontgate/frontgate.yaml
    inside frontgate status
}

reloads() {
    local before said; before="$(systemctl_show MainPID)"
    inside sh -c 'echo "tsl: {}" >>/etc/frontgate/frontgate.yaml'
    if inside systemctl reload frontgate.service; then echo 'a wrong config was taken'; return 1; fi
    said="$(inside journalctl -u frontgate --no-pager -o cat)"
    want 'the journal' "$said" '*unknown key*tsl*'
    want state "$(systemctl_show ActiveState)" active
    configure 'gw.example.com, other.example.com'
    inside systemctl reload frontgate.service
    want 'its process' "$(systemctl_show MainPID)" "$before"
    want 'its names' "$(echo | openssl s_client -connect "$(address_of booted):443" -servername other.example.com 2>/dev/null | openssl x509 -noout -ext subjectAltName)" '*other.example.com*'
}

upgrades() {
    local before; before="$(systemctl_show MainPID)"
    inside mkdir -p /etc/systemd/system/frontgate.service.d
    inside sh -c 'printf "[Service]\nWatchdogSec=2s\n" >/etc/systemd/system/frontgate.service.d/watchdog.conf'
    inside systemctl daemon-reload
    inside systemctl restart frontgate.service
    before="$(systemctl_show MainPID)"
    inside frontgate upgrade
    # shellcheck disable=SC2317 # soon calls it
    moved() { [ "$(systemctl_show MainPID)" != "$before" ]; }
    soon moved
    want state "$(systemctl_show ActiveState)" active
    # Longer than the watchdog's patience: the successor must tell it that it lives.
    before="$(systemctl_show MainPID)"
    inside sleep 5
    want 'its process' "$(systemctl_show MainPID)" "$before"
    want 'the restarts' "$(systemctl_show NRestarts)" 0
    inside frontgate status
    inside rm /etc/systemd/system/frontgate.service.d/watchdog.conf
    inside systemctl daemon-reload
    # And a stop lets it drain.
    drains
    inside systemctl start frontgate.service
}

drains() {
    local client told="$W/told"
    rm -f "$told"
    python3 "$HERE/client.py" ws "wss://$(address_of booted)/" --until-close >"$told" &
    client=$!
    soon test -s "$told"
    inside systemctl stop "$@" frontgate.service
    wait "$client"
    want 'the Close' "$(tail -n 1 "$told")" '1012 service restart'
    want state "$(systemctl_show ActiveState)" inactive
    want result "$(systemctl_show Result)" success
}

restarts() {
    inside systemctl stop frontgate.service
    inside systemctl enable --now frontgate.socket
    local hammered="$W/hammered"
    touch "$W/hammer"
    python3 "$HERE/client.py" hammer "https://$(address_of booted)/" "$W/hammer" >"$hammered" &
    local client=$!
    # The first client starts the service.
    soon active
    local each; for each in 1 2 3; do echo "restart $each"; inside systemctl restart frontgate.service; soon active; done
    rm "$W/hammer"; wait "$client"
    cat "$hammered"
    want 'how all went' "$(cat "$hammered")" '{"200": +([0-9])}'
    say "3 restarts: $(json 200 <"$hammered") connections one after the other, none refused or reset"
    # By address, as the journal shows when they are not taken.
    if inside journalctl -u frontgate -o cat --no-pager | grep 'closing an inherited socket'; then return 1; fi
}

active() { [ "$(systemctl_show ActiveState)" = active ]; }

notify_reloads() {
    inside mkdir -p /etc/systemd/system/frontgate.service.d
    pod cp "$DEPLOY/systemd/notify-reload.conf" booted:/etc/systemd/system/frontgate.service.d/notify-reload.conf
    inside systemctl daemon-reload
    inside systemctl restart frontgate.service
    local before; before="$(systemctl_show MainPID)"
    want type "$(systemctl_show Type)" notify-reload
    inside systemctl reload frontgate.service
    want 'the journal' "$(inside journalctl -u frontgate --no-pager -o cat | grep 'configuration reloaded' | tail -n 1)" '*SIGHUP*'
    want 'its process' "$(systemctl_show MainPID)" "$before"
}

stops() { drains frontgate.socket; }

gives_up() {
    inside sh -c 'echo "upstream: nonsense" >>/etc/frontgate/frontgate.yaml'
    if inside systemctl start frontgate.service; then return 1; fi
    want state "$(systemctl_show ActiveState)" failed
    want 'its exit code' "$(systemctl_show ExecMainStatus)" 2
    want 'the restarts' "$(systemctl_show NRestarts)" 0
}
