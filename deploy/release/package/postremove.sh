#!/bin/sh
# After the files are gone. A removal leaves certificates, keys and the config; `apt-get purge` takes them too.
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
if [ "${1-}" = purge ]; then
    rm -rf /var/lib/frontgate /var/lib/private/frontgate
    # Not what others have put there.
    rmdir /etc/frontgate 2>/dev/null || true
fi
