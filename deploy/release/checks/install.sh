# shellcheck shell=bash
# shellcheck disable=SC2153,SC2164 # errexit is on where these run; the variables are those of ../test
# install.sh installs what was released, and nothing else.

check_install() {
    local tool
    check 'install.sh: a server has the release' serves_release
    [ "$PASSED" = yes ] || return
    for tool in curl wget; do
        if command -v $tool >/dev/null; then check "install.sh: fetches with $tool, verifies and installs" installs_with $tool
        else not_run "install.sh: there is no $tool here"; fi
    done
    check 'install.sh: an installed one is replaced while it runs' replaces
    check 'install.sh: whatever is wrong with the files, nothing is installed' installs_nothing_wrong
    check 'install.sh: without a tool that it needs, nothing is installed' needs_its_tools
    check 'install.sh: cut off at any line, it does nothing' cut_anywhere
}

serves_release() {
    local each="$W/served" archive="frontgate-$VERSION-$HERE_TARGET.tar.gz"
    mkdir -p "$each/good"; cp "$DIST/$archive" "$DIST"/SHA256SUMS* "$each/good"
    # Each has one fault.
    faulty() { cp -r "$each/good" "$each/$1"; }
    faulty other-archive; printf x >>"$each/other-archive/$archive"
    faulty short-archive; truncate -s -1000 "$each/short-archive/$archive"
    faulty no-archive; rm "$each/no-archive/$archive"
    faulty no-signature; rm "$each/no-signature/SHA256SUMS.sig"
    faulty empty-signature; : >"$each/empty-signature/SHA256SUMS.sig"
    # The attacker's archive with its own checksum.
    faulty other-sums; printf x >>"$each/other-sums/$archive"; (cd "$each/other-sums" && sha256sum -- frontgate* >SHA256SUMS)
    faulty other-key; openssl dgst -sha256 -sign "$W/other.pem" -out "$each/other-key/SHA256SUMS.sig" "$each/other-key/SHA256SUMS"
    faulty long-list; head -c 100000 /dev/zero >>"$each/long-list/SHA256SUMS"
    # Rightly signed, and without this system.
    faulty without; sed -i "/$HERE_TARGET.tar.gz/d" "$each/without/SHA256SUMS"
    openssl dgst -sha256 -sign "$W/key.pem" -out "$each/without/SHA256SUMS.sig" "$each/without/SHA256SUMS"
    # Rightly signed, and another version in the archive.
    faulty other-version
    mkdir -p "$W/forged/frontgate-$VERSION-$HERE_TARGET"
    printf '#!/bin/sh\necho frontgate 9.9.9\n' >"$W/forged/frontgate-$VERSION-$HERE_TARGET/frontgate"; chmod +x "$W/forged/frontgate-$VERSION-$HERE_TARGET/frontgate"
    tar -C "$W/forged" -czf "$each/other-version/$archive" "frontgate-$VERSION-$HERE_TARGET"
    (cd "$each/other-version" && sha256sum -- frontgate* >SHA256SUMS && openssl dgst -sha256 -sign "$W/key.pem" -out SHA256SUMS.sig SHA256SUMS)
    free_port >"$W/port"
    python3 "$CHECKS/serve.py" "$(cat "$W/port")" "$each" >"$W/serve.log" 2>&1 &
    echo $! >"$W/serve.pid"
    soon curl -fsS -o /dev/null "http://127.0.0.1:$(cat "$W/port")/good/SHA256SUMS"
}

release_at() { echo "http://127.0.0.1:$(cat "$W/port")/$1"; }

