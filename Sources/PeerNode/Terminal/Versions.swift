import API
import Foundation
import Glibc

/// What this program is.
enum Versions {
    static let number = "0.1.0"

    static var document: VersionDocument {
        var libraries: [String: String] = [:]
        libraries["libuv"] = text("uv_version_string")
        libraries["libsodium"] = text("sodium_version_string")
        return VersionDocument(
            version: number, swift: swift, protocol: .init(low: 1, high: 1), ledgerRules: 1, libraries: libraries)
    }

    #if swift(>=6.4)
        static let swift = "6.4 or newer"
    #elseif swift(>=6.3)
        static let swift = "6.3"
    #else
        static let swift = "6.2"
    #endif

    /// A library's own word for its version; the functions take nothing and return constant text.
    private static func text(_ symbol: String) -> String? {
        guard let found = dlsym(nil, symbol) else { return nil }
        typealias Ask = @convention(c) () -> UnsafePointer<CChar>?
        return unsafeBitCast(found, to: Ask.self)().map { String(cString: $0) }
    }
}
