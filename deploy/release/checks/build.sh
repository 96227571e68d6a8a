# shellcheck shell=bash
# shellcheck disable=SC2153,SC2164 # errexit is on where these run; the variables are those of ../test
# What `build` makes, and what it refuses.

check_build() {
    check 'build: the scripts have no shell trap' scripts_are_clean
    check 'build: what it needs can be had' "$RELEASE/build" tools
    [ "$PASSED" = yes ] || return
    check 'build: makes a key, as RELEASING.md says' make_key
    if [ -z "$PROGRAMS" ]; then
        check 'build: compiles static programs for x86_64 and aarch64' compiles
        [ "$PASSED" = yes ] || return
        PROGRAMS="$(cat "$W/programs")"
    fi
    check 'build: refuses a wrong key, no key, and a folder that is not empty' refuses
    check 'build: makes everything' builds "$DIST" --revision 1
    [ "$PASSED" = yes ] || return
    grep '^NOT' "$W/log/build--makes-everything" | sed 's/^NOT [A-Z]*: /build: /' | while read -r line; do not_run "$line"; done
    check 'build: the same programs give the same packages' same_bytes
    check 'build: the checksums and their signature are right' sums_are_right
    check 'build: the list of crates is CycloneDX, and has every crate with its checksum' sbom_is_right
    check 'build: the archive has what a user needs' archive_is_right
    case " $PROGRAMS" in *' aarch64-unknown-linux-musl='*) check 'build: the program for aarch64 runs, and answers' aarch64_runs ;;
    *) not_run 'build: there is no program for aarch64' ;; esac
}

