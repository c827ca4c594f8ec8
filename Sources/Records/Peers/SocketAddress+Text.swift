/// `127.0.0.1:7717` and `[::1]:7717`: the text forms that people and configurations use.
extension SocketAddress: CustomStringConvertible {
    public var description: String {
        switch family {
        case .v4: "\(hostText):\(port)"
        case .v6: "[\(hostText)]:\(port)"
        }
    }

    /// The address without its port; IPv6 as RFC 5952 shortens it.
    public var hostText: String {
        let bytes = addressBytes
        if family == .v4 { return bytes.map { String($0) }.joined(separator: ".") }
        let words = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
        var best = (start: 0, count: 1)
        var i = 0
        while i < 8 {
            var end = i
            while end < 8 && words[end] == 0 { end += 1 }
            if end - i > best.count { best = (i, end - i) }
            i = max(end, i + 1)
        }
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.count < 2 { return text(words[...]) }
        return text(words[..<best.start]) + "::" + text(words[(best.start + best.count)...])
    }

    /// `1.2.3.4:5`, `[::1]:5`; nil for anything else, also for names.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        guard let port = SocketAddress.port(text[text.index(after: colon)...]) else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    /// A numeric IPv4 or IPv6 address without brackets; nil for a name.
    public init?(host: String, port: UInt16) {
        guard let bytes = host.contains(":") ? SocketAddress.v6(host) : SocketAddress.v4(host[...])
        else { return nil }
        self.init(bytes: bytes, port: port)
    }

    static func port(_ text: Substring) -> UInt16? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return UInt16(text)
    }

    static func v4(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count != 4 { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.utf8.count),
                part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(part),
                part == "0" || !part.hasPrefix("0")
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    static func v6(_ text: String) -> [UInt8]? {
        if text.utf8.count > 45 { return nil }
        func words(_ part: Substring) -> [UInt8]? {
            if part.isEmpty { return [] }
            var bytes: [UInt8] = []
            let groups = part.split(separator: ":", omittingEmptySubsequences: false)
            for (i, group) in groups.enumerated() {
                if i == groups.count - 1, group.contains(".") {
                    guard let tail = v4(group) else { return nil }
                    bytes += tail
                    continue
                }
                guard (1...4).contains(group.utf8.count), !group.hasPrefix("+"),
                    let word = UInt16(group, radix: 16)
                else { return nil }
                bytes += [UInt8(word >> 8), UInt8(word & 0xff)]
            }
            return bytes
        }
        var gap: (Substring, Substring)?
        var i = text.startIndex
        while i < text.endIndex {
            let next = text.index(after: i)
            if text[i] == ":", next < text.endIndex, text[next] == ":" {
                if gap != nil { return nil }
                gap = (text[..<i], text[text.index(after: next)...])
            }
            i = next
        }
        guard let gap else {
            guard let bytes = words(text[...]), bytes.count == 16 else { return nil }
            return bytes
        }
        if gap.0.contains(".") { return nil }
        guard let head = words(gap.0), let tail = words(gap.1), head.count + tail.count <= 14
        else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }
}
