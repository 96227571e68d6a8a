#!/bin/sh
# Stands in for every tool that `frontgate trust` runs: does nothing but write down how it was called, beside the folder with
# the link by which it was called. It fails when a file `NAME.broken` is there.
name="${0##*/}"
machine="${0%/*}/.."
case "$name $1" in
    'certutil -L') cat "$machine/nss-list" 2>/dev/null; exit 0 ;;
    'security find-certificate') cat "$machine/keychain-list" 2>/dev/null; exit 0 ;;
esac
{
    printf '%s' "$name"
    for word; do printf ' [%s]' "$word"; done
    echo
} >>"$machine/calls"
if [ -e "$machine/$name.broken" ]; then
    echo "$name: something is broken" >&2
    exit 3
fi
