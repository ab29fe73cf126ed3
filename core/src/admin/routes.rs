//! The routes of the admin API: one table, from which a request finds its way and what a wrong method is told.

use alloc::{string::String, vec::Vec};

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Pages of the accounts.
    ListAccounts,
    /// Makes an account.
    CreateAccount,
    /// Shows an account.
    ReadAccount,
    /// Changes an account's settings.
    ChangeAccount,
    /// Closes an account: its mail is held, its name stays taken.
    CloseAccount,
    /// Gives an account another plan.
    ChangePlan,
    /// Shows an account's keys.
    ListKeys,
    /// Makes a key, and shows it this once.
    CreateKey,
    /// Shows a key's settings.
    ReadKey,
    /// Changes what a key may do.
    ChangeKey,
    /// Makes a key in the place of another one, which works on for a while.
    RotateKey,
    /// Ends a key.
    RevokeKey,
    /// Shows an account's providers.
    ListProviders,
    /// Adds a provider, as the last one.
    AddProvider,
    /// Shows a provider.
    ReadProvider,
    /// Changes a provider.
    ChangeProvider,
    /// Takes a provider away.
    RemoveProvider,
    /// Shows an account's sending domains, with the DNS records that they need.
    ListDomains,
    /// Gives an account a domain, pending until its records are found.
    AddDomain,
    /// Shows a domain.
    ReadDomain,
    /// Takes other values that providers made for a domain.
    ChangeDomain,
    /// Takes a domain away.
    RemoveDomain,
    /// Looks at a domain's records now.
    CheckDomain,
    /// Pages of the audit log.
    ListAudit,
    /// Walks the audit log's chain.
    VerifyAudit,
}

/// A route: a request of this method and path does this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method, in upper case.
    pub method: &'static str,
    /// The path. A segment in braces is a parameter; a path has at most two.
    pub path: &'static str,
    /// What happens.
    pub operation: Operation,
}

/// Every route of the admin API. No two of different paths fit the same request.
pub const ROUTES: &[Route] = &[
    route("GET", "/v1/admin/accounts", Operation::ListAccounts),
    route("POST", "/v1/admin/accounts", Operation::CreateAccount),
    route("GET", "/v1/admin/accounts/{account}", Operation::ReadAccount),
    route("PATCH", "/v1/admin/accounts/{account}", Operation::ChangeAccount),
    route("DELETE", "/v1/admin/accounts/{account}", Operation::CloseAccount),
    route("PUT", "/v1/admin/accounts/{account}/plan", Operation::ChangePlan),
    route("GET", "/v1/admin/accounts/{account}/keys", Operation::ListKeys),
    route("POST", "/v1/admin/accounts/{account}/keys", Operation::CreateKey),
    route("GET", "/v1/admin/accounts/{account}/keys/{key}", Operation::ReadKey),
    route("PATCH", "/v1/admin/accounts/{account}/keys/{key}", Operation::ChangeKey),
    route("DELETE", "/v1/admin/accounts/{account}/keys/{key}", Operation::RevokeKey),
    route("POST", "/v1/admin/accounts/{account}/keys/{key}/rotate", Operation::RotateKey),
    route("GET", "/v1/admin/accounts/{account}/providers", Operation::ListProviders),
    route("POST", "/v1/admin/accounts/{account}/providers", Operation::AddProvider),
    route("GET", "/v1/admin/accounts/{account}/providers/{provider}", Operation::ReadProvider),
    route("PATCH", "/v1/admin/accounts/{account}/providers/{provider}", Operation::ChangeProvider),
    route("DELETE", "/v1/admin/accounts/{account}/providers/{provider}", Operation::RemoveProvider),
    route("GET", "/v1/admin/accounts/{account}/domains", Operation::ListDomains),
    route("POST", "/v1/admin/accounts/{account}/domains", Operation::AddDomain),
    route("GET", "/v1/admin/accounts/{account}/domains/{domain}", Operation::ReadDomain),
    route("PATCH", "/v1/admin/accounts/{account}/domains/{domain}", Operation::ChangeDomain),
    route("DELETE", "/v1/admin/accounts/{account}/domains/{domain}", Operation::RemoveDomain),
    route("POST", "/v1/admin/accounts/{account}/domains/{domain}/check", Operation::CheckDomain),
    route("GET", "/v1/admin/audit", Operation::ListAudit),
    route("GET", "/v1/admin/audit/verify", Operation::VerifyAudit),
];

/// What a method and a path come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'p> {
    /// A route, and its parameters in their order; empty where it has fewer.
    Route(&'static Route, [&'p str; 2]),
    /// The path takes other methods: these, as `Allow` lists them.
    OtherMethod(String),
    /// No route has this path.
    Nothing,
}

/// Finds a request's route.
#[must_use]
pub fn find<'p>(method: &str, path: &'p str) -> Found<'p> {
    let fitting: Vec<_> = ROUTES.iter().filter_map(|route| Some((route, parameters(route.path, path)?))).collect();
    match fitting.iter().find(|(route, _)| route.method == method) {
        Some((route, parameters)) => Found::Route(route, *parameters),
        None if fitting.is_empty() => Found::Nothing,
        None => Found::OtherMethod(fitting.iter().map(|(route, _)| route.method).collect::<Vec<_>>().join(", ")),
    }
}

/// What stands where the pattern has its parameters, if the rest is equal.
fn parameters<'p>(pattern: &str, path: &'p str) -> Option<[&'p str; 2]> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let (mut found, mut count) = ([""; 2], 0_usize);
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {
                *found.get_mut(count)? = given;
                count += 1;
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            (Some(_) | None, Some(_) | None) => return None,
        }
    }
}

const fn route(method: &'static str, path: &'static str, operation: Operation) -> Route {
    Route { method, path, operation }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_found_with_its_parameters() {
        let found = find("POST", "/v1/admin/accounts/shop/keys/k1/rotate");
        let wanted = |route: &Route| route.operation == Operation::RotateKey;
        assert!(matches!(found, Found::Route(route, ["shop", "k1"]) if wanted(route)), "{found:?}");
        let found = find("GET", "/v1/admin/audit/verify");
        assert!(matches!(found, Found::Route(Route { operation: Operation::VerifyAudit, .. }, ["", ""])), "{found:?}");
    }

    #[test]
    fn a_wrong_method_is_told_which_ones_there_are() {
        assert_eq!(find("PUT", "/v1/admin/accounts/shop"), Found::OtherMethod("GET, PATCH, DELETE".into()));
        assert_eq!(find("POST", "/v1/admin/audit"), Found::OtherMethod("GET".into()));
    }

    #[test]
    fn nothing_else_is_a_route() {
        for path in ["/v1/admin", "/v1/admin/", "/v1/admin/accounts/", "/v1/admin/accounts//keys", "/v1/admin/audit/x"]
        {
            assert_eq!(find("GET", path), Found::Nothing, "{path}");
        }
    }

    #[test]
    fn no_row_stands_twice() {
        for (at, route) in ROUTES.iter().enumerate() {
            let again =
                ROUTES.iter().skip(at + 1).find(|other| (other.method, other.path) == (route.method, route.path));
            assert_eq!(again, None);
        }
    }
}
