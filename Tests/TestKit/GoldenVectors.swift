import Foundation

/// Golden encodings kept as `name = hex` lines in `Vectors/<file>.txt` beside a test (STYLE 7.5).
///
/// `UPDATE_VECTORS=1` rewrites the file from what the code produces; without it a difference is returned.
public final class GoldenVectors {
    let url: URL
    var lines: [String: String] = [:]
    var order: [String] = []
    let updates: Bool

    public init(_ name: String, besideTest file: String = #filePath) {
        url = URL(fileURLWithPath: file).deletingLastPathComponent()
            .appendingPathComponent("Vectors/\(name).txt")
        updates = ProcessInfo.processInfo.environment["UPDATE_VECTORS"] == "1"
        let text = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n") {
            let parts = line.components(separatedBy: " = ")
            if parts.count == 2 {
                lines[parts[0]] = parts[1]
                order.append(parts[0])
            }
        }
    }

    /// nil if `bytes` is the golden value of `name`; else what differs.
    public func difference(_ name: String, _ bytes: [UInt8]) -> String? {
        let text = bytes.map { String(format: "%02x", $0) }.joined()
        if updates {
            if lines.updateValue(text, forKey: name) == nil { order.append(name) }
            let all = order.map { "\($0) = \(lines[$0]!)" }.joined(separator: "\n") + "\n"
            try? FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try? all.write(to: url, atomically: true, encoding: .utf8)
            return nil
        }
        guard let golden = lines[name] else { return "\(name) has no golden vector; run with UPDATE_VECTORS=1" }
        return golden == text ? nil : "\(name) is \(text), golden \(golden)"
    }
}
