# shellcheck shell=bash
# shellcheck disable=SC2153,SC2164 # errexit is on where these run; the variables are those of ../test
# The .deb, on a systemd that has really been booted: Debian 12's and Debian 13's.

check_deb() {
    local distribution why; why="$(no_containers)"
    if [ -n "$why" ]; then not_run "deb: $why"; return; fi
    check 'deb: the next revision can be built' next_revision
    [ "$PASSED" = yes ] || return
    for distribution in bookworm trixie; do
        check "deb on $distribution: boots in a container" boot_with_packages "$distribution"
        [ "$PASSED" = yes ] || continue
        check "deb on $distribution: installs, and starts nothing by itself" deb_installs
        [ "$PASSED" = yes ] || { pod rm -f -t 0 booted >/dev/null; continue; }
        check "deb on $distribution: serves as its own user, on ports 443 and 80" deb_serves
        check "deb on $distribution: another revision takes over; no client, no config and no state is lost" deb_upgrades
        check "deb on $distribution: with a wrong config the running one goes on" deb_keeps_running
        check "deb on $distribution: a removal leaves config and state, and what is installed again has them" deb_removes
        check "deb on $distribution: a purge takes them too, and nothing of others" deb_purges
        pod rm -f -t 0 booted >/dev/null
    done
}

deb_file() { echo "frontgate_$VERSION-$1_$(dpkg --print-architecture).deb"; }
apt_inside() { inside env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Options::=--force-confold -y -qq "$@"; }

boot_with_packages() {
    # `systemctl_show`, `active` and the like are those of ../test/systemd.sh.
    HERE="$DEPLOY_TEST" boot_root "$1"
    pod cp "$DIST/$(deb_file 1)" booted:/srv/
    pod cp "$NEXT/$(deb_file 2)" booted:/srv/
}

deb_installs() {
    local each said
    apt_inside install "/srv/$(deb_file 1)" | tee "$W/apt"
    grep -q 'systemctl enable --now frontgate' "$W/apt"
    want 'its version' "$(inside frontgate --version)" "frontgate $VERSION"
    want 'is it enabled' "$(inside systemctl is-enabled frontgate.service || true)" disabled
    want state "$(systemctl_show ActiveState)" inactive
    inside id frontgate
    for each in /usr/share/man/man1/frontgate.1.gz /usr/share/man/man1/frontgate-doctor.1.gz /usr/share/man/man5/frontgate.yaml.5.gz \
        /usr/share/bash-completion/completions/frontgate /usr/share/zsh/vendor-completions/_frontgate /usr/share/fish/vendor_completions.d/frontgate.fish \
        /usr/share/doc/frontgate/examples/lan.yaml; do inside test -s "$each"; done
    inside bash -c 'source /usr/share/bash-completion/completions/frontgate && complete -p frontgate'
    # The config that it brings is right, for root too.
    inside frontgate check -c /etc/frontgate/frontgate.yaml
    said="$(inside systemd-analyze verify frontgate.service frontgate.socket 2>&1 | grep -v "Command 'man" || true)"
    want 'systemd-analyze verify' "$said" ''
    inside dpkg --verify frontgate
}

deb_serves() {
    inside sh -c 'printf "tls: { names: [gw.example.com] }\ntimeouts: { drain: 4s }\n" >>/etc/frontgate/frontgate.yaml'
    inside systemctl enable --now frontgate.service
    active
    local at; at="$(address_of booted)"
    want 'its user' "$(inside stat -c %U "/proc/$(systemctl_show MainPID)")" frontgate
    want 'over https' "$(curl -sk "https://$at/x" | json x-forwarded-proto)" https
    want 'over http' "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: gw.example.com' "http://$at/x")" '30? https://gw.example.com/x'
    # From systemd 257 on only the service sees them as its own: the folder is mounted with its user's number for nobody's.
    want 'its keys' "$(inside stat -Lc '%a %U' /var/lib/frontgate/ca.key)" '600 @(frontgate|nobody)'
    # As an operator asks, with no option at all.
    inside frontgate status
    inside frontgate cert show | grep gw.example.com
    inside frontgate trust --print | grep .
}

authority() { inside sha256sum /var/lib/frontgate/ca.pem | cut -d' ' -f1; }
config_sum() { inside sha256sum /etc/frontgate/frontgate.yaml | cut -d' ' -f1; }

deb_upgrades() {
    local before ca config hammered="$W/hammered"
    before="$(systemctl_show MainPID)" ca="$(authority)" config="$(config_sum)"
    touch "$W/hammer"
    python3 "$DEPLOY_TEST/client.py" hammer "https://$(address_of booted)/" "$W/hammer" >"$hammered" &
    local client=$!
    apt_inside install "/srv/$(deb_file 2)"
    # shellcheck disable=SC2317 # soon calls it
    moved() { [ "$(systemctl_show MainPID)" != "$before" ]; }
    soon moved
    active
    rm "$W/hammer"; wait "$client"
    want 'how all went' "$(cat "$hammered")" '{"200": +([0-9])}'
    say "$(json 200 <"$hammered") connections one after the other, none refused or reset"
    # shellcheck disable=SC2016 # it is dpkg-query's
    want 'its revision' "$(inside dpkg-query -W -f '${Version}' frontgate)" "$VERSION-2"
    # The new file is what runs.
    want 'what runs' "$(inside readlink "/proc/$(systemctl_show MainPID)/exe")" /usr/bin/frontgate
    want 'the restarts' "$(systemctl_show NRestarts)" 0
    want 'is it enabled' "$(inside systemctl is-enabled frontgate.service)" enabled
    want 'its CA' "$(authority)" "$ca"
    want 'its config' "$(config_sum)" "$config"
}

deb_keeps_running() {
    local before; before="$(systemctl_show MainPID)"
    inside sh -c 'echo "tsl: {}" >>/etc/frontgate/frontgate.yaml'
    apt_inside install --reinstall "/srv/$(deb_file 2)" | tee "$W/apt"
    grep -q 'the version before goes on' "$W/apt"
    want 'its process' "$(systemctl_show MainPID)" "$before"
    want 'over https' "$(curl -sk "https://$(address_of booted)/x" | json x-forwarded-proto)" https
    inside sed -i '/^tsl:/d' /etc/frontgate/frontgate.yaml
}

deb_removes() {
    local ca config; ca="$(authority)" config="$(config_sum)"
    apt_inside remove frontgate
    want state "$(systemctl_show ActiveState)" inactive
    if inside ls /usr/bin/frontgate /usr/lib/systemd/system/frontgate.service /etc/systemd/system/multi-user.target.wants/frontgate.service; then return 1; fi
    if curl -sk -o /dev/null "https://$(address_of booted)/"; then echo 'something still answers'; return 1; fi
    want 'its CA' "$(authority)" "$ca"
    want 'its config' "$(config_sum)" "$config"
    apt_inside install "/srv/$(deb_file 2)"
    want 'its config' "$(config_sum)" "$config"
    inside systemctl enable --now frontgate.service
    active
    want 'its CA' "$(authority)" "$ca"
    want 'over https' "$(curl -sk "https://$(address_of booted)/x" | json x-forwarded-proto)" https
}

deb_purges() {
    inside touch /etc/frontgate/environment
    apt_inside purge frontgate
    if inside ls -d /var/lib/frontgate /var/lib/private/frontgate /etc/frontgate/frontgate.yaml; then return 1; fi
    inside test -f /etc/frontgate/environment
    want state "$(systemctl_show ActiveState)" inactive
}
