#!/bin/sh
# Before the files go: `remove` from dpkg, 0 from rpm. In between two versions it goes on running.
set -e
case "${1-}" in remove | deconfigure | 0) ;; *) exit 0 ;; esac
command -v systemctl >/dev/null || exit 0
if [ -d /run/systemd/system ]; then systemctl stop frontgate.socket frontgate.service || true; fi
systemctl --quiet disable frontgate.socket frontgate.service || true
