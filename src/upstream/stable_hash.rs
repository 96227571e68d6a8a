//! [`stable_hash`]: a number of 64 bits that is the same for the same bytes in every process and version: pure.

/// A number for these bytes. Everything that is kept or shared goes by it, so it must never change. What a client sends may be
/// chosen to collide: then clients share an endpoint that would have been shared anyway.
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    // FNV-1a (RFC 9923), whose high bits change little for short texts.
    mix(bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// A number in which each bit depends on all bits of `number` (the finalizer of `SplitMix64`).
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_text_never_changes() {
        let plain = |text: &str| {
            text.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        };
        // The vectors of RFC 9923 for what is mixed.
        assert_eq!(
            (plain(""), plain("a"), plain("foobar")),
            (0xcbf2_9ce4_8422_2325, 0xaf63_dc4c_8601_ec8c, 0x8594_4171_f739_67e8)
        );
        for text in ["", "a", "foobar"] {
            assert_eq!(stable_hash(text.as_bytes()), mix(plain(text)));
        }
        // The published first output of SplitMix64 with seed 0.
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
    }
}
