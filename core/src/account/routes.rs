//! The routes of an account: one table, from which a request finds its way, the scope it needs, and what a wrong method
//! is told.

use crate::config::Scope;
use alloc::{string::String, vec::Vec};

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Takes messages.
    Send,
    /// Takes an email as Resend does.
    SendResend,
    /// Takes a batch as Resend does.
    SendResendBatch,
    /// Takes a message as Postmark does.
    SendPostmark,
    /// Takes a batch as Postmark does.
    SendPostmarkBatch,
    /// Tells where a message is, as Resend does.
    ReadResend,
    /// Moves a message's time, as Resend does.
    RescheduleResend,
    /// Cancels a message, as Resend does.
    CancelResend,
    /// Pages of messages.
    ListMessages,
    /// Takes one message for many.
    SendBulk,
    /// Tells where a message is.
    ReadMessage,
    /// Moves a message's time.
    RescheduleMessage,
    /// Cancels a message.
    CancelMessage,
    /// Tells every limit that applies.
    ReadLimits,
    /// Tells where the account stands, for Prometheus.
    ReadMetrics,
    /// Says what would become of a request.
    CheckLimits,
    /// Tells what is in use of the quotas.
    ReadUsage,
    /// Tells what the owner should know of.
    ListAlerts,
    /// Pages of the suppression list.
    ListSuppressions,
    /// Puts an address on the list.
    AddSuppression,
    /// Takes in a list.
    ImportSuppressions,
    /// The last imports.
    ListImports,
    /// How far an import is.
    ReadImport,
    /// Gives the list away.
    ExportSuppressions,
    /// An address's entries.
    ReadSuppression,
    /// Changes an address's entry.
    ChangeSuppression,
    /// Takes an address off the list.
    RemoveSuppression,
    /// Forgets a person.
    EraseSubject,
}

/// A route: a request of this method and path does this, if its key has the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method, in upper case.
    pub method: &'static str,
    /// The path. A segment in braces is a parameter; a path has at most one.
    pub path: &'static str,
    /// What a key must be allowed to do.
    pub scope: Scope,
    /// What happens.
    pub operation: Operation,
}

/// Every route of an account. Where two paths fit, the first one is meant.
pub const ROUTES: &[Route] = &[
    route("POST", "/v1/send", Scope::Send, Operation::Send),
    route("POST", "/emails", Scope::Send, Operation::SendResend),
    route("POST", "/emails/batch", Scope::Send, Operation::SendResendBatch),
    route("GET", "/emails/{id}", Scope::Read, Operation::ReadResend),
    route("PATCH", "/emails/{id}", Scope::Send, Operation::RescheduleResend),
    route("POST", "/emails/{id}/cancel", Scope::Send, Operation::CancelResend),
    route("POST", "/email", Scope::Send, Operation::SendPostmark),
    route("POST", "/email/batch", Scope::Send, Operation::SendPostmarkBatch),
    route("GET", "/v1/messages", Scope::Read, Operation::ListMessages),
    route("POST", "/v1/send/bulk", Scope::SendBulk, Operation::SendBulk),
    route("GET", "/v1/messages/{id}", Scope::Read, Operation::ReadMessage),
    route("PATCH", "/v1/messages/{id}", Scope::Send, Operation::RescheduleMessage),
    route("POST", "/v1/messages/{id}/cancel", Scope::Send, Operation::CancelMessage),
    route("GET", "/v1/trace/{id}", Scope::Read, Operation::ReadMessage),
    route("GET", "/v1/limits", Scope::Read, Operation::ReadLimits),
    route("GET", "/v1/metrics", Scope::Read, Operation::ReadMetrics),
    route("POST", "/v1/limits/check", Scope::Read, Operation::CheckLimits),
    route("GET", "/v1/usage", Scope::Read, Operation::ReadUsage),
    route("GET", "/v1/alerts", Scope::Read, Operation::ListAlerts),
    route("GET", "/v1/suppressions", Scope::Suppressions, Operation::ListSuppressions),
    route("POST", "/v1/suppressions", Scope::Suppressions, Operation::AddSuppression),
    route("POST", "/v1/suppressions/import", Scope::Suppressions, Operation::ImportSuppressions),
    route("GET", "/v1/suppressions/imports", Scope::Suppressions, Operation::ListImports),
    route("GET", "/v1/suppressions/imports/{id}", Scope::Suppressions, Operation::ReadImport),
    route("GET", "/v1/suppressions/export", Scope::Suppressions, Operation::ExportSuppressions),
    route("GET", "/v1/suppressions/{email}", Scope::Suppressions, Operation::ReadSuppression),
    route("PATCH", "/v1/suppressions/{email}", Scope::Suppressions, Operation::ChangeSuppression),
    route("DELETE", "/v1/suppressions/{email}", Scope::Suppressions, Operation::RemoveSuppression),
    route("DELETE", "/v1/subjects/{email}", Scope::Suppressions, Operation::EraseSubject),
];

