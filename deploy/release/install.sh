#!/bin/sh
# install.sh   fetch frontgate @VERSION@, see that it is what was released, and put it in place: Linux, and macOS once
# there is a release for it.
#
#   sh install.sh [--to DIR] [--from URL]
#
#   --to DIR     where the program goes [default: /usr/local/bin if you may write there, else ~/.local/bin]
#   --from URL   where the files of the release are, such as a mirror; they are verified all the same
#
# The list of checksums is verified with the key in this script, and the archive with that list, before any of it is unpacked.
# Without what verifies them nothing is installed. It takes curl or wget, openssl, tar and gzip, and changes one file.
# Exit code 0: it is installed. 1: it is not, and nothing was changed. 2: the command line is wrong.
set -eu

version='@VERSION@'
files_at='@FILES_AT@'
public_key='@PUBLIC_KEY@'
# A program of 20 MB is packed into half of that; a list of checksums is shorter than a page.
longest_archive=67108864
longest_list=65536

# The last line calls it: a script that was cut off does nothing.
main() {
    to=''
    while [ $# -gt 0 ]; do
        case "$1" in
            --to) to="${2-}"; [ -n "$to" ] || wrong '--to needs a folder'; shift ;;
            --from) files_at="${2-}"; [ -n "$files_at" ] || wrong '--from needs a URL'; shift ;;
            -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;;
            *) wrong "unknown: $1" ;;
        esac
        shift
    done
    case "$public_key" in '-----BEGIN PUBLIC KEY-----'*) ;; *) fail 'this is the template of the installer; take the one that a release has' ;; esac
    for tool in openssl tar gzip uname mktemp; do
        command -v "$tool" >/dev/null || fail "$tool is needed and not installed"
    done
    command -v curl >/dev/null || command -v wget >/dev/null || fail 'curl or wget is needed, and neither is installed'
    target="$(this_target)"
    name="frontgate-$version-$target"
    if [ -z "$to" ]; then
        if [ -w /usr/local/bin ]; then to=/usr/local/bin; else to="${HOME:?}/.local/bin"; fi
    fi

    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    fetch SHA256SUMS "$longest_list"
    fetch SHA256SUMS.sig 1024
    printf '%s\n' "$public_key" >"$work/key.pem"
    openssl dgst -sha256 -verify "$work/key.pem" -signature "$work/SHA256SUMS.sig" "$work/SHA256SUMS" >"$work/said" 2>&1 ||
        fail "the signature of the checksums is wrong: $files_at has been tampered with, or is of another release"
    expected="$(awk -v name="$name.tar.gz" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")"
    case "$expected" in
        '') fail "the release has nothing for $target" ;;
        *[!0-9a-f]*) fail 'the list of checksums makes no sense' ;;
    esac
    fetch "$name.tar.gz" "$longest_archive"
    is="$(openssl dgst -sha256 "$work/$name.tar.gz" | sed 's/.*= *//')"
    [ "$is" = "$expected" ] || fail "$name.tar.gz is not what was released: its SHA-256 is $is, and should be $expected"

    tar -xzf "$work/$name.tar.gz" -C "$work" "$name/frontgate" || fail "$name.tar.gz has no program"
    said="$("$work/$name/frontgate" --version 2>&1)" || fail "the program does not run here: $said"
    [ "$said" = "frontgate $version" ] || fail "the program is another version: $said"
    mkdir -p "$to" || fail "$to cannot be made"
    # Beside its place, then in it: one that runs keeps its file.
    { cp "$work/$name/frontgate" "$to/.frontgate.new" && chmod 755 "$to/.frontgate.new" && mv "$to/.frontgate.new" "$to/frontgate"; } || {
        rm -f "$to/.frontgate.new"
        fail "$to cannot be written to; sudo, or --to another folder"
    }
    echo "frontgate $version is in $to, verified."
    case ":$PATH:" in *":$to:"*) ;; *) echo "$to is not in your PATH: export PATH=\"$to:\$PATH\"" ;; esac
    echo 'See it work: frontgate demo. As a service, with a public certificate: deploy/vps in the repository, or the .deb or .rpm.'
}

this_target() {
    case "$(uname -m)" in
        x86_64 | amd64) processor=x86_64 ;;
        aarch64 | arm64) processor=aarch64 ;;
        *) fail "there is no program for the processor $(uname -m)" ;;
    esac
    case "$(uname -s)" in
        Linux) echo "$processor-unknown-linux-musl" ;;
        Darwin) echo "$processor-apple-darwin" ;;
        *) fail "there is no program for $(uname -s)" ;;
    esac
}

# fetch NAME BYTES    that file of the release, and not more than so many bytes of it.
fetch() {
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --proto '=https,http,file' --proto-redir '=https,http' --max-time 600 --connect-timeout 30 \
            --max-filesize "$2" --output "$work/$1" "$files_at/$1" || fail "cannot fetch $files_at/$1"
    else
        # wget knows no limit; what is cut off by this one fails below.
        wget -q -T 60 -O - "$files_at/$1" | head -c $(($2 + 1)) >"$work/$1"
        [ -s "$work/$1" ] || fail "cannot fetch $files_at/$1"
    fi
    [ "$(wc -c <"$work/$1")" -le "$2" ] || fail "$1 is longer than it can be"
}

fail() { echo "install.sh: $*" >&2; exit 1; }
wrong() { echo "install.sh: $*; --help says more" >&2; exit 2; }

main "$@"
