import Basis

/// Reads the shape of a document off its decoding: a decoder that answers every question with an example and notes
/// what was asked.
public enum SchemaReflection {
    /// The shape of `type`. A document inside another is a reference; pages are written out, because they differ by
    /// their items.
    public static func shape<T: Decodable>(of type: T.Type) -> JSONShape {
        if let document = type as? any Document.Type, !isPage(document) {
            return .document(document.documentType)
        }
        return fields(of: type)
    }

    /// The shape of `type` itself, even if it is a document.
    public static func fields<T: Decodable>(of type: T.Type) -> JSONShape { reflect(type).shape }

    /// A value of `type` with every field present.
    public static func example<T: Decodable>(of type: T.Type) -> T { reflect(type).value }

    private static func isPage(_ type: any Document.Type) -> Bool { type.documentType == "page" }

    fileprivate static func reflect<T: Decodable>(_ type: T.Type) -> (shape: JSONShape, value: T) {
        if let shaped = type as? any ShapedType.Type {
            guard let value = shaped.example() as? T else { unreachable("\(type) has no example") }
            return (shaped.jsonShape, value)
        }
        if let choice = type as? any Choice.Type {
            let words = words(choice)
            guard let value = first(choice) as? T else { unreachable("\(type) has no case") }
            return (.choice(words), value)
        }
        let decoder = RecordingDecoder()
        do {
            let value = try T(from: decoder)
            return (decoder.shape, value)
        } catch {
            // Documents decode from any value of the right kinds; a test reflects each of them.
            unreachable("\(type) cannot be reflected: \(error)")
        }
    }

    private static func words<C: Choice>(_ type: C.Type) -> [String] { C.allCases.map(\.rawValue) }
    private static func first<C: Choice>(_ type: C.Type) -> Any? { C.allCases.first }
}

/// Notes what one value's decoding asks for. Lives for one call of `reflect`, on one thread.
private final class RecordingDecoder: Decoder {
    var fields: [JSONShape.Field] = []
    var scalar: JSONShape?
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    var shape: JSONShape { scalar ?? .object(fields: fields) }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(RecordingFields<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        throw DocumentError("lists are reflected by their type")
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        RecordingScalar(decoder: self)
    }

    func note(_ name: String, _ shape: JSONShape) {
        if let index = fields.firstIndex(where: { $0.name == name }) {
            fields[index].shape = shape
        } else {
            fields.append(JSONShape.Field(name: name, shape: shape, isRequired: true))
        }
    }

    func noteOptional(_ name: String) {
        if !fields.contains(where: { $0.name == name }) {
            fields.append(JSONShape.Field(name: name, shape: .any, isRequired: false))
        }
    }

    /// The shape and example of a scalar of the standard library; nil for other types.
    static func scalar<T>(_ type: T.Type) -> (JSONShape, T)? {
        func pair(_ shape: JSONShape, _ value: Any) -> (JSONShape, T)? {
            (value as? T).map { (shape, $0) }
        }
        if type == String.self { return pair(.string(pattern: nil, format: nil), "text") }
        if type == Bool.self { return pair(.boolean, true) }
        if type == Int.self { return pair(.integer, 7) }
        if type == Int64.self { return pair(.integer, Int64(7)) }
        if type == UInt64.self { return pair(.integer, UInt64(7)) }
        return nil
    }
}

private struct RecordingFields<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: RecordingDecoder
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }

    /// Asked only about optional fields, before they are decoded.
    func contains(_ key: Key) -> Bool {
        decoder.noteOptional(key.stringValue)
        return true
    }

    func decodeNil(forKey key: Key) throws -> Bool { false }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        if let (shape, value) = RecordingDecoder.scalar(type) {
            decoder.note(key.stringValue, shape)
            return value
        }
        decoder.note(key.stringValue, SchemaReflection.shape(of: type))
        return SchemaReflection.example(of: type)
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try plain(type, key) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try plain(type, key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try plain(type, key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try plain(type, key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try plain(type, key) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try plain(type, key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try plain(type, key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try plain(type, key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try plain(type, key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try plain(type, key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try plain(type, key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try plain(type, key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try plain(type, key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try plain(type, key) }

    private func plain<T>(_ type: T.Type, _ key: Key) throws -> T {
        guard let (shape, value) = RecordingDecoder.scalar(type) else {
            throw DocumentError("documents hold no \(type)")
        }
        decoder.note(key.stringValue, shape)
        return value
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        throw DocumentError("nested containers are not used")
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        throw DocumentError("nested containers are not used")
    }
    func superDecoder() throws -> any Decoder { throw DocumentError("documents have no parents") }
    func superDecoder(forKey key: Key) throws -> any Decoder {
        throw DocumentError("documents have no parents")
    }
}

private struct RecordingScalar: SingleValueDecodingContainer {
    let decoder: RecordingDecoder
    var codingPath: [any CodingKey] { [] }

    func decodeNil() -> Bool { false }
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if let (shape, value) = RecordingDecoder.scalar(type) {
            decoder.scalar = shape
            return value
        }
        let (shape, value) = SchemaReflection.reflect(type)
        decoder.scalar = shape
        return value
    }
    func decode(_ type: Bool.Type) throws -> Bool { try plain(type) }
    func decode(_ type: String.Type) throws -> String { try plain(type) }
    func decode(_ type: Int.Type) throws -> Int { try plain(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try plain(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try plain(type) }
    func decode(_ type: Double.Type) throws -> Double { try plain(type) }
    func decode(_ type: Float.Type) throws -> Float { try plain(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try plain(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try plain(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try plain(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try plain(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try plain(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try plain(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try plain(type) }

    private func plain<T>(_ type: T.Type) throws -> T {
        guard let (shape, value) = RecordingDecoder.scalar(type) else {
            throw DocumentError("documents hold no \(type)")
        }
        decoder.scalar = shape
        return value
    }
}
