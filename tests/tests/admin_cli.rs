//! `cli/sendgate-admin.mjs` against workerd: its own tests, in Node, beside a deployment of their own.
#![allow(clippy::unwrap_used, reason = "a test's own steps fail by panicking")]

mod running;

use running::*;
use sendgate_dev::{checkout, free_port};
use std::process::Command;

/// R064, R074, R075, R035: accounts, keys, plans, providers, domains and the audit log from a shell; a resolver on loopback.
#[test]
fn the_command_line_does_what_it_says() {
    let resolver = free_port().unwrap();
    let sendgate = Running::start_with(
        "sandbox",
        |_| {},
        |settings| settings.bind("SENDGATE_RESOLVER", &format!("http://127.0.0.1:{resolver}/dns-query")),
    );
    let output = Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .arg(checkout().join("cli/test/cli.test.mjs"))
        .env("SENDGATE_URL", sendgate.workerd.base_url())
        .env("SENDGATE_ADMIN_TOKEN", ADMIN_TOKEN)
        .env("RESOLVER_PORT", resolver.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // A runner that finds no test ends well, too.
    assert!(text.contains("pass 9"), "{text}");
}
