//! Whatever a DNS server answers: no panic and an end, nothing of what answers another question, and no records but of the kind that
//! was asked for.
#![no_main]

use frontgate::upstream::discovery::dns_message::{DnsAnswer, DnsQuestion, RecordData, RecordKind};
use libfuzzer_sys::fuzz_target;

/// Bytes before the question: number, flags and counts.
const HEAD: usize = 12;
/// And behind it: the record with the size of a datagram (RFC 6891 §6.1.2).
const OPT: usize = 11;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let kind = [RecordKind::A, RecordKind::Aaaa, RecordKind::Srv][usize::from(*kind) % 3];
    let question = DnsQuestion::new("_gw._tcp.a.", kind, 7).expect("a name");
    // As it comes.
    question.answer(rest);
    // With the number and the question that are asked for, so that the rest is looked at.
    let Some((flags, rest)) = rest.split_at_checked(HEAD - 4) else { return };
    let (sent, flags) = (&question.bytes, [&[flags[0] | 0x80, flags[1], 0, 1], &flags[2..]].concat());
    let mut answer = [&sent[..2], &flags, &sent[HEAD..sent.len() - OPT], rest].concat();
    match question.answer(&answer) {
        DnsAnswer::NotIts => panic!("it answers the question"),
        DnsAnswer::Whole(Ok(records)) => {
            assert!(!records.all.is_empty());
            for record in &records.all {
                let found = match record {
                    RecordData::Address(ip) if ip.is_ipv4() => RecordKind::A,
                    RecordData::Address(_) => RecordKind::Aaaa,
                    RecordData::Service(_) => RecordKind::Srv,
                };
                assert_eq!(found, kind);
            }
        }
        DnsAnswer::Whole(Err(_)) | DnsAnswer::Truncated => {}
    }
    answer[1] ^= 1;
    assert_eq!(question.answer(&answer), DnsAnswer::NotIts, "the answer to another question");
});
