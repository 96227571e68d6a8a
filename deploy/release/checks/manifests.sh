# shellcheck shell=bash
# shellcheck disable=SC2153,SC2164 # errexit is on where these run; the variables are those of ../test
# The Homebrew formula and the Scoop manifest.

check_manifests() {
    check 'manifests: the formula has what was built, and nothing else' formula_is_right
    if command -v ruby >/dev/null; then check 'manifests: the formula is Ruby, and installs what the archive has' formula_installs
    else not_run 'manifests: there is no ruby; the formula was not loaded'; fi
    check 'manifests: with archives for all systems each finds its own' all_systems
    not_run 'manifests: neither Homebrew nor Scoop can be had here; that they take these files is unchecked'
}

formula_is_right() {
    local target
    for target in x86_64-unknown-linux-musl aarch64-unknown-linux-musl x86_64-apple-darwin aarch64-apple-darwin; do
        local archive="$DIST/frontgate-$VERSION-$target.tar.gz" times=0
        [ ! -f "$archive" ] || { times=1; grep -q "sha256 \"$(sha256sum <"$archive" | cut -d' ' -f1)\"" "$DIST/frontgate.rb"; }
        want "how often it has $target" "$(grep -c "releases/download/v$VERSION/frontgate-$VERSION-$target.tar.gz\"" "$DIST/frontgate.rb")" "$times"
    done
    test ! -f "$DIST/frontgate.json"
}

# A stand-in for Homebrew that knows the words of the formula.
formula_installs() {
    mkdir -p "$W/formula"; tar -C "$W/formula" --strip-components 1 -xzf "$DIST/frontgate-$VERSION-$HERE_TARGET.tar.gz"
    cd "$W/formula" && ruby "$CHECKS/formula.rb" "$DIST/frontgate.rb"
}

all_systems() {
    local all="$W/all" target
    mkdir -p "$all"
    for target in x86_64-unknown-linux-musl aarch64-unknown-linux-musl x86_64-apple-darwin aarch64-apple-darwin; do echo "$target" >"$all/frontgate-$VERSION-$target.tar.gz"; done
    echo windows >"$all/frontgate-$VERSION-x86_64-pc-windows-gnu.zip"
    "$RELEASE/manifests" --version "$VERSION" --homepage https://example.com --files-at https://example.com/files --dist "$all"
    want 'its archives' "$(grep -c 'sha256 "[0-9a-f]\{64\}"' "$all/frontgate.rb")" 4
    python3 - "$all/frontgate.json" "$(sha256sum <"$all/frontgate-$VERSION-x86_64-pc-windows-gnu.zip" | cut -d' ' -f1)" <<'PYTHON'
import json, sys
windows = json.load(open(sys.argv[1]))["architecture"]["64bit"]
assert windows["hash"] == sys.argv[2] and windows["url"].startswith("https://example.com/files/frontgate-"), windows
PYTHON
}
