public import Wire

/// Names places in a JSON value: a JSON Pointer with two wildcards (`ledger.md` 9.2).
///
/// In text, the segment `*` is one segment of any name, `**` any number of segments, also none, and `~2` a literal
/// `*`. A segment of decimal digits is an index: it matches that element of an array, and that member of an object.
public struct Path: Sendable, Hashable {
    public enum Segment: Sendable, Hashable {
        case key([UInt8])
        case any
        case index(UInt32)
        case descend
    }

    public static let segmentsMax = 16
    public static let keyBytesMax = 256

    public let segments: [Segment]

    /// Nil if there are more than `segmentsMax` segments or a key is longer than `keyBytesMax` or not UTF-8.
    public init?(segments: [Segment]) {
        guard segments.count <= Path.segmentsMax,
            segments.allSatisfy({
                guard case .key(let bytes) = $0 else { return true }
                return bytes.count <= Path.keyBytesMax
                    && String(validating: bytes, as: UTF8.self) != nil
            })
        else { return nil }
        self.segments = segments
    }

    /// Reads the text form; nil if it neither is empty nor begins with `/`, holds a bad escape, or is too long.
    public init?(_ text: String) {
        if text.isEmpty {
            self.init(segments: [])
            return
        }
        var parts = text.utf8.split(separator: 0x2f, omittingEmptySubsequences: false)
        guard parts.removeFirst().isEmpty else { return nil }
        var segments: [Segment] = []
        for part in parts {
            guard let segment = Path.segment(Array(part)) else { return nil }
            segments.append(segment)
        }
        self.init(segments: segments)
    }

    /// The text form. A key of digits is written like the index.
    public var text: String {
        var out: [UInt8] = []
        for segment in segments {
            out.append(0x2f)
            switch segment {
            case .any: out.append(0x2a)
            case .descend: out += [0x2a, 0x2a]
            case .index(let i): out += Array(String(i).utf8)
            case .key(let key):
                for byte in key {
                    switch byte {
                    case 0x7e: out += [0x7e, 0x30]
                    case 0x2f: out += [0x7e, 0x31]
                    case 0x2a: out += [0x7e, 0x32]
                    default: out.append(byte)
                    }
                }
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    // MARK: below their use

    static func segment(_ raw: [UInt8]) -> Segment? {
        if raw == [0x2a] { return .any }
        if raw == [0x2a, 0x2a] { return .descend }
        var key: [UInt8] = []
        var isEscape = false
        var escaped = false
        for byte in raw {
            if isEscape {
                switch byte {
                case 0x30: key.append(0x7e)
                case 0x31: key.append(0x2f)
                case 0x32: key.append(0x2a)
                default: return nil
                }
                isEscape = false
            } else if byte == 0x7e {
                isEscape = true
                escaped = true
            } else {
                key.append(byte)
            }
        }
        if isEscape { return nil }
        if !escaped, let index = Path.index(key) { return .index(index) }
        return .key(key)
    }

    /// The index that `key` writes in the only way: without leading zeros.
    static func index(_ key: [UInt8]) -> UInt32? {
        guard let first = key.first, key.count <= 10, first != 0x30 || key.count == 1 else {
            return nil
        }
        var value: UInt64 = 0
        for byte in key {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + UInt64(byte - 0x30)
        }
        return UInt32(exactly: value)
    }
}

extension Path: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.list(segments) {
            switch $1 {
            case .key(let bytes):
                $0.u8(0)
                $0.bytes(bytes)
            case .any: $0.u8(1)
            case .index(let i):
                $0.u8(2)
                $0.u32(i)
            case .descend: $0.u8(3)
            }
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        segments = try reader.list(max: Path.segmentsMax) { (r) throws(WireError) in
            let tag = try r.u8()
            switch tag {
            case 0: return .key(Array(try r.text(max: Path.keyBytesMax).utf8))
            case 1: return .any
            case 2: return .index(try r.u32())
            case 3: return .descend
            default: throw .unknownTag(UInt64(tag))
            }
        }
    }
}

extension JSONValue {
    /// The value without what `paths` match: members are removed, elements become `null`, in list order.
    ///
    /// The whole value is neither member nor element, so a path that matches it changes nothing.
    /// O(values × segments) for each path, whatever the wildcards.
    public func ignoring(_ paths: [Path]) -> JSONValue {
        var value = self
        for path in paths { value = value.masked(path.segments, Path.reached([0], path.segments)) }
        return value
    }

    /// `states` are the segments that may come next; the number of segments among them means a match.
    func masked(_ segments: [Path.Segment], _ states: [Int]) -> JSONValue {
        switch self {
        case .array(let items):
            .array(
                items.enumerated().map { i, item in
                    let next = Path.step(states, segments, key: nil, index: UInt32(exactly: i))
                    return next.last == segments.count ? .null : item.masked(segments, next)
                })
        case .object(let members):
            .object(
                members.compactMap { member in
                    let key = Array(member.key.utf8)
                    let next = Path.step(states, segments, key: key, index: Path.index(key))
                    if next.last == segments.count { return nil }
                    return JSONMember(key: member.key, value: member.value.masked(segments, next))
                })
        default: self
        }
    }
}

extension Path {
    /// The states after one segment of the value, ascending.
    static func step(
        _ states: [Int], _ segments: [Segment], key: [UInt8]?, index: UInt32?
    ) -> [Int] {
        var next: [Int] = []
        for state in states where state < segments.count {
            switch segments[state] {
            case .descend: next.append(state)
            case .any: next.append(state + 1)
            case .key(let wanted): if wanted == key { next.append(state + 1) }
            case .index(let wanted): if wanted == index { next.append(state + 1) }
            }
        }
        return reached(next, segments)
    }

    /// Adds what is reached without a segment of the value: `**` may stand for none.
    static func reached(_ states: [Int], _ segments: [Segment]) -> [Int] {
        var all: [Int] = []
        for var state in states {
            while true {
                if !all.contains(state) { all.append(state) }
                guard state < segments.count, segments[state] == .descend else { break }
                state += 1
            }
        }
        return all.sorted()
    }
}
