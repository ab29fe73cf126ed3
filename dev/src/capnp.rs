//! The configuration that `workerd serve` reads.

use crate::workerd::{Reach, Settings};
use std::path::Path;

/// The configuration's text. The Worker's modules lie next to the file it is written to.
pub(crate) fn config(settings: &Settings, objects: &Path) -> String {
    let bindings: String = settings
        .bindings
        .iter()
        .map(|(name, value)| format!("    (name = {}, text = {}),\n", quoted(name), quoted(value)))
        .collect();
    let bound: String = settings.services.iter().map(|(name, _)| service_binding(name)).collect();
    let mut services: String = settings.services.iter().map(|(name, module)| service(name, module, "")).collect();
    services.extend(settings.outbound.iter().map(|module| service(OUTBOUND, module, &bindings_of("internet", ""))));
    let calling = bindings_of("sendgate", r#", compatibilityFlags = ["service_binding_extra_handlers"]"#);
    services.extend(settings.callers.iter().map(|(port, module)| service(&caller(*port), module, &calling)));
    let sockets: String = settings.callers.iter().map(|(port, _)| socket(&caller(*port), *port)).collect();
    let namespaces: String = CLASSES.iter().map(|(class, _)| namespace(class)).collect();
    let objects_bound: String = CLASSES.iter().map(|(class, name)| object_binding(class, name)).collect();
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "sendgate", worker = .sendgate),
    (name = "objects", disk = (path = {objects}, writable = true)),
    (name = "internet", network = ({network})),
{services}  ],
  sockets = [
{first}{sockets}  ],
);
const sendgate :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "sendgate.wasm", wasm = embed "sendgate.wasm"),
  ],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  durableObjectNamespaces = [
{namespaces}  ],
  durableObjectStorage = (localDisk = "objects"),
  globalOutbound = {outbound},
  bindings = [
{objects_bound}{bound}{bindings}  ],
);
"#,
        objects = quoted(&objects.to_string_lossy()),
        network = network(settings),
        first = socket("sendgate", settings.port),
        outbound = quoted(if settings.outbound.is_some() { OUTBOUND } else { "internet" }),
    )
}

fn network(settings: &Settings) -> String {
    let roots: Vec<String> = settings.roots.iter().map(|root| quoted(root)).collect();
    let trusted = format!("trustedCertificates = [{}]", roots.join(", "));
    match settings.reach {
        Reach::Loopback => format!(r#"allow = ["local"], tlsOptions = ({trusted})"#),
        Reach::Internet => {
            format!(r#"allow = ["local", "private", "public"], tlsOptions = (trustBrowserCas = true, {trusted})"#)
        }
    }
}

fn namespace(class: &str) -> String {
    format!("    (className = \"{class}\", uniqueKey = \"sendgate-{class}\", enableSql = true),\n")
}

fn object_binding(class: &str, name: &str) -> String {
    format!("    (name = \"{name}\", durableObjectNamespace = \"{class}\"),\n")
}

fn service_binding(name: &str) -> String {
    format!("    (name = {0}, service = {0}),\n", quoted(name))
}

/// A Worker of one module; `more` are fields beside that.
fn service(name: &str, module: &str, more: &str) -> String {
    let (name, module) = (quoted(name), quoted(module));
    format!(
        "    (name = {name}, worker = (modules = [(name = \"service.js\", esModule = {module})], \
         compatibilityDate = \"{COMPATIBILITY_DATE}\"{more})),\n"
    )
}

/// The one binding of a Worker, with what else it needs.
fn bindings_of(service: &str, more: &str) -> String {
    format!(", bindings = [(name = {0}, service = {0})]{more}", quoted(service))
}

fn socket(service: &str, port: u16) -> String {
    format!("    (name = {0}, address = \"127.0.0.1:{port}\", http = (), service = {0}),\n", quoted(service))
}

fn caller(port: u16) -> String {
    format!("caller-{port}")
}

/// Text as Cap'n Proto writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// The service that takes what leaves the Worker, where a module does.
const OUTBOUND: &str = "outbound";

/// The Durable Object classes and the bindings that reach them. `Sandbox` is in development builds only.
const CLASSES: [(&str, &str); 3] =
    [("AccountGate", "ACCOUNT_GATE"), ("Directory", "DIRECTORY"), ("Sandbox", "SANDBOX")];

/// The platform's behaviour of this day; `wrangler.toml` names the same one. Since then whatever an object waits for keeps
/// it in memory.
const COMPATIBILITY_DATE: &str = "2026-10-01";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_so_that_json_survives() {
        assert_eq!(quoted("{\"a\":\"b\\n\"}\nü"), "\"{\\\"a\\\":\\\"b\\\\n\\\"}\\nü\"");
    }
}
