# shellcheck shell=bash
# install.sh and cloud-init.yaml on a booted Debian that has neither frontgate nor anything else of ours.

check_vps() {
    check 'vps: install.sh carries the unit that the repository has' unit_is_carried
    check 'vps: boots a machine' boot_root bookworm
    [ "$PASSED" = yes ] || return
    check 'vps: a wrong command line changes nothing' installs_nothing
    check 'vps: what cloud-init runs installs and starts it' installs_by_cloud_init
    check 'vps: operators ask at a unix socket that is for root and the service' asks_at_the_socket
    check 'vps: a second time changes nothing' installs_again
    check 'vps: another flag is reloaded, another version taken over, no client is refused' installs_a_change
    check 'vps: a config that was changed by hand stays' keeps_a_config
    check 'vps: an IP address for a name' installs_for_an_address
    check 'vps: --uninstall and --purge leave what they say' uninstalls
    check "vps: the user data fits cloud-init's schema" fits_the_schema
    pod rm -f -t 0 booted >/dev/null
}

unit_is_carried() { sh "$DEPLOY/vps/install.sh" --print-unit | diff - "$DEPLOY/systemd/frontgate.service"; }

# In there, since cloud-init does as it likes with the machine where it is installed.
fits_the_schema() {
    inside sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends cloud-init' >/dev/null
    pod cp "$DEPLOY/vps/cloud-init.yaml" booted:/root/cloud-init.yaml
    inside cloud-init schema --config-file /root/cloud-init.yaml
}

installer() { inside sh /root/install.sh "$@"; }

installs_nothing() {
    inside mkdir -p /srv
    pod cp "$BINARY" booted:/srv/frontgate
    pod cp "$DEPLOY/vps/install.sh" booted:/srv/install.sh
    pod cp "$DEPLOY/vps/install.sh" booted:/root/install.sh
    local arguments status
    while read -r status arguments; do
        local is=0
        # shellcheck disable=SC2086 # words
        installer $arguments || is=$?
        want "exit code of: $arguments" "$is" "$status"
    done <<'CASES'
2 --binary /srv/frontgate
2 --domain gw.example.com
2 --domain gw.example.com --url http://127.0.0.1:8000/frontgate
2 --domain
2 --domain a,b --binary /srv/frontgate
2 --domain gw.example.com --nonsense
1 --domain gw.example.com --binary /srv/none
1 --domain gw.example.com --binary /srv/install.sh
1 --domain gw.example.com --binary /srv/frontgate --sha256 00
1 --domain gw.example.com --binary /bin/false
CASES
    local there; there="$(inside sh -c 'ls -d /usr/local/bin/frontgate /etc/frontgate /etc/systemd/system/frontgate.service 2>/dev/null' || true)"
    want 'what is there' "$there" ''
}

# The commands of the user data, with addresses that can be reached here.
installs_by_cloud_init() {
    inside systemd-run --unit files --working-directory=/srv python3 -m http.server 8000 --bind 127.0.0.1
    soon inside curl -fsS -o /dev/null http://127.0.0.1:8000/
    local sum; sum="$(sha256sum "$BINARY" | cut -d' ' -f1)"
    sed -e "s|https://example.com/frontgate/frontgate-x86_64-linux|http://127.0.0.1:8000/frontgate|" -e "s|0\{64\}|$sum|" \
        -e 's|https://example.com/frontgate/install.sh|http://127.0.0.1:8000/install.sh|' "$DEPLOY/vps/cloud-init.yaml" >"$W/user-data"
    pod cp "$W/user-data" booted:/root/user-data
    inside mkdir -p /etc/frontgate
    inside sh -c 'sed -n "/content: |/,/^runcmd/s/^      //p" /root/user-data >/etc/frontgate/install.arguments'
    inside grep -q -e --domain /etc/frontgate/install.arguments
    # shellcheck disable=SC2016 # it is sed's
    inside sh -c 'sed -n "/^runcmd:/,\$s/^  - //p" /root/user-data >/root/commands; sh -eux /root/commands'
    active
    want 'does it start with the machine' "$(inside systemctl is-enabled frontgate.service)" enabled
    want 'over https' "$(curl -sk "https://$(address_of booted)/x" | json host)" "$(address_of booted)"
    want 'over http' "$(curl -s -o /dev/null -w '%{http_code}' "http://$(address_of booted)/x")" 308
    inside frontgate check --print | grep -q ann@example.com
}

