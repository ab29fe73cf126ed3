//! The certificate of the SMTP listeners: made at every start, signed by itself.

use crate::smtp::session::DOMAIN;
use std::sync::Arc;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

/// What accepts TLS, and the certificate as PEM for a client to trust.
pub(crate) fn make() -> Result<(TlsAcceptor, String), String> {
    let names = ["localhost", "127.0.0.1", "::1", DOMAIN].map(String::from).to_vec();
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(String::from)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(|error| error.to_string())?;
    Ok((TlsAcceptor::from(Arc::new(config)), made.cert.pem()))
}
