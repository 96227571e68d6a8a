//! `mod_auth_openidc`, as `auth.oidc`: pure.

use std::time::Duration;

use super::access::{CLAIM, origin_of};
use super::scope::{FieldValue, SectionBody};
use crate::import::draft::DraftOidc;
use crate::import::node::ImportNode;
use crate::import::tree::{Origin, Shut};

/// `AuthType openid-connect`, in lower case.
pub(super) const AUTH_TYPE: &str = "openid-connect";

/// A login at an issuer.
pub(super) struct OpenIdLogin {
    pub(super) draft: DraftOidc,
    /// The directives that say so.
    pub(super) origins: Vec<Origin>,
    /// What is otherwise from here on, or has to be done.
    pub(super) remarks: Vec<(Origin, String)>,
}

/// The login of a section in which users of these names or claims may pass, or all. `require` is the directive that asks for them.
///
/// # Errors
/// Where the same users cannot be let in.
pub(super) fn login(
    directives: &[ImportNode],
    body: &SectionBody,
    names: Option<&[String]>,
    require: &Origin,
) -> Result<OpenIdLogin, Shut> {
    let shut =
        |origin: &Origin, why: &str| Shut { origin: origin.clone(), why: why.to_owned(), write: WRITE.to_owned() };
    if let Some(origin) = &body.openid {
        return Err(shut(origin, "it changes the login for some paths only"));
    }
    let mut settings = OpenIdSettings::default();
    for node in directives {
        let (origin, value) = (origin_of(node), node.arg(0).to_owned());
        let setting = match node.name.as_str() {
            "oidcprovidermetadataurl" => &mut settings.metadata,
            "oidcclientid" => &mut settings.client,
            "oidcclientsecret" => &mut settings.secret,
            "oidcscope" => &mut settings.scope,
            "oidcremoteuserclaim" if node.args.len() == 1 => &mut settings.user,
            "oidcsessionmaxduration" => &mut settings.longest,
            "oidcsessioninactivitytimeout" => &mut settings.idle,
            "oidcredirecturi" => &mut settings.redirect,
            name if HARMLESS.split(' ').any(|one| one == name) => &mut settings.rest,
            _ => return Err(shut(&origin, "it may decide which users pass")),
        };
        *setting = Some((origin, value));
    }
    let (metadata, url) =
        settings.metadata.as_ref().ok_or_else(|| shut(require, "there is no OIDCProviderMetadataURL for it"))?;
    let issuer = url.strip_suffix("/.well-known/openid-configuration").filter(|issuer| issuer.starts_with("https://"));
    let issuer =
        issuer.ok_or_else(|| shut(metadata, "it is no https URL that ends in /.well-known/openid-configuration"))?;
    let (_, client) = settings.client.as_ref().ok_or_else(|| shut(require, "there is no OIDCClientID for it"))?;
    if let Some((origin, _)) = settings.secret.as_ref().filter(|(_, secret)| secret.starts_with("exec:")) {
        return Err(shut(origin, "a program tells the secret"));
    }
    let claim = settings.user.as_ref().map(|(_, claim)| claim.as_str());
    let tells = body.headers.iter().find(|change| change.of_request && change.value == FieldValue::User);
    if let Some(change) = tells.filter(|_| claim != Some("email")) {
        return Err(shut(
            &change.origin,
            "the name there is not the e-mail address, and the gateway would get another one",
        ));
    }
    let allow = allowed(names, claim).map_err(|why| shut(require, why))?;
    let mut scopes = vec!["openid".to_owned()];
    if let Some((_, scope)) = &settings.scope {
        scopes.extend(scope.split_whitespace().filter(|one| *one != "openid").map(str::to_owned));
    }
    let longest = match &settings.longest {
        None => EIGHT_HOURS,
        Some((origin, seconds)) => match seconds.parse() {
            Ok(seconds) if (1..=LONGEST).contains(&seconds) => Duration::from_secs(seconds),
            _ => return Err(shut(origin, "such a time cannot be said")),
        },
    };
    let draft = DraftOidc {
        issuer: issuer.to_owned(),
        client: (client.clone(), settings.secret.as_ref().map(|(_, secret)| secret.clone())),
        scopes,
        allow,
        session: Some(longest),
        user_headers: Vec::new(),
    };
    let mut remarks = Vec::new();
    let (origin, uri) = settings.redirect.as_ref().map_or((metadata, "the one before"), |(at, uri)| (at, uri.as_str()));
    remarks.push((
        origin.clone(),
        format!(
            "register at the issuer, for each name that users open, the redirect URI https://NAME/.frontgate/callback in place of {uri}, and \
             https://NAME/.frontgate/logged-out for after the logout; until then it refuses every login"
        ),
    ));
    let (origin, seconds) = settings.idle.as_ref().map_or((metadata, "300"), |(at, seconds)| (at, seconds.as_str()));
    remarks.push((
        origin.clone(),
        format!(
            "a login that was not used for {seconds} s ended there; here it ends with auth.oidc.session, used or not"
        ),
    ));
    if draft.allow.iter().any(|(list, _)| *list == "emails") {
        remarks.push((require.clone(), "an address counts only if the issuer says that it is verified".to_owned()));
    }
    let said = [settings.metadata, settings.client, settings.secret, settings.scope, settings.user, settings.longest];
    let origins = said.into_iter().flatten().map(|(origin, _)| origin).collect();
    Ok(OpenIdLogin { draft, origins, remarks })
}

