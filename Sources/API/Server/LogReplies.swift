import FoundationEssentials
import NIOCore

/// Log lines as text, JSON lines or server-sent events, whole or as they come.
enum LogReplies {
    static func reply(_ call: Call) async throws(Problem) -> Reply {
        let filter = LogFilter(
            replica: call.query.integer("replica").map { Int($0) },
            stream: call.query.text("stream").flatMap(LogStream.init(rawValue:)),
            tail: call.query.integer("tail").map { Int($0) }, since: call.query.time("since"))
        let type = call.accepted
        // Marks show which replica a line is of, unless only one was asked for.
        let isMarked = filter.replica == nil
        guard call.query.flag("follow") || type == Media.events else {
            let lines = try await call.node.logs(call.id(), filter)
            if type == Media.jsonLines {
                let bytes = Array(lines.map { $0.json() + [0x0a] }.joined())
                return Reply(mediaType: Media.jsonLines, body: .bytes(bytes))
            }
            let text = Array(lines.map { shown($0, isMarked: isMarked) }.joined())
            return try ContentReplies.reply(call, MemorySource(id: nil, bytes: text), Media.text)
        }
        let lines = try await call.node.followLogs(call.id(), filter)
        return Reply(
            mediaType: type,
            body: .stream(count: nil) { write in
                for try await line in lines {
                    let bytes: [UInt8] =
                        switch type {
                        case Media.events:
                            Array("event: log\ndata: ".utf8) + line.json() + [0x0a, 0x0a]
                        case Media.jsonLines: line.json() + [0x0a]
                        default: shown(line, isMarked: isMarked)
                        }
                    try await write(ByteBuffer(bytes: bytes))
                }
            })
    }

    /// A line as the program wrote it, with `r0 | ` before it where several replicas are shown.
    private static func shown(_ line: LogLineDocument, isMarked: Bool) -> [UInt8] {
        var bytes = line.text.map { Array($0.utf8) } ?? []
        if line.text == nil, let base64 = line.base64, let data = Data(base64Encoded: base64) {
            bytes = Array(data)
        }
        if bytes.last != 0x0a { bytes.append(0x0a) }
        return isMarked ? Array("r\(line.replica) | ".utf8) + bytes : bytes
    }
}
