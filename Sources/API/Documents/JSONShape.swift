/// What JSON of a document looks like, read off its Swift type, so that `openapi.json` cannot differ from what is
/// sent.
public indirect enum JSONShape: Sendable, Equatable {
    case any
    case boolean
    case integer
    case string(pattern: String?, format: String?)
    case constant(String)
    case choice([String])
    case list(JSONShape)
    case map(JSONShape)
    case nullable(JSONShape)
    case object(fields: [Field])
    /// A document of its own, by its type.
    case document(String)

    /// A member of an object.
    public struct Field: Sendable, Equatable {
        public var name: String
        public var shape: JSONShape
        public var isRequired: Bool
    }

    /// JSON Schema 2020-12. References point to `#/components/schemas/`.
    ///
    /// - Parameter isClosed: whether unknown members are refused; true for what we receive.
    public func schema(isClosed: Bool = false) -> JSONValue {
        switch self {
        case .any: return .object([:])
        case .boolean: return ["type": "boolean"]
        case .integer: return ["type": "integer"]
        case .constant(let text): return ["const": .string(text)]
        case .choice(let words):
            return ["type": "string", "enum": .array(words.map { .string($0) })]
        case .list(let item): return ["type": "array", "items": item.schema(isClosed: isClosed)]
        case .map(let value):
            return ["type": "object", "additionalProperties": value.schema(isClosed: isClosed)]
        case .nullable(let shape):
            return ["anyOf": [shape.schema(isClosed: isClosed), ["type": "null"]]]
        case .document(let type): return ["$ref": .string("#/components/schemas/" + type)]
        case .string(let pattern, let format):
            var members: [String: JSONValue] = ["type": "string"]
            members["pattern"] = pattern.map { .string($0) }
            members["format"] = format.map { .string($0) }
            return .object(members)
        case .object(let fields):
            var members: [String: JSONValue] = ["type": "object"]
            var properties: [String: JSONValue] = [:]
            for field in fields { properties[field.name] = field.shape.schema(isClosed: isClosed) }
            members["properties"] = .object(properties)
            let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
            if !required.isEmpty { members["required"] = .array(required) }
            if isClosed { members["additionalProperties"] = false }
            return .object(members)
        }
    }
}

/// A type whose JSON form is not that of its stored properties.
protocol ShapedType: Codable {
    static var jsonShape: JSONShape { get }
    /// Any valid value.
    static func example() -> Self
}

extension Digits: ShapedType {
    static var jsonShape: JSONShape {
        .string(pattern: Value.isSigned ? "^-?(0|[1-9][0-9]*)$" : "^(0|[1-9][0-9]*)$", format: nil)
    }
    static func example() -> Digits { Digits(Value(41)) }
}

extension Timestamp: ShapedType {
    static var jsonShape: JSONShape { .string(pattern: nil, format: "date-time") }
    static func example() -> Timestamp { Timestamp(unixMilliseconds: 1_795_169_702_123) }
}

extension JSONValue: ShapedType {
    static var jsonShape: JSONShape { .any }
    static func example() -> JSONValue { ["n": 1, "list": [true, nil, "text"]] }
}

extension SchemaTag: ShapedType {
    static var jsonShape: JSONShape { .constant(Owner.schemaName) }
    static func example() -> SchemaTag { SchemaTag() }
}

extension Known: ShapedType {
    static var jsonShape: JSONShape { .nullable(SchemaReflection.shape(of: Value.self)) }
    static func example() -> Known { .value(SchemaReflection.example(of: Value.self)) }
}

extension Array: ShapedType where Element: Codable {
    static var jsonShape: JSONShape { .list(SchemaReflection.shape(of: Element.self)) }
    static func example() -> [Element] { [SchemaReflection.example(of: Element.self)] }
}

extension Dictionary: ShapedType where Key == String, Value: Codable {
    static var jsonShape: JSONShape { .map(SchemaReflection.shape(of: Value.self)) }
    static func example() -> [String: Value] { ["key": SchemaReflection.example(of: Value.self)] }
}