/// What the directives say, each with its origin.
#[derive(Default)]
struct OpenIdSettings {
    metadata: Option<(Origin, String)>,
    client: Option<(Origin, String)>,
    secret: Option<(Origin, String)>,
    scope: Option<(Origin, String)>,
    user: Option<(Origin, String)>,
    longest: Option<(Origin, String)>,
    idle: Option<(Origin, String)>,
    redirect: Option<(Origin, String)>,
    rest: Option<(Origin, String)>,
}

/// The lists of `auth.oidc.allow` for these users. `claim` is what names of users are compared with.
fn allowed(names: Option<&[String]>, claim: Option<&str>) -> Result<Vec<(&'static str, Vec<String>)>, &'static str> {
    // Where another claim names users, one that lacks it is refused there.
    let own = match claim {
        None | Some("sub" | "sub@") => None,
        Some("email") => Some("emails"),
        Some("groups") => Some("groups"),
        Some(_) => Some(""),
    };
    let Some(names) = names else {
        return if own.is_none() { Ok(vec![("subjects", vec!["*".to_owned()])]) } else { Err(NAMELESS) };
    };
    if names.is_empty() {
        return Err("what is asked for together cannot be said");
    }
    let mut lists: Vec<(&'static str, Vec<String>)> = Vec::new();
    for name in names {
        let (claim, value) = match name.strip_prefix(CLAIM) {
            Some(asked) => asked.split_once(':').ok_or("frontgate asks for claims of one value only")?,
            None => (claim.unwrap_or("sub@"), name.as_str()),
        };
        let list = match claim {
            "sub" if value != "*" => "subjects",
            "groups" => "groups",
            "email" => "emails",
            _ => return Err("frontgate asks for the claims sub, email and groups only"),
        };
        match lists.iter_mut().find(|(own, _)| *own == list) {
            Some((_, values)) => values.push(value.to_owned()),
            None => lists.push((list, vec![value.to_owned()])),
        }
    }
    if own.is_some_and(|own| lists.iter().any(|(list, _)| *list != own)) {
        return Err(NAMELESS);
    }
    Ok(lists)
}

const NAMELESS: &str = "a user without the claim of OIDCRemoteUserClaim is refused there, and here it would pass under its sub. In `allow` write \
                        `domains` or `emails`, by which a user passes with a verified address only";
/// Directives that decide nothing about which users pass.
const HARMLESS: &str = "oidccryptopassphrase oidcsessiontype oidccookie oidccookiesamesite oidccookiehttponly oidcclientname oidchtmlerrortemplate \
                        oidcpassclaimsas oidcclaimprefix oidcclaimdelimiter oidccachetype oidccacheshmmax oidccacheshmentrysizemax oidccachedir \
                        oidcstatetimeout oidcpkcemethod oidcdefaulturl oidcdefaultloggedouturl oidcprovidermetadatarefreshinterval oidcinfohook \
                        oidcstateinputheaders oidchttptimeoutlong oidchttptimeoutshort oidcstripcookies oidcpassidtokenas oidcpassuserinfoas";
const EIGHT_HOURS: Duration = Duration::from_hours(8);
/// Thirty days.
const LONGEST: u64 = 30 * 24 * 3600;
const WRITE: &str = "Write the login into the route: `auth: { oidc: { issuer: URL, client_id: NAME, client_secret: { file: FILE }, allow: … } }`, and \
                     register https://NAME/.frontgate/callback at the issuer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_those_of_a_list_or_none() {
        let claims = |all: &[&str]| all.iter().map(|one| format!("{CLAIM}{one}")).collect::<Vec<_>>();
        let list = |name, all: &[&str]| (name, all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(allowed(None, None), Ok(vec![list("subjects", &["*"])]));
        let found = allowed(Some(&claims(&["groups:a", "email:ann@example.com", "groups:b"])), None);
        assert_eq!(found, Ok(vec![list("groups", &["a", "b"]), list("emails", &["ann@example.com"])]));
        let ann = ["ann".to_owned()];
        assert_eq!(allowed(Some(&ann), Some("sub")), Ok(vec![list("subjects", &["ann"])]));
        assert!(allowed(Some(&[]), Some("sub")).is_err());
        // A user without an address would pass here.
        for claim in ["email", "groups", "upn"] {
            assert_eq!(allowed(None, Some(claim)), Err(NAMELESS), "{claim}");
            for asked in [&["sub:1", "email:ann@example.com"][..], &["sub:1", "groups:a"]] {
                assert_eq!(allowed(Some(&claims(asked)), Some(claim)), Err(NAMELESS), "{claim}");
            }
        }
        assert_eq!(allowed(None, Some("sub")), Ok(vec![list("subjects", &["*"])]));
        let ann_s = ["ann@example.com".to_owned()];
        assert_eq!(allowed(Some(&ann_s), Some("email")), Ok(vec![list("emails", &["ann@example.com"])]));
        // Without a claim the names there are `sub@issuer`.
        assert!(allowed(Some(&ann), None).is_err() && allowed(Some(&ann), Some("upn")).is_err());
        for odd in ["sub:*", "roles:a", "email~.*@example.com", "groups"] {
            assert!(allowed(Some(&claims(&[odd])), None).is_err(), "{odd}");
        }
    }
}
