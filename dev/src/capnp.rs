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
    let services: String = settings.services.iter().map(|(name, module)| service(name, module)).collect();
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
  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "sendgate")],
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
  bindings = [
{objects_bound}{bound}{bindings}  ],
);
"#,
        objects = quoted(&objects.to_string_lossy()),
        network = network(settings),
        port = settings.port,
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

fn service(name: &str, module: &str) -> String {
    let (name, module) = (quoted(name), quoted(module));
    format!(
        "    (name = {name}, worker = (modules = [(name = \"service.js\", esModule = {module})], \
         compatibilityDate = \"{COMPATIBILITY_DATE}\")),\n"
    )
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