/// What a method and a path come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'p> {
    /// A route, and its parameter as it stands in the path (empty when it has none).
    Route(&'static Route, &'p str),
    /// The path takes other methods: these, as `Allow` lists them.
    OtherMethod(String),
    /// No route has this path.
    Nothing,
}

/// Finds a request's route.
#[must_use]
pub fn find<'p>(method: &str, path: &'p str) -> Found<'p> {
    let Some((first, _)) = ROUTES.iter().find_map(|route| Some((route, parameter(route.path, path)?))) else {
        return Found::Nothing;
    };
    // Another path that would fit too is shadowed, for every method.
    let same_path = || ROUTES.iter().filter(|route| route.path == first.path);
    match same_path().find(|route| route.method == method) {
        Some(route) => Found::Route(route, parameter(route.path, path).unwrap_or_default()),
        None => Found::OtherMethod(same_path().map(|route| route.method).collect::<Vec<_>>().join(", ")),
    }
}

/// The part of `path` that stands where the pattern has its parameter, if the rest is equal.
fn parameter<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return (pattern == path).then_some("");
    };
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    let value = path.strip_prefix(before)?.strip_suffix(after)?;
    (!value.contains('/')).then_some(value)
}

const fn route(method: &'static str, path: &'static str, scope: Scope, operation: Operation) -> Route {
    Route { method, path, scope, operation }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_found_with_its_parameter() {
        let found = find("GET", "/v1/messages/msg_1");
        assert!(matches!(found, Found::Route(Route { operation: Operation::ReadMessage, .. }, "msg_1")), "{found:?}");
    }

    #[test]
    fn a_word_of_the_api_is_no_address() {
        assert_eq!(find("GET", "/v1/suppressions/import"), Found::OtherMethod("POST".into()));
        let found = find("PATCH", "/v1/suppressions/a%40example.com");
        assert!(matches!(found, Found::Route(_, "a%40example.com")), "{found:?}");
    }

    #[test]
    fn a_wrong_method_is_told_which_ones_there_are() {
        assert_eq!(find("PUT", "/v1/suppressions"), Found::OtherMethod("GET, POST".into()));
        assert_eq!(find("PUT", "/v1/suppressions/x"), Found::OtherMethod("GET, PATCH, DELETE".into()));
    }

    #[test]
    fn nothing_else_is_a_route() {
        for path in ["/", "/v1", "/v1/", "/v1/trace", "/v1/messages/a/b", "/v1/send/", "/v1/limits/x", "v1/send"] {
            assert_eq!(find("GET", path), Found::Nothing, "{path}");
        }
    }

    #[test]
    fn no_row_stands_twice_and_no_path_has_two_parameters() {
        for (at, route) in ROUTES.iter().enumerate() {
            assert!(route.path.matches('{').count() <= 1, "{}", route.path);
            let again =
                ROUTES.iter().skip(at + 1).find(|other| (other.method, other.path) == (route.method, route.path));
            assert_eq!(again, None);
        }
    }
}
