#!/bin/sh
# After the files of the .deb or .rpm are there: `configure [OLD-VERSION]` from dpkg, a number of packages from rpm.
set -e
case "${1-}" in
    configure) [ -z "${2-}" ] && first=yes || first=no ;;
    1) first=yes ;;
    2) first=no ;;
    # What dpkg calls when something else did not work.
    *) exit 0 ;;
esac
config=/etc/frontgate/frontgate.yaml

if command -v systemd-sysusers >/dev/null; then systemd-sysusers /usr/lib/sysusers.d/frontgate.conf || true; fi
if [ -f /etc/systemd/system/frontgate.service ]; then
    echo 'frontgate: /etc/systemd/system/frontgate.service hides the unit of this package; remove it to use the package'"'"'s program'
fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
    if [ "$first" = no ] && systemctl is-active --quiet frontgate.service; then
        # The new program takes the sockets over, and no client is refused. When it does not want the config, the old one goes on.
        frontgate upgrade -c "$config" ||
            echo 'frontgate: the version before goes on running; when "frontgate check" finds nothing: systemctl restart frontgate'
    fi
fi
# It is not started by itself: that would open the gateway to the network before its names and guards are written.
if [ "$first" = yes ]; then
    echo "frontgate: write $config, then: systemctl enable --now frontgate"
fi