# As a new installation has it: no port, and nothing for other users of the machine.
asks_at_the_socket() {
    local socket=/run/frontgate/admin.sock
    inside test -S "$socket"
    want 'its mode' "$(inside stat -c %a "$socket")" 660
    inside frontgate check --print | grep -F "unix:$socket"
    want 'whether it is ready' "$(inside frontgate status --ready)" ready
    inside frontgate status | grep .
    want 'over HTTP' "$(inside curl -sS --unix-socket "$socket" -o /dev/null -w '%{http_code}' http://localhost/status)" 200
    if inside curl -s -o /dev/null http://127.0.0.1:9180/livez; then echo 'there is a port, too'; return 1; fi
    if inside setpriv --reuid nobody --regid nogroup --clear-groups frontgate status; then echo 'nobody may ask'; return 1; fi
}

installs_again() {
    local before said; before="$(systemctl_show MainPID)"
    # shellcheck disable=SC2016 # expanded there
    said="$(inside sh -c 'sh /root/install.sh $(cat /etc/frontgate/install.arguments)')"
    echo "$said"
    if grep '^+' <<<"$said"; then return 1; fi
    want 'its process' "$(systemctl_show MainPID)" "$before"
}

installs_a_change() {
    local before; before="$(systemctl_show MainPID)"
    touch "$W/hammer"
    python3 "$HERE/client.py" hammer "https://$(address_of booted)/" "$W/hammer" >"$W/hammered" &
    local client=$!
    installer --domain gw.example.com --domain two.example.com --binary /srv/frontgate
    want 'its process' "$(systemctl_show MainPID)" "$before"
    inside frontgate cert show | grep two.example.com
    # Another file, the same program.
    inside sh -c 'cp /srv/frontgate /srv/another; echo >>/srv/another'
    installer --domain gw.example.com --domain two.example.com --binary /srv/another
    # shellcheck disable=SC2317 # soon calls it
    moved() { [ "$(systemctl_show MainPID)" != "$before" ]; }
    soon moved
    active
    want 'the restarts' "$(systemctl_show NRestarts)" 0
    rm "$W/hammer"; wait "$client"
    cat "$W/hammered"
    want 'how all went' "$(cat "$W/hammered")" '{"200": +([0-9])}'
    say "a reload and another version: $(json 200 <"$W/hammered") connections one after the other, none refused or reset"
}

keeps_a_config() {
    inside sh -c 'echo "hold: 5s" >>/etc/frontgate/frontgate.yaml'
    local said; said="$(installer --domain three.example.com --binary /srv/another)"
    want 'what it says' "$said" '*kept, since it was changed by hand*'
    inside grep -qx 'hold: 5s' /etc/frontgate/frontgate.yaml
    if inside grep three.example.com /etc/frontgate/frontgate.yaml; then return 1; fi
}

installs_for_an_address() {
    inside rm /etc/frontgate/frontgate.yaml
    installer --ip "$(address_of booted)" --ip 2001:db8::1 --local --upstream http://127.0.0.1:18789 --binary /srv/another
    pod exec booted cat /var/lib/frontgate/ca.pem >"$W/ca.pem"
    want 'with its CA' "$(curl -s --cacert "$W/ca.pem" "https://$(address_of booted)/x" | json x-forwarded-proto)" https
}

uninstalls() {
    installer --uninstall
    want 'what is there' "$(inside sh -c 'ls -d /usr/local/bin/frontgate /etc/systemd/system/frontgate.service /etc/frontgate/frontgate.yaml /var/lib/frontgate 2>/dev/null' | xargs)" \
        '/etc/frontgate/frontgate.yaml /var/lib/frontgate'
    want state "$(systemctl_show ActiveState)" inactive
    installer --purge
    if inside ls -d /etc/frontgate /var/lib/frontgate /var/lib/private/frontgate; then return 1; fi
}
