public import Verdict

/// The subset of JSON Schema of `compute.md` 1.2, for inputs and results.
///
/// Numbers compare as exact decimals; lengths count Unicode scalars.
public struct ValueSchema: Sendable {
    /// What is wrong with a schema: where in it, and why.
    public struct Problem: Error, Sendable, Hashable {
        public enum Reason: Sendable, Hashable {
            case unknownKeyword(String)
            /// What was expected there.
            case badType(String)
        }
        /// Keys from the top of the schema.
        public var path: [String]
        public var reason: Reason
    }
    /// Where a value breaks its schema, and how.
    public struct Violation: Error, Sendable, Hashable {
        /// JSON pointer into the value.
        public var pointer: String
        public var reason: String
    }

    public static let keywords = [
        "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "minLength", "maxLength", "properties", "required", "additionalProperties", "items",
        "minItems", "maxItems", "default", "title", "description",
    ]
    static let types = ["null", "boolean", "number", "integer", "string", "array", "object"]

    indirect enum Rule: Sendable {
        case types([String])
        case oneOf([JSONValue])
        case bound(JSONNumber, isLower: Bool, isExclusive: Bool)
        case length(UInt64, isLower: Bool)
        case count(UInt64, isLower: Bool)
        case properties([(String, ValueSchema)])
        case required([String])
        /// Nil forbids what `properties` does not name.
        case additional(ValueSchema?)
        case items(ValueSchema)
    }

    var rules: [Rule] = []
    /// The value that an absent input has.
    public private(set) var fallback: JSONValue?

    /// Reads a schema.
    ///
    /// - Throws: the first problem in order of the keywords.
    public init(_ value: JSONValue) throws(Problem) {
        try self.init(value, path: [], depth: 0)
    }

    init(_ value: JSONValue, path: [String], depth: Int) throws(Problem) {
        guard case .object(let members) = value, depth < ComputeLimits.manifestDepthMax else {
            throw Problem(path: path, reason: .badType("a schema"))
        }
        for member in members {
            try add(member.key, member.value, path: path + [member.key], depth: depth)
        }
    }

    /// Whether `type: number` occurs, so that a result may hold fractions.
    var mentionsFractions: Bool {
        rules.contains { rule in
            switch rule {
            case .types(let names): names.contains("number")
            case .properties(let all): all.contains { $0.1.mentionsFractions }
            case .items(let schema): schema.mentionsFractions
            case .additional(let schema): schema?.mentionsFractions ?? false
            default: false
            }
        }
    }

    // MARK: reading

    mutating func add(
        _ keyword: String, _ value: JSONValue, path: [String], depth: Int
    ) throws(Problem) {
        func bad(_ what: String) -> Problem { Problem(path: path, reason: .badType(what)) }
        func number() throws(Problem) -> JSONNumber {
            guard case .number(let number) = value else { throw bad("a number") }
            return number
        }
        func count() throws(Problem) -> UInt64 {
            guard case .number(let number) = value, let count = number.asUInt64 else {
                throw bad("a whole number")
            }
            return count
        }
        func nested(_ value: JSONValue, _ path: [String]) throws(Problem) -> ValueSchema {
            try ValueSchema(value, path: path, depth: depth + 1)
        }
        switch keyword {
        case "title", "description": break
        case "default": fallback = value
        case "type": rules.append(.types(try Self.typeNames(value, path: path)))
        case "enum":
            guard case .array(let values) = value else { throw bad("a list") }
            rules.append(.oneOf(values))
        case "const": rules.append(.oneOf([value]))
        case "minimum": rules.append(.bound(try number(), isLower: true, isExclusive: false))
        case "maximum": rules.append(.bound(try number(), isLower: false, isExclusive: false))
        case "exclusiveMinimum":
            rules.append(.bound(try number(), isLower: true, isExclusive: true))
        case "exclusiveMaximum":
            rules.append(.bound(try number(), isLower: false, isExclusive: true))
        case "minLength": rules.append(.length(try count(), isLower: true))
        case "maxLength": rules.append(.length(try count(), isLower: false))
        case "minItems": rules.append(.count(try count(), isLower: true))
        case "maxItems": rules.append(.count(try count(), isLower: false))
        case "required": rules.append(.required(try Self.names(value, path: path)))
        case "items": rules.append(.items(try nested(value, path)))
        case "properties":
            guard case .object(let members) = value else { throw bad("a mapping") }
            var all: [(String, ValueSchema)] = []
            for member in members {
                all.append((member.key, try nested(member.value, path + [member.key])))
            }
            rules.append(.properties(all))
        case "additionalProperties":
            switch value {
            case .bool(true): break
            case .bool(false): rules.append(.additional(nil))
            default: rules.append(.additional(try nested(value, path)))
            }
        default: throw Problem(path: path, reason: .unknownKeyword(keyword))
        }
    }

