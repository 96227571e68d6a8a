//! [`TapDropped`]: what a tap could not show.

use serde_json::Value;

/// How many frames of each side, the client's first, were dropped as a whole, and of how many the payload was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TapDropped {
    frames: [u64; 2],
    payloads: [u64; 2],
}

impl TapDropped {
    /// Counts a line of the tap.
    pub(super) fn add(&mut self, said: &Value) {
        let side = usize::from(said["direction"] != "client_to_gateway");
        if let Some(frames) = said["dropped"].as_u64() {
            self.frames[side] = self.frames[side].saturating_add(frames);
        } else if said["shown"] == "dropped" {
            self.payloads[side] = self.payloads[side].saturating_add(1);
        }
    }

    /// In words; `None` if nothing was dropped.
    pub(super) fn in_words(self) -> Option<String> {
        let Self { frames, payloads } = self;
        (self != Self::default()).then(|| {
            format!(
                "dropped, since they came faster than they were read: {} frames and {} payloads from the client, {} frames and {} payloads from \
                 the gateway",
                frames[0], payloads[0], frames[1], payloads[1]
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_and_payloads_are_counted_by_side() {
        let mut dropped = TapDropped::default();
        dropped.add(&json!({ "opcode": "text", "direction": "client_to_gateway", "shown": "text" }));
        assert_eq!(dropped.in_words(), None);
        dropped.add(&json!({ "dropped": 3, "direction": "gateway_to_client" }));
        dropped.add(&json!({ "dropped": 2, "direction": "gateway_to_client" }));
        dropped.add(&json!({ "opcode": "text", "direction": "client_to_gateway", "shown": "dropped" }));
        let words = dropped.in_words().unwrap();
        assert!(
            words.ends_with(": 0 frames and 1 payloads from the client, 5 frames and 0 payloads from the gateway"),
            "{words}"
        );
    }
}
