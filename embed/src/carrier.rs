//! Carries calls to providers.

use crate::{http::Web, smtp::Mail};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use sendgate_core::{
    outcome::TransportFailure,
    transport::{Call, Reply},
};
use std::{fmt, sync::Arc, time::Duration};

/// Whose certificates a server may show.
#[derive(Clone, Debug)]
pub enum Roots {
    /// The public authorities' that Mozilla trusts.
    Public,
    /// These alone, in DER.
    Only(Vec<Vec<u8>>),
}

/// Carries calls, one at a time or from several threads, and keeps connections for the next ones.
///
/// ```
/// use sendgate_core::{http::HttpRequest, outcome::TransportFailure, transport::Call};
/// use sendgate_embed::{Carrier, Roots};
/// use std::time::Duration;
///
/// let carrier = Carrier::new(&Roots::Public)?;
/// let url = "http://127.0.0.1:1/".into();
/// let nobody = Call::Http(HttpRequest { method: "POST", url, headers: vec![], body: b"{}".to_vec() });
/// assert_eq!(carrier.carry(&nobody, Duration::from_secs(5)), Err(TransportFailure::NotSent));
/// # Ok::<(), sendgate_embed::CarrierError>(())
/// ```
pub struct Carrier {
    web: Web,
    mail: Mail,
}

impl Carrier {
    /// A carrier that trusts servers with certificates of `roots`.
    ///
    /// # Errors
    /// [`CarrierError::Root`] for a root that is no certificate.
    pub fn new(roots: &Roots) -> Result<Self, CarrierError> {
        let mut store = RootCertStore::empty();
        match roots {
            Roots::Public => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Roots::Only(roots) => {
                for (index, root) in roots.iter().enumerate() {
                    let root = CertificateDer::from(root.as_slice()).into_owned();
                    store.add(root).map_err(|_| CarrierError::Root { index })?;
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| CarrierError::Tls)?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self { web: Web::new(roots), mail: Mail::new(Arc::new(config)) })
    }

    /// Carries a call out, within `timeout` altogether. Redirects are answers, not followed.
    ///
    /// # Errors
    /// [`TransportFailure::NotSent`] when the provider surely has not got the request: no connection, no encryption, or
    /// lost before its last byte was written. [`TransportFailure::MaybeSent`] for whatever goes wrong after that. A
    /// Worker's binding is not here: its call was not sent.
    pub fn carry(&self, call: &Call, timeout: Duration) -> Result<Reply, TransportFailure> {
        match call {
            Call::Http(request) => self.web.send(request, timeout).map(Reply::Http),
            Call::Smtp(mail) => self.mail.send(mail, timeout),
            Call::Binding(_) => Err(TransportFailure::NotSent),
        }
    }
}

/// Shows nothing: kept connections are logged in.
impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carrier(..)")
    }
}

/// Why a carrier could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CarrierError {
    /// A root is no certificate.
    Root {
        /// Which of the list.
        index: usize,
    },
    /// TLS is not there in any version that is safe.
    Tls,
}

impl CarrierError {
    /// A stable word for the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Root { .. } => "carrier_root",
            Self::Tls => "carrier_tls",
        }
    }
}

impl fmt::Display for CarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root { index } => write!(f, "roots[{index}] is not a certificate in DER"),
            Self::Tls => f.write_str("no version of TLS is available"),
        }
    }
}

impl std::error::Error for CarrierError {}
