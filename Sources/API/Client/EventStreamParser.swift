/// Reads server-sent events from pieces of bytes.
public struct EventStreamParser: Sendable {
    /// One message.
    public struct Message: Sendable, Equatable {
        public var id: String?
        public var event: String?
        public var data: String
    }

    /// An event of ours has some 300 bytes; more than this without an end is not ours, and is dropped.
    static let lineBytesMax = 1 << 20

    private var line: [UInt8] = []
    private var id: String?
    private var event: String?
    private var data: [String] = []
    private var endedWithReturn = false

    public init() {}

    /// The messages that are complete with these bytes.
    public mutating func feed(_ bytes: [UInt8]) -> [Message] {
        var out: [Message] = []
        for byte in bytes {
            // A line ends with CR, LF or both.
            if byte == 0x0a && endedWithReturn {
                endedWithReturn = false
                continue
            }
            endedWithReturn = byte == 0x0d
            if byte == 0x0a || byte == 0x0d {
                if let message = finishLine() { out.append(message) }
            } else if line.count < EventStreamParser.lineBytesMax {
                line.append(byte)
            }
        }
        return out
    }

    private mutating func finishLine() -> Message? {
        defer { line = [] }
        if line.isEmpty {
            defer {
                id = nil
                event = nil
                data = []
            }
            return data.isEmpty
                ? nil : Message(id: id, event: event, data: data.joined(separator: "\n"))
        }
        let text = String(decoding: line, as: UTF8.self)
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var value = halves.count == 2 ? halves[1] : ""
        if value.hasPrefix(" ") { value = value.dropFirst() }
        switch halves[0] {
        case "id": id = String(value)
        case "event": event = String(value)
        case "data": data.append(String(value))
        default: break
        }
        return nil
    }
}
