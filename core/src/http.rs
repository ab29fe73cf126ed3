//! HTTP messages as plain values. The core builds and reads them; a host carries them.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

/// A request's header field: most have the same words in every request.
pub type HeaderField = (&'static str, Cow<'static, str>);

/// A request to carry out.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `POST` or `GET`.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// Header fields, in the order they are to be sent.
    pub headers: Vec<HeaderField>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// Shows the method and the sizes only: headers carry credentials, URLs and bodies carry addresses.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpRequest({} with {} headers, {} bytes)", self.method, self.headers.len(), self.body.len())
    }
}

/// A response as it came, or as it is to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first field of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// Shows the status and the sizes only: bodies carry addresses.
impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpResponse({} with {} headers, {} bytes)", self.status, self.headers.len(), self.body.len())
    }
}