    static func names(_ value: JSONValue, path: [String]) throws(Problem) -> [String] {
        guard case .array(let items) = value else {
            throw Problem(path: path, reason: .badType("a list of names"))
        }
        var names: [String] = []
        for item in items {
            guard case .string(let name) = item else {
                throw Problem(path: path, reason: .badType("a list of names"))
            }
            names.append(name)
        }
        return names
    }

    static func typeNames(_ value: JSONValue, path: [String]) throws(Problem) -> [String] {
        let list: [String]
        if case .string(let one) = value {
            list = [one]
        } else {
            list = try names(value, path: path)
        }
        if list.isEmpty || !list.allSatisfy({ types.contains($0) }) {
            throw Problem(path: path, reason: .badType("one of \(Shown.list(types))"))
        }
        return list
    }

    // MARK: checking

    /// Checks `value`; throws the first violation, outer rules before inner ones.
    public func check(_ value: JSONValue) throws(Violation) {
        try check(value, at: "")
    }

    func check(_ value: JSONValue, at pointer: String) throws(Violation) {
        for rule in rules { try check(rule, value, at: pointer) }
    }

    func check(_ rule: Rule, _ value: JSONValue, at pointer: String) throws(Violation) {
        func fail(_ reason: String) -> Violation { Violation(pointer: pointer, reason: reason) }
        let shown = Shown.text(CanonicalJSON.text(value))
        switch (rule, value) {
        case (.types(let names), _):
            if !names.contains(where: { Self.isType($0, value) }) {
                throw fail("\(shown) is not of type \(names.joined(separator: " or "))")
            }
        case (.oneOf(let values), _):
            if !values.contains(value) {
                let list = values.map { Shown.text(CanonicalJSON.text($0)) }
                throw fail("\(shown) is not one of \(Shown.list(list))")
            }
        case (.bound(let limit, let isLower, let isExclusive), .number(let number)):
            let isBeyond = isLower ? number < limit : number > limit
            if isBeyond || isExclusive && number == limit {
                let word =
                    isExclusive ? (isLower ? "above" : "below") : (isLower ? "at least" : "at most")
                throw fail("\(shown) is not \(word) \(limit.text)")
            }
        case (.length(let limit, let isLower), .string(let text)):
            let count = UInt64(text.unicodeScalars.count)
            if isLower ? count < limit : count > limit {
                throw fail(
                    "\(count) characters, \(isLower ? "at least" : "at most") \(limit) are allowed")
            }
        case (.count(let limit, let isLower), .array(let items)):
            let count = UInt64(items.count)
            if isLower ? count < limit : count > limit {
                throw fail(
                    "\(count) items, \(isLower ? "at least" : "at most") \(limit) are allowed")
            }
        case (.required(let names), .object):
            for name in names where value[name] == nil {
                throw fail("\"\(Shown.text(name))\" is missing")
            }
        case (.items(let schema), .array(let items)):
            for (i, item) in items.enumerated() {
                try schema.check(item, at: ManifestNode.pointer(pointer, String(i)))
            }
        case (.properties(let all), .object):
            for (name, schema) in all {
                if let member = value[name] {
                    try schema.check(member, at: ManifestNode.pointer(pointer, name))
                }
            }
        case (.additional(let schema), .object(let members)):
            for member in members where !isNamed(member.key) {
                guard let schema else { throw fail("\"\(Shown.text(member.key))\" is not allowed") }
                try schema.check(member.value, at: ManifestNode.pointer(pointer, member.key))
            }
        default: break
        }
    }

    func isNamed(_ key: String) -> Bool {
        rules.contains { rule in
            guard case .properties(let all) = rule else { return false }
            return all.contains { $0.0.isSameBytes(as: key) }
        }
    }

    static func isType(_ name: String, _ value: JSONValue) -> Bool {
        switch (name, value) {
        case ("null", .null), ("boolean", .bool), ("number", .number), ("string", .string),
            ("array", .array), ("object", .object):
            true
        case ("integer", .number(let number)): number.isInteger
        default: false
        }
    }
}
