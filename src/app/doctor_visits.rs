//! [`DoctorVisits`]: the doctor, for the page of the admin listener: one look at a time, each within a time limit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::certificates::off_thread;
use crate::admin::OperationRefused;
use crate::config::{BindAddr, Config};
use crate::doctor::{ConfigChoice, DoctorRequest, GatewayConfig, examine};

/// Looks at everything that `frontgate doctor` looks at, for an operator with a browser.
#[derive(Clone)]
pub(super) struct DoctorVisits {
    /// Where the admin listener is, which an inherited socket may decide.
    admin: Option<SocketAddr>,
    turn: Arc<Semaphore>,
}

impl DoctorVisits {
    /// For a process whose admin listener is at `admin`, or on a unix socket.
    pub(super) fn new(admin: Option<SocketAddr>) -> Self {
        Self { admin, turn: Arc::new(Semaphore::new(1)) }
    }

    /// The report on `config`, as `frontgate doctor --json` prints it.
    pub(super) async fn look(&self, mut config: Config) -> Result<Value, OperationRefused> {
        let refused = |status, why: &str| OperationRefused { status, why: why.to_owned() };
        let Ok(turn) = Arc::clone(&self.turn).try_acquire_owned() else {
            return Err(refused(StatusCode::CONFLICT, "the doctor looks already; its findings come in a moment"));
        };
        if let Some(at) = self.admin {
            config.admin.address = Some(BindAddr::Tcp(at));
        }
        // It reads files and blocks, and what is asked of this very process is answered on another thread meanwhile.
        let looked = off_thread(move || {
            let _turn = turn;
            let runtime = Builder::new_current_thread().enable_all().build().ok()?;
            let (gateway_config, looked) = GatewayConfig::look();
            // What runs is this very process, and it needs not ask itself.
            let asked = ConfigChoice::Flags;
            let question = DoctorRequest { config, file: None, asked, origins: Vec::new(), gateway_config, looked };
            let report = runtime.block_on(async { timeout(LONGEST, examine(&question)).await.ok() });
            // A resolver that does not answer keeps nothing waiting.
            runtime.shutdown_background();
            Some(report?.json())
        });
        let late = || {
            refused(
                StatusCode::GATEWAY_TIMEOUT,
                "the doctor has found no end: `frontgate doctor` in a terminal says more",
            )
        };
        timeout(LONGEST + A_FILE, looked).await.ok().flatten().ok_or_else(late)
    }
}

/// Every look has a time limit of its own, and all together take ten seconds at most.
const LONGEST: Duration = Duration::from_secs(20);
/// For the files that are read before.
const A_FILE: Duration = Duration::from_secs(5);
