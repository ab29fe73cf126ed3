//! Posts the webhooks that are due, one after the other, on a thread of its own.

use super::{
    queue::{self, Attempt, Queued},
    seal::{Forge, Sealer, Unsealed},
    settings::{self, Hook},
};
use crate::host::Host;
use sendgate_core::sql::SqlError;
use std::{sync::Arc, time::Duration};

/// Starts the thread. It ends with the program.
pub(crate) fn start(host: Arc<Host>) {
    std::thread::spawn(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .into();
        loop {
            let seen = host.changes();
            let wait = match pass(&host, &agent) {
                Ok(None) => continue,
                Ok(Some(wait)) => wait,
                Err(error) => {
                    eprintln!("sendgate-simulator: {error}");
                    LONGEST_WAIT
                }
            };
            host.wait_for_change(seen, wait);
        }
    });
}

/// Posts the next webhook that is due; when there is none, how long to wait for the next.
fn pass(host: &Host, agent: &ureq::Agent) -> Result<Option<Duration>, SqlError> {
    let now = host.now();
    let found = host.transaction(|sql| {
        let Some(queued) = queue::due(sql, now)? else { return Ok(None) };
        let hooks = settings::load(sql)?;
        let hook = hooks.into_iter().find(|(provider, _)| *provider == queued.provider).map(|(_, hook)| hook);
        Ok::<_, SqlError>(Some((hook.unwrap_or_else(|| Hook::to(queued.url.clone())), queued)))
    })?;
    let Some((hook, queued)) = found else {
        let next = host.transaction(|sql| queue::next(sql))?;
        let wait = next.map_or(LONGEST_WAIT, |next| Duration::from_millis(next.since(now)));
        return Ok(Some(wait.min(LONGEST_WAIT)));
    };
    let attempt = post(host, agent, &hook, &queued);
    let now = host.now();
    host.transaction(|sql| queue::attempted(sql, &queued, &hook, &attempt, now))?;
    Ok(None)
}

fn post(host: &Host, agent: &ureq::Agent, hook: &Hook, queued: &Queued) -> Attempt {
    let sealer = Sealer { keys: host.keys(), hook, base_url: &host.base_url() };
    let unsealed = Unsealed {
        provider: queued.provider,
        event: &queued.event,
        payload: &queued.payload,
        origin: u64::try_from(queued.origin).unwrap_or(0),
        made: queued.made,
        forge: queued.forge.as_deref().and_then(Forge::from_word),
    };
    let sealed = match sealer.seal(&unsealed, host.now()) {
        Ok(sealed) => sealed,
        Err(problem) => return Attempt::Failed(problem),
    };
    let mut request = agent.post(&queued.url);
    for (name, value) in &sealed.headers {
        request = request.header(name, value);
    }
    match request.send(&sealed.body[..]) {
        Ok(response) => Attempt::Answered(response.status().as_u16()),
        Err(error) => Attempt::Failed(error.to_string()),
    }
}

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The clock of the machine may be set.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