scripts_are_clean() {
    (cd "$RELEASE" && shellcheck -x build test lib.sh compile.sh install.sh package/*.sh checks/*.sh)
    python3 -m py_compile "$RELEASE"/{crates,image,manifests,npm/pack} "$RELEASE/zip.py" "$CHECKS"/*.py
    rm -rf "$RELEASE"/__pycache__ "$RELEASE"/npm/__pycache__ "$CHECKS"/__pycache__
    node --check "$RELEASE/npm/frontgate.js"
}

# The commands of deploy/RELEASING.md.
make_key() {
    local line
    cd "$W"
    grep -E '^openssl (genpkey|pkey) ' "$DEPLOY/RELEASING.md" >key-commands
    [ "$(wc -l <key-commands)" = 2 ]
    while read -r line; do bash -euc "$line"; done < <(sed -e "s|deploy/release/signing-key.pem|$W/public.pem|" -e "s|signing-key-private.pem|$W/key.pem|g" key-commands)
    openssl pkey -pubin -in public.pem -noout
}

compiles() {
    local target compare=() triples=()
    [ -z "${RELEASE_COMPARE:-}" ] || compare=(--compare)
    # Several times faster; that a release is optimised more changes nothing that is judged here.
    export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1
    for target in x86_64-unknown-linux-musl aarch64-unknown-linux-musl; do
        nice -n 19 "$RELEASE/build" --unsigned --homepage https://example.com/frontgate --target "$target" "${compare[@]}" --out "$W/compiled-$target"
        triples+=("$target=${CARGO_TARGET_DIR:-$ROOT/target}/packages/$target/release/frontgate")
    done
    echo "${triples[*]}" >"$W/programs"
}

# builds INTO OPTION...
builds() {
    local into="$1" each programs=(); shift
    for each in $PROGRAMS; do programs+=(--program "$each"); done
    FRONTGATE_STAND_IN="$STAND_IN" "$RELEASE/build" --key "$W/key.pem" --public-key "$W/public.pem" --homepage https://example.com/frontgate \
        --maintainer 'Ann <ann@example.com>' --out "$into" "${programs[@]}" "$@"
}

refuses() {
    local each status
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/other.pem"
    openssl genpkey -algorithm ed25519 -out "$W/ed25519.pem"
    mkdir "$W/full"; touch "$W/full/file"
    while IFS='|' read -r status each; do
        local is=0
        # shellcheck disable=SC2086 # words
        "$RELEASE/build" --program "${PROGRAMS%% *}" --homepage https://example.com/frontgate $each || is=$?
        want "exit code of: $each" "$is" "$status"
    done <<CASES
2|
2|--unsigned --out $W/full
2|--unsigned --nonsense
2|--unsigned --homepage https://example.com/a|b
2|--key $W/none.pem --out $W/refused
1|--key $W/other.pem --public-key $W/public.pem --out $W/refused
1|--key $W/ed25519.pem --out $W/refused
1|--key $W/public.pem --out $W/refused
CASES
    want 'what it made' "$(ls -A "$W/refused" 2>/dev/null)" ''
}

same_bytes() {
    builds "$W/again"
    # A signature by ECDSA has a random part.
    rm "$W/again/SHA256SUMS.sig"
    diff <(cd "$W/again" && sha256sum -- *) <(cd "$DIST" && sha256sum -- * | grep -v SHA256SUMS.sig)
    rm -r "$W/again"
}

sums_are_right() {
    cd "$DIST"
    sha256sum --check --strict --quiet SHA256SUMS
    want 'the files without a checksum' "$(comm -23 <(printf '%s\n' * | sort) <(sed 's/^[0-9a-f]*  //' SHA256SUMS | sort) | xargs)" 'SHA256SUMS SHA256SUMS.sig'
    openssl dgst -sha256 -verify "$W/public.pem" -signature SHA256SUMS.sig SHA256SUMS
}

sbom_is_right() {
    local tools="$CACHE/sbom-tools-1"
    if ! "$tools/bin/python" -c 'import cyclonedx.validation.json, jsonschema' 2>/dev/null; then
        python3 -m venv "$tools" && "$tools/bin/pip" install --quiet 'cyclonedx-python-lib[json-validation]==11.12.0'
    fi
    "$tools/bin/python" - "$DIST"/*.cdx.json <<'PYTHON'
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
for path in sys.argv[1:]:
    text = open(path).read()
    wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    assert wrong is None, wrong
    crates = json.loads(text)["components"]
    names = {each["name"] for each in crates}
    assert {"rustls", "aws-lc-sys", "tokio"} <= names and not {"tempfile", "proptest"} & names, names
    assert all(each["hashes"][0]["content"] for each in crates)
    print(f"SAY {path.rsplit('/', 1)[1]}: {len(crates)} crates")
PYTHON
}

archive_is_right() {
    local name="frontgate-$VERSION-$HERE_TARGET" each
    mkdir "$W/archive"; tar -C "$W/archive" -xzf "$DIST/$name.tar.gz"
    want 'its version' "$("$W/archive/$name/frontgate" --version)" "frontgate $VERSION"
    for each in man/man1/frontgate.1 man/man5/frontgate.yaml.5 completions/frontgate.{bash,fish,zsh} systemd/frontgate.service config/lan.yaml \
        README.md LICENSE-MIT THIRD-PARTY-LICENCES; do test -s "$W/archive/$name/$each"; done
    grep -q 'aws-lc-sys' "$W/archive/$name/THIRD-PARTY-LICENCES"
    say "$(wc -c <"$DIST/$name.tar.gz") bytes packed, $(wc -c <"$W/archive/$name/frontgate") the program"
    rm -r "$W/archive"
}

aarch64_runs() {
    local qemu program port child; qemu="$(command -v qemu-aarch64 qemu-aarch64-static | head -n 1)"
    mkdir "$W/aarch64"; tar -C "$W/aarch64" --strip-components 1 -xzf "$DIST/frontgate-$VERSION-aarch64-unknown-linux-musl.tar.gz"
    program="$W/aarch64/frontgate"
    file -b "$program" | grep 'ARM aarch64.*static'
    want 'its version' "$("$qemu" "$program" --version)" "frontgate $VERSION"
    port="$(free_port)"
    HOME="$W/aarch64" "$qemu" "$program" demo --listen "127.0.0.1:$port" >"$W/aarch64/log" 2>&1 & child=$!
    soon curl -fsk -o /dev/null "https://127.0.0.1:$port/" || { kill "$child"; cat "$W/aarch64/log"; return 1; }
    kill -TERM "$child"; wait "$child"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
