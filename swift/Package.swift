// swift-tools-version:5.9
import PackageDescription

// The library itself, libsendgate_ffi, is built by `cargo build --release -p sendgate-ffi` and found by the linker:
// `swift build -Xlinker -L../target/release`.
let package = Package(
    name: "Sendgate",
    platforms: [.macOS(.v12), .iOS(.v15)],
    products: [.library(name: "Sendgate", targets: ["Sendgate"])],
    targets: [
        .systemLibrary(name: "sendgateFFI"),
        .target(name: "Sendgate", dependencies: ["sendgateFFI"]),
    ]
)
