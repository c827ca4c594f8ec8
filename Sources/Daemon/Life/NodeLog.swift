import API
import Basis
import Glibc
public import Logging
import Synchronization

/// What the daemon writes down: one line per event, with the ids of `surfaces.md` 10.2.
///
/// A class since it remembers what it wrote: a line that comes again for the same subject within 10 s is counted, and
/// told once with `repeated`.
public final class NodeLog: Sendable {
    struct Written {
        var at: Int64
        var repeated: Int
    }

    let logger: Logger
    private let written = Mutex<[String: Written]>([:])
    static let quietSeconds: Int64 = 10
    static let subjectsMax = 4_096

    public init(_ logger: Logger) { self.logger = logger }

    /// - Parameters:
    ///   - id: of the closed list.
    ///   - subject: what the line is about; lines of different subjects are not repetitions.
    func callAsFunction(
        _ level: Logger.Level, _ id: String, _ text: String, subject: String = "",
        _ fields: KeyValuePairs<String, String> = [:]
    ) {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let now = Int64(time.tv_sec)
        let repeated: Int? = written.withLock { written in
            let key = id + "\n" + subject
            if let last = written[key], now - last.at < NodeLog.quietSeconds {
                written[key]?.repeated += 1
                return nil
            }
            if written.count >= NodeLog.subjectsMax { written = [:] }
            let count = written[key]?.repeated ?? 0
            written[key] = Written(at: now, repeated: 0)
            return count
        }
        guard let repeated else { return }
        var metadata: Logger.Metadata = ["id": .string(id)]
        for (name, value) in fields { metadata[name] = .string(value) }
        if repeated > 0 { metadata["repeated"] = .stringConvertible(repeated) }
        logger.log(level: level, "\(text)", metadata: metadata)
    }
}

/// Lines on a descriptor: text for people, JSON for programs (`surfaces.md` 3.4).
public struct LineLogHandler: LogHandler {
    public enum Form: Sendable { case text, json }

    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    let form: Form
    let descriptor: Int32

    public init(level: Logger.Level, form: Form, descriptor: Int32 = 2) {
        logLevel = level
        self.form = form
        self.descriptor = descriptor
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let line = LineLogHandler.line(
            form, level: event.level, text: "\(event.message)", fields: all.mapValues { "\($0)" },
            milliseconds: NodeActor.wallMillis())
        let bytes = Array(line.utf8)
        // A log that cannot be written must not stop the node.
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }

    static func line(
        _ form: Form, level: Logger.Level, text: String, fields: [String: String], milliseconds: UInt64
    ) -> String {
        let at = IDs.time(milliseconds).text
        let id = fields["id"] ?? "-"
        let rest = fields.filter { $0.key != "id" }.sorted { $0.key < $1.key }
        if form == .json {
            let members =
                [("at", at), ("level", level.rawValue), ("id", id), ("msg", text)] + rest.map { ($0.key, $0.value) }
            let parts = members.map { quoted($0.0) + ":" + quoted($0.1) }
            return "{" + parts.joined(separator: ",") + "}\n"
        }
        let clock = at.dropFirst(11).dropLast()
        let shown = rest.map { "\($0.key) \(clean($0.value))" }.joined(separator: ", ")
        let head = "\(clock) \(padded(level.rawValue, 8))\(padded(id, 18))"
        return head + clean(text) + (shown.isEmpty ? "" : "  " + shown) + "\n"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    /// One line stays one line, whatever a peer put into a name.
    private static func clean(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : $0 }))
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case let control where control.value < 32:
                out += "\\u00" + (control.value < 16 ? "0" : "") + String(control.value, radix: 16)
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
