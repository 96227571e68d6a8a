# shellcheck shell=bash
# shellcheck disable=SC2153,SC2164 # errexit is on where these run; the variables are those of ../test
# The .rpm, in a root of its own.

check_rpm() {
    if ! command -v rpm >/dev/null || [ "$(id -u)" != 0 ]; then not_run 'rpm: it takes root and rpm'; return; fi
    check 'rpm: the next revision can be built' next_revision
    check 'rpm: installs the program, the unit, a user, pages and completions' rpm_installs
    [ "$PASSED" = yes ] || return
    check 'rpm: another revision leaves a changed config and the state alone' rpm_upgrades
    check 'rpm: a removal leaves a changed config and the state' rpm_removes
    not_run 'rpm: a distribution that uses it cannot be had here; it was installed by rpm --root, and the service not started from it'
}

# The same version once more, with a program that is another file.
next_revision() {
    [ ! -f "$NEXT/SHA256SUMS" ] || return 0
    local each changed=()
    for each in $PROGRAMS; do
        cp "${each#*=}" "$W/next-${each%%=*}"; echo >>"$W/next-${each%%=*}"
        changed+=("${each%%=*}=$W/next-${each%%=*}")
    done
    PROGRAMS="${changed[*]}" builds "$NEXT" --revision 2
}

in_root() { rpm --root "$W/rpm-root" "$@"; }
rpm_file() { echo "$1/frontgate-$VERSION-$2.$(uname -m).rpm"; }

rpm_installs() {
    local each root="$W/rpm-root"
    root_of bookworm "$root"
    rpm --root "$root" --initdb
    # Debian's database knows of no /bin/sh; all else is to be there.
    want 'what it needs' "$(rpm -qp --requires "$(rpm_file "$DIST" 1)" | grep -v -e '^rpmlib' -e '^/bin/sh' || true)" ''
    in_root --install --nodeps "$(rpm_file "$DIST" 1)"
    want 'its version' "$(chroot "$root" /usr/bin/frontgate --version)" "frontgate $VERSION"
    for each in usr/lib/systemd/system/frontgate.service usr/share/man/man1/frontgate.1.gz usr/share/man/man5/frontgate.yaml.5.gz \
        usr/share/zsh/site-functions/_frontgate usr/share/bash-completion/completions/frontgate usr/share/doc/frontgate/copyright; do test -s "$root/$each"; done
    grep -q '^frontgate:' "$root/etc/passwd"
    in_root --verify --nodeps frontgate
    rpm -qp --qf '%{LICENSE}|%{ARCH}|%{BUILDHOST}\n' "$(rpm_file "$DIST" 1)" | grep "^MIT OR Apache-2.0|$(uname -m)|localhost$"
    want 'the config files' "$(in_root -q --configfiles frontgate)" /etc/frontgate/frontgate.yaml
    want 'is it enabled' "$(ls "$root/etc/systemd/system/multi-user.target.wants/frontgate.service" 2>/dev/null || true)" ''
}

rpm_upgrades() {
    local root="$W/rpm-root"
    echo 'hold: 5s' >>"$root/etc/frontgate/frontgate.yaml"
    mkdir -p "$root/var/lib/frontgate"; echo key >"$root/var/lib/frontgate/ca.key"
    chroot "$root" systemctl --quiet enable frontgate.service
    in_root --upgrade --nodeps "$(rpm_file "$NEXT" 2)"
    want 'its revision' "$(in_root -q frontgate)" "frontgate-$VERSION-2.*"
    tail -n 1 "$root/etc/frontgate/frontgate.yaml" | grep -x 'hold: 5s'
    test -s "$root/var/lib/frontgate/ca.key"
    test -L "$root/etc/systemd/system/multi-user.target.wants/frontgate.service"
}

rpm_removes() {
    local root="$W/rpm-root"
    in_root --erase --nodeps frontgate
    tail -n 1 "$root/etc/frontgate/frontgate.yaml.rpmsave" | grep -x 'hold: 5s'
    test -s "$root/var/lib/frontgate/ca.key"
    test ! -e "$root/usr/bin/frontgate"
    test ! -L "$root/etc/systemd/system/multi-user.target.wants/frontgate.service"
    rm -rf "$root"
}