# tools_but TOOL...    a folder with every tool of this machine but these.
tools_but() {
    local folder="$W/tools-$*" each
    mkdir -p "$folder"
    ln -sf /usr/bin/* "$folder/"
    for each in "$@"; do rm -f "$folder/$each"; done
    echo "$folder"
}

installs_with() {
    local other=wget; [ "$1" = curl ] || other=curl
    PATH="$(tools_but $other)" sh "$DIST/install.sh" --from "$(release_at good)" --to "$W/into-$1"
    want 'what is there' "$(ls -A "$W/into-$1")" frontgate
    want 'its version' "$("$W/into-$1/frontgate" --version)" "frontgate $VERSION"
    # As a user does who pipes it into a shell, without a folder.
    PATH="$(tools_but $other)" HOME="$W/home-$1" sh -s -- --from "$(release_at good)" --to "$W/home-$1/bin" <"$DIST/install.sh"
    test -x "$W/home-$1/bin/frontgate"
}

replaces() {
    local port child; port="$(free_port)"
    mkdir -p "$W/replaced"
    sh "$DIST/install.sh" --from "$(release_at good)" --to "$W/replaced"
    HOME="$W/replaced" "$W/replaced/frontgate" demo --listen "127.0.0.1:$port" >/dev/null 2>&1 & child=$!
    soon curl -fsk -o /dev/null "https://127.0.0.1:$port/"
    sh "$DIST/install.sh" --from "$(release_at good)" --to "$W/replaced"
    curl -fsk -o /dev/null "https://127.0.0.1:$port/"
    kill -TERM "$child"; wait "$child"
}

installs_nothing_wrong() {
    local each said is into="$W/wrong"
    mkdir -p "$into"; echo before >"$into/frontgate"
    # It would wait longer each time.
    echo 'tries = 2' >"$W/wgetrc"; export WGETRC="$W/wgetrc"
    for each in other-archive short-archive cut/good no-archive no-signature empty-signature other-sums other-key long-list without other-version nowhere; do
        for tool in curl wget; do
            command -v $tool >/dev/null || continue
            is=0
            said="$(PATH="$(tools_but "$([ $tool = curl ] && echo wget || echo curl)")" sh "$DIST/install.sh" --from "$(release_at $each)" --to "$into" 2>&1)" || is=$?
            echo "$each by $tool: $said"
            want "exit code with $each by $tool" "$is" 1
            want "what $each left" "$(ls -A "$into") $(cat "$into/frontgate")" 'frontgate before'
        done
    done
    # The template is no installer.
    is=0; sh "$RELEASE/install.sh" --from "$(release_at good)" --to "$into" || is=$?
    want 'exit code of the template' "$is" 1
    is=0; sh "$DIST/install.sh" --nonsense || is=$?
    want 'exit code of a wrong command line' "$is" 2
    want 'what is there' "$(cat "$into/frontgate")" before
}

needs_its_tools() {
    local tool is said
    for tool in openssl tar gzip 'curl wget'; do
        is=0
        # shellcheck disable=SC2086 # words
        said="$(PATH="$(tools_but $tool)" /bin/sh "$DIST/install.sh" --from "$(release_at good)" --to "$W/lacking" 2>&1)" || is=$?
        want "exit code without $tool" "$is" 1
        want "what it says without $tool" "$said" "*${tool##* }*"
        test ! -e "$W/lacking"
    done
    # An openssl that fails is not one that agrees.
    mkdir -p "$W/liar"; printf '#!/bin/sh\nexit 3\n' >"$W/liar/openssl"; chmod +x "$W/liar/openssl"
    is=0; PATH="$W/liar:$PATH" sh "$DIST/install.sh" --from "$(release_at good)" --to "$W/lacking" || is=$?
    want 'exit code with an openssl that fails' "$is" 1
    test ! -e "$W/lacking"
}

cut_anywhere() {
    local lines; lines="$(wc -l <"$DIST/install.sh")"
    for ((at = 1; at < lines; at += 7)); do
        head -n "$at" "$DIST/install.sh" | sh -s -- --from "$(release_at good)" --to "$W/cut" >/dev/null 2>&1 || true
        test ! -e "$W/cut"
    done
    kill "$(cat "$W/serve.pid")"
}
