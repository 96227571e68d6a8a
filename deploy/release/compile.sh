# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153 # `build` and lib.sh share their variables with this
# One program for one target, such that another machine gets the same bytes. Sourced by `build`.

BUILT="${CARGO_TARGET_DIR:-$ROOT/target}/packages"

# The version that the image is built with, so that all programs of a release come from one compiler.
toolchain() {
    local wanted; wanted="$(sed -n 's/.*rust:\([0-9.]*\)-.*/\1/p' "$DEPLOY/Dockerfile" | head -n 1)"
    case "$(rustc --version)" in "rustc $wanted."* | "rustc $wanted "*) return ;; esac
    rustup toolchain install --profile minimal "$wanted" >&2 || fail "Rust $wanted cannot be installed"
    export RUSTUP_TOOLCHAIN="$wanted"
}

# compile TARGET SOURCE INTO    zig is the C compiler and the linker, for whichever processor and system.
compile() {
    local target="$1" source="$2" into="$3" sysroot maps=() cargo_home="${CARGO_HOME:-$HOME/.cargo}"
    toolchain
    fetch_auditable
    rustup target add "$target" >&2 || fail "the standard library for $target cannot be had (rustup target add $target): NOTHING is compiled for it"
    sysroot="$(rustc --print sysroot)"
    # Folders of the machine are in panic messages and in aws-lc's errors; here they all are called alike.
    maps=("$source=/frontgate" "$cargo_home=/cargo" "$sysroot=/rust" "$into=/target")
    local rust_flags='' c_flags="-g0" each
    for each in "${maps[@]}"; do
        rust_flags+="${rust_flags:+$'\x1f'}--remap-path-prefix=$each"
        c_flags+=" -ffile-prefix-map=$each"
    done
    local variable="CFLAGS_${target//-/_}"
    (
        cd "$source"
        # What the caller's environment adds would be in the program.
        unset RUSTFLAGS
        env CARGO_ENCODED_RUSTFLAGS="$rust_flags" "$variable=$c_flags" CARGO_TARGET_DIR="$into" CARGO_INCREMENTAL=0 \
            cargo auditable zigbuild --locked --release --features otlp --target "$target"
    ) || fail "it does not compile for $target"
}

# compile_again TARGET    from a copy in another folder, and nothing reused: the program has to be the same.
compile_again() {
    local copy="$WORK/elsewhere/src"
    if [ ! -d "$copy" ]; then
        mkdir -p "$copy"
        git -C "$ROOT" ls-files -z | tar -C "$ROOT" --null -T - -cf - | tar -C "$copy" -xf -
    fi
    said "compiling for $1 again"
    compile "$1" "$copy" "$WORK/elsewhere/target"
    cmp "${PROGRAMS[$1]}" "$WORK/elsewhere/target/$1/release/frontgate$EXE" || fail "the program for $1 is another one when it is built elsewhere"
    said "the program for $1 is the same when it is built elsewhere: $(sha256sum <"${PROGRAMS[$1]}" | cut -d' ' -f1)"
}
