/// A field that can be known to be none: `null` in JSON. Documents hold it as an optional, whose `nil` is absence,
/// which means unknown (`surfaces.md` 0).
public enum Known<Value: Codable & Sendable & Equatable>: Codable, Sendable, Equatable {
    /// Known to be none.
    case null
    case value(Value)

    /// Nil is known to be none.
    public init(_ value: Value?) {
        self = value.map { .value($0) } ?? .null
    }

    /// The value, or nil if there is known to be none.
    public var value: Value? {
        if case .value(let value) = self { value } else { nil }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self = container.decodeNil() ? .null : .value(try container.decode(Value.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .value(let value): try container.encode(value)
        }
    }
}

extension KeyedDecodingContainer {
    /// Keeps `null` apart from absence, which the standard `decodeIfPresent` does not. The synthesised decoding of
    /// documents picks this overload.
    func decodeIfPresent<Value>(
        _ type: Known<Value>.Type, forKey key: Key
    ) throws -> Known<Value>? {
        guard contains(key) else { return nil }
        return try decode(type, forKey: key)
    }
}
