//! Routes as the languages make them that do not build an [`ImportTree`](super::tree::ImportTree).

use super::draft::{self, DraftHeaderRules, DraftRespond, DraftTimeouts};
use super::matching::{DraftMatch, DraftPath};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct DraftRoute {
    pub(super) comment: Vec<String>,
    pub(super) host: Option<String>,
    pub(super) path: Option<String>,
    pub(super) answer: DraftAnswer,
    pub(super) auth: DraftAuth,
    pub(super) request_headers: DraftHeaderRules,
    pub(super) response_headers: DraftHeaderRules,
    pub(super) timeouts: DraftTimeouts,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum DraftAnswer {
    #[default]
    Default,
    Upstream(String),
    Respond(DraftRespond),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum DraftAuth {
    #[default]
    Inherited,
    None,
    Basic {
        users: Vec<(String, String)>,
        user_header: Option<String>,
    },
}

impl From<DraftAuth> for draft::DraftAuth {
    fn from(auth: DraftAuth) -> Self {
        match auth {
            DraftAuth::Inherited => Self::Inherited,
            DraftAuth::None => Self::None,
            DraftAuth::Basic { users, user_header } => {
                Self::Basic { users, user_headers: user_header.into_iter().collect() }
            }
        }
    }
}

impl From<DraftRoute> for draft::DraftRoute {
    fn from(route: DraftRoute) -> Self {
        Self {
            comment: route.comment,
            host: route.host,
            when: DraftMatch { path: route.path.map(DraftPath::Prefix), ..DraftMatch::default() },
            answer: match route.answer {
                DraftAnswer::Default => draft::DraftAnswer::Default,
                DraftAnswer::Upstream(name) => draft::DraftAnswer::Upstream(name),
                DraftAnswer::Respond(answer) => draft::DraftAnswer::Respond(answer),
            },
            auth: route.auth.into(),
            request_headers: route.request_headers,
            response_headers: route.response_headers,
            timeouts: route.timeouts,
            ..Self::default()
        }
    }
}
