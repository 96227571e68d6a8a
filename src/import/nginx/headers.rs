//! Header fields: what `proxy_set_header`, `proxy_hide_header` and `add_header` do.

use super::login_service::answer_field;
use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::state::NginxState;
use super::translation::Translation;
use super::units;
use crate::import::fields::{self, Content};
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Origin, Part};

/// Which of the fields that matter to the gateway are set at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NginxRequests {
    pub(super) has_host: bool,
    pub(super) has_upgrade: bool,
    pub(super) has_client: bool,
}

/// Puts what `proxy_set_header` does into the rule. `resolve` gives a text that is the same for all requests.
pub(super) fn requests(
    scope: &NginxScope<'_>,
    rule: &mut ImportRule,
    mut resolve: impl FnMut(&str) -> Option<String>,
) -> NginxRequests {
    let mut found = NginxRequests::default();
    for directive in scope.all("proxy_set_header") {
        let name = directive.first();
        let value = directive.args.get(1).map_or("", String::as_str);
        let lower = name.to_ascii_lowercase();
        found.has_host |= lower == "host";
        found.has_upgrade |= lower == "upgrade" && !value.is_empty();
        found.has_client |= matches!(lower.as_str(), "x-forwarded-for" | "x-real-ip") && !value.is_empty();
        // The route's login sets it.
        if scope.last("auth_request").is_some_and(|request| request.first() != "off")
            && let Some((set, field)) = answer_field(scope, value)
            && field == lower
        {
            rule.say(&origin(directive), Part::Auth);
            rule.say(&origin(set), Part::Auth);
            continue;
        }
        let fixed = resolve(value);
        let field = value.strip_prefix("$http_").map(|field| field.replace('_', "-"));
        let content = match (value, fixed.as_deref(), field.as_deref()) {
            ("$remote_user", ..) => Content::User,
            ("$remote_addr" | "$realip_remote_addr", ..) => Content::Client,
            ("$http_host", ..) => Content::Host,
            (_, Some(text), _) if text.trim().is_empty() => Content::Nothing,
            (_, Some(text), _) => Content::Text(text),
            (_, None, Some(field)) => Content::Field(field),
            _ => Content::Other,
        };
        fields::set_request(rule, &origin(directive), name, content);
    }
    found
}

impl<'a> Translation<'a, '_> {
    /// Puts what happens to the fields of answers into the rule.
    pub(super) fn response_fields(&mut self, state: &NginxState<'a>, rule: &mut ImportRule) {
        for directive in state.scope.all("proxy_hide_header") {
            fields::set_response(rule, &origin(directive), directive.first(), Content::Nothing);
        }
        let reached = state.scope.all("add_header");
        for directive in &reached {
            let value = directive.args.get(1).map_or("", String::as_str);
            let content = if value.contains('$') { Content::Other } else { Content::Text(value) };
            if let Some(seconds) = fields::set_response(rule, &origin(directive), directive.first(), content) {
                self.set_hsts(Some(seconds));
            }
        }
        for lost in state.scope.everywhere("add_header") {
            if reached.iter().any(|other| std::ptr::eq(*other, lost)) {
                continue;
            }
            let is_hsts = lost.first().eq_ignore_ascii_case("strict-transport-security");
            let (verdict, text) = if is_hsts {
                self.set_hsts(fields::max_age(lost.args.get(1).map_or("", String::as_str)));
                let text = "a location with an add_header of its own discards it. frontgate sends it with every answer over https";
                (ImportVerdict::Wrong, text)
            } else {
                (ImportVerdict::NotNeeded, "a location with an add_header of its own discards it")
            };
            rule.say(&origin(lost), Part::Remark(verdict, text.into()));
        }
    }
}

/// The directive as the report has it, without secrets.
fn origin(directive: &NginxDirective) -> Origin {
    if fields::hides_the_rest(directive.first()) {
        return Origin::of(&directive.place, format!("{} {} ***", directive.name, directive.first()));
    }
    directive.origin()
}

/// The size of the buffers for request heads.
pub(super) fn buffers(directive: &NginxDirective) -> Option<u64> {
    let number = directive.first().parse::<u64>().ok()?;
    number.checked_mul(units::size(directive.args.get(1)?)?)
}
