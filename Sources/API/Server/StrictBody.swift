/// Checks a JSON body against the shape of its type before it is read: unknown fields, missing fields and wrong types
/// are refused, all at once.
enum StrictBody {
    /// - Throws: E611 with one item per mistake.
    static func check(_ bytes: [UInt8], _ shape: JSONShape) throws(Problem) {
        let value: JSONValue
        do {
            value = try JSONReader.read(bytes)
        } catch {
            throw Problem(.badParameter, "the body is not JSON as expected: \(error.description)")
        }
        var errors: [Problem.Item] = []
        check(value, shape, "", into: &errors)
        if let first = errors.first {
            throw Problem(
                .badParameter, "\(first.pointer ?? ""): \(first.message)", fix: first.fix,
                errors: errors.count > 1 ? Array(errors.prefix(100)) : [])
        }
    }

    private static func check(
        _ value: JSONValue, _ shape: JSONShape, _ pointer: String, into errors: inout [Problem.Item]
    ) {
        switch (shape, value) {
        case (.any, _), (.boolean, .bool), (.integer, .integer), (.string, .string): break
        case (.nullable, .null): break
        case (.nullable(let inner), _): check(value, inner, pointer, into: &errors)
        case (.list(let item), .array(let elements)):
            for (index, element) in elements.enumerated() {
                check(element, item, "\(pointer)/\(index)", into: &errors)
            }
        case (.map(let item), .object(let members)):
            for key in members.keys.sorted() {
                check(members[key] ?? .null, item, "\(pointer)/\(escape(key))", into: &errors)
            }
        case (.choice(let words), .string(let text)):
            if !words.contains(text) {
                let found = VisibleText.escape(text, limit: 60)
                errors.append(
                    mistake(
                        pointer, "\"\(found)\" is not allowed",
                        DidYouMean.fix(for: text, among: words)))
            }
        case (.object(let fields), .object(let members)):
            check(members, fields, pointer, into: &errors)
        default:
            errors.append(
                mistake(
                    pointer, "expected \(word(shape)), found \(value.kind)",
                    "give \(word(shape)) there"))
        }
    }

    private static func check(
        _ members: [String: JSONValue], _ fields: [JSONShape.Field], _ pointer: String,
        into errors: inout [Problem.Item]
    ) {
        for key in members.keys.sorted() where !fields.contains(where: { $0.name == key }) {
            errors.append(
                mistake(
                    "\(pointer)/\(escape(key))",
                    "unknown field \"\(VisibleText.escape(key, limit: 60))\"",
                    DidYouMean.fix(for: key, among: fields.map(\.name))))
        }
        for field in fields {
            if let value = members[field.name] {
                // An optional field may be given as null as well.
                if value == .null && !field.isRequired { continue }
                check(value, field.shape, "\(pointer)/\(field.name)", into: &errors)
            } else if field.isRequired {
                errors.append(
                    mistake(
                        "\(pointer)/\(field.name)", "required field \"\(field.name)\" is missing",
                        "add \"\(field.name)\""))
            }
        }
    }

    private static func mistake(_ pointer: String, _ message: String, _ fix: String) -> Problem.Item
    {
        Problem.Item(
            pointer: pointer, code: ProblemCode.badParameter.rawValue, message: message, fix: fix)
    }

    private static func escape(_ key: String) -> String {
        var out = ""
        for character in VisibleText.escape(key, limit: 60) {
            switch character {
            case "~": out += "~0"
            case "/": out += "~1"
            default: out.append(character)
            }
        }
        return out
    }

    private static func word(_ shape: JSONShape) -> String {
        switch shape {
        case .any: "a value"
        case .boolean: "a boolean"
        case .integer: "a whole number"
        case .string, .constant, .choice: "text"
        case .list: "a list"
        case .map, .object, .document: "an object"
        case .nullable(let inner): word(inner) + " or null"
        }
    }
}
