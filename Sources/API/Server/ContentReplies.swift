import NIOCore

/// Answers whose bytes come from a store.
enum ContentReplies {
    /// How much is read at once: the chunk of the blob tree.
    private static let pieceBytes = 262_144

    /// Content, whole or in part, with its id as ETag.
    static func reply(
        _ call: Call, _ source: any ByteSource, _ mediaType: String, isImmutable: Bool = false
    ) throws(Problem) -> Reply {
        var headers: [(name: String, value: String)] = [("Accept-Ranges", "bytes")]
        let tag = source.id.map { "\"\($0)\"" }
        if let tag { headers.append(("ETag", tag)) }
        if isImmutable { headers.append(("Cache-Control", "private, max-age=31536000, immutable")) }
        if let tag, ETag.matches(call.request.headers["if-none-match"], tag) {
            return Reply(status: 304, headers: headers)
        }
        let count = source.count
        var header = call.request.headers["range"]
        // A range of other content than the client has would not join.
        if let condition = call.request.headers["if-range"], condition != tag { header = nil }
        let range: Range<UInt64>?
        do {
            range = try ByteRange.parse(header, count: count)
        } catch {
            var reply = Reply.problem(error)
            reply.headers.append(("Content-Range", "bytes */\(count)"))
            return reply
        }
        guard let range else {
            return Reply(mediaType: mediaType, headers: headers, body: stream(source, 0..<count))
        }
        headers.append(
            ("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(count)"))
        return Reply(
            status: 206, mediaType: mediaType, headers: headers, body: stream(source, range))
    }

    private static func stream(_ source: any ByteSource, _ range: Range<UInt64>) -> Reply.Body {
        .stream(count: range.upperBound - range.lowerBound) { write in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let length = Int(min(UInt64(pieceBytes), range.upperBound - offset))
                let piece = try await source.read(offset: offset, length: length)
                // Content that became shorter cannot be sent as promised: the connection ends.
                guard !piece.isEmpty, piece.count <= length else {
                    throw Problem(.bug, "content ended at \(offset) of \(range.upperBound)")
                }
                try await write(ByteBuffer(bytes: piece))
                offset += UInt64(piece.count)
            }
        }
    }

    /// A receipt as what the request prefers.
    static func reply(_ call: Call, _ receipt: ReceiptFile) -> Reply {
        call.accepted == Media.json
            ? .document(receipt.document)
            : Reply(mediaType: Media.receipt, body: .bytes(receipt.bytes))
    }

    /// Stores the body: 201, or 200 if it was there.
    static func store(_ call: Call, expected: String?) async throws(Problem) -> Reply {
        let body = try call.request.body.upload(limit: call.server.limits.blobBytesMax)
        let (blob, isNew) = try await call.node.putBlob(expected: expected, body)
        var reply = Reply.document(blob, status: isNew ? 201 : 200)
        reply.headers.append(("Location", "/v1/blobs/" + blob.id))
        return reply
    }
}

/// Strong entity tags.
enum ETag {
    /// Whether an `If-None-Match` names `tag`.
    static func matches(_ header: String?, _ tag: String) -> Bool {
        guard let header else { return false }
        return header.split(separator: ",").contains { part in
            let text = part.trimmed()
            return text == "*" || text == tag || text == "W/" + tag
        }
    }
}
