//! [`ClientCertificates`]: `client_auth` of `tls`, which certificates of clients let in.

use std::path::PathBuf;

use super::Caddy;
use super::answer::CannotSay;
use crate::config::ClientMode;
use crate::import::node::ImportNode;
use crate::import::tree::Origin;

/// Which clients a site lets in, by their certificates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum ClientCertificates {
    /// All.
    #[default]
    All,
    /// Those with a certificate of the authority in this file.
    Of(PathBuf, ClientMode, Vec<Origin>),
    /// Some that frontgate cannot tell.
    Cannot(Origin, CannotSay),
}

impl ClientCertificates {
    /// Reads `client_auth`.
    pub(super) fn of(node: &ImportNode) -> Self {
        let origin = Origin::of(&node.place, &node.shown);
        let (mut files, mut mode, mut others) = (Vec::new(), "", None);
        let mut origins = vec![origin.clone()];
        for line in node.inner() {
            origins.push(Origin::of(&line.place, &line.shown));
            match (line.name.as_str(), line.arg(0)) {
                ("mode", word) => mode = word,
                ("trusted_ca_cert_file", _) => files.extend(line.args.iter().cloned()),
                ("trust_pool", "file") => {
                    files.extend(line.args.iter().skip(1).cloned());
                    for pem in line.inner() {
                        origins.push(Origin::of(&pem.place, &pem.shown));
                        files.extend(pem.args.iter().cloned());
                    }
                }
                _ => others = Some(Origin::of(&line.place, &line.shown)),
            }
        }
        let cannot = |origin: &Origin, why: &str| Self::Cannot(origin.clone(), CannotSay::new(why, WRITE));
        match (mode, others, files.as_slice()) {
            // It is asked for and not looked at.
            ("request", ..) => Self::All,
            ("" | "require_and_verify" | "verify_if_given", Some(other), _) => cannot(
                &other,
                "it lets in single certificates or those of another kind of authority, and tls.client_ca is one file",
            ),
            ("" | "require_and_verify", None, [file]) if !file.contains('{') => {
                Self::Of(file.into(), ClientMode::Required, origins)
            }
            ("verify_if_given", None, [file]) if !file.contains('{') => {
                Self::Of(file.into(), ClientMode::Optional, origins)
            }
            ("" | "require_and_verify" | "verify_if_given", None, [_, ..]) => {
                cannot(&origin, "it has several authorities, and tls.client_ca is one file")
            }
            _ => cannot(&origin, "it lets in a certificate of any authority, or names none"),
        }
    }
}

impl Caddy {
    /// Settles on one authority for all sites; those of another one are shut.
    pub(super) fn settle_clients(&mut self, sites: &mut [(ClientCertificates, String)]) {
        let mut chosen: Option<(PathBuf, ClientMode)> = None;
        for (clients, _) in sites.iter_mut() {
            let ClientCertificates::Of(file, mode, origins) = clients else { continue };
            match &mut chosen {
                None => chosen = Some((file.clone(), *mode)),
                Some((same, strictest)) if same == file => {
                    if *mode == ClientMode::Required {
                        *strictest = ClientMode::Required;
                    }
                }
                Some(_) => {
                    let cannot =
                        CannotSay::new("another site has another authority, and tls.client_ca is one file", WRITE);
                    *clients = ClientCertificates::Cannot(origins[0].clone(), cannot);
                }
            }
        }
        let Some((_, mode)) = &chosen else { return };
        let others: Vec<&str> = sites
            .iter()
            .filter(|(clients, _)| *clients == ClientCertificates::All)
            .map(|(_, name)| name.as_str())
            .collect();
        let also = if others.is_empty() { String::new() } else { format!(", for {}, too", others.join(", ")) };
        let what = match mode {
            ClientMode::Required => {
                format!("tls.client_ca: a client without a certificate of this authority is refused{also}")
            }
            ClientMode::Optional => format!(
                "tls.client_ca, mode: optional: a client with a certificate of another authority is refused{also}"
            ),
        };
        for (clients, _) in sites.iter() {
            let ClientCertificates::Of(_, _, origins) = clients else { continue };
            for origin in origins {
                self.report.kept(&origin.place, &origin.shown, what.clone());
            }
        }
        self.draft.tls.client_ca = chosen;
    }
}

const WRITE: &str = "Put the authority of the clients of all sites into one file, and name it in tls.client_ca";
