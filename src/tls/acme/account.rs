//! The account with the authority: the one that is kept, or a new one.

use instant_acme::{Account, Error, ExternalAccountKey, NewAccount};
use tracing::info;

use super::order::patiently;
use super::store::{AcmeStore, KeptAccount};
use super::transport::RecordingClient;
use crate::config::Acme;

/// Opens the account. Reads the directory anew, so that the terms and endpoints are the authority's current ones.
pub(super) async fn open(settings: &Acme, store: &AcmeStore, http: &RecordingClient) -> Result<Account, Error> {
    let builder = || Account::builder_with_http(Box::new(http.clone()));
    let email = settings.email.as_ref().map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = email.as_deref().into_iter().collect();
    if let Some(KeptAccount { email, credentials }) = store.account() {
        let again = serde_json::to_string(&credentials)?;
        let account = builder().from_credentials(credentials).await?;
        if email != settings.email {
            patiently!(account.update_contacts(&contact))?;
            let credentials = serde_json::from_str(&again)?;
            store.keep_account(&KeptAccount { email: settings.email.clone(), credentials }).await;
        }
        return Ok(account);
    }
    let eab = match (&settings.eab.kid, &settings.eab.hmac) {
        (Some(kid), Some(hmac)) => Some(ExternalAccountKey::new(kid.clone(), hmac.expose())),
        _ => None,
    };
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let url = settings.directory.url();
    let (account, credentials) = patiently!(builder().create(&new, url.to_owned(), eab.as_ref()))?;
    store.keep_account(&KeptAccount { email: settings.email.clone(), credentials }).await;
    info!(directory = url, account = account.id(), "opened an account; its terms of service are accepted");
    Ok(account)
}
