/// The parameters of a query, checked against the row: an unknown one, a repeated one or a bad value is refused
/// (`surfaces.md` 0).
struct QueryValues: Sendable {
    private enum Value: Sendable {
        case text(String)
        case integer(Int64)
        case list([String])
        case time(Timestamp)
        case flag(Bool)
    }

    private var values: [String: Value] = [:]
    private(set) var labels: [String: String] = [:]

    /// All mistakes at once, as one E611.
    init(_ pairs: [(name: String, value: String)], route: Route) throws(Problem) {
        var errors: [Problem.Item] = []
        for (name, value) in pairs {
            guard let parameter = route.parameters.first(where: { $0.name == name }) else {
                let names = route.parameters.map(\.name)
                errors.append(
                    QueryValues.mistake(
                        name, "unknown parameter \"\(VisibleText.escape(name, limit: 60))\"",
                        fix: DidYouMean.fix(for: name, among: names)))
                continue
            }
            if values[name] != nil {
                errors.append(
                    QueryValues.mistake(
                        name, "parameter \"\(name)\" is given twice", fix: "keep one"))
                continue
            }
            if case .label = parameter.form {
                guard let split = value.firstIndex(of: "="), split != value.startIndex else {
                    errors.append(
                        QueryValues.mistake(
                            name, QueryValues.shown(name, value), fix: "write label=name=value"))
                    continue
                }
                labels[String(value[..<split])] = String(value[value.index(after: split)...])
                continue
            }
            switch QueryValues.read(value, parameter.form) {
            case .success(let read): values[name] = read
            case .failure(let allowed):
                errors.append(
                    QueryValues.mistake(name, QueryValues.shown(name, value), fix: allowed.fix))
            }
        }
        if let first = errors.first {
            throw Problem(
                .badParameter, first.message, fix: first.fix, errors: errors.count > 1 ? errors : []
            )
        }
    }

    func text(_ name: String) -> String? {
        if case .text(let value) = values[name] { value } else { nil }
    }
    /// Also durations, in milliseconds.
    func integer(_ name: String) -> Int64? {
        if case .integer(let value) = values[name] { value } else { nil }
    }
    func list(_ name: String) -> [String] {
        if case .list(let value) = values[name] { value } else { [] }
    }
    func time(_ name: String) -> Timestamp? {
        if case .time(let value) = values[name] { value } else { nil }
    }
    func flag(_ name: String) -> Bool {
        if case .flag(let value) = values[name] { value } else { false }
    }

    private struct Allowed: Error { var fix: String }

    private static func mistake(_ name: String, _ message: String, fix: String) -> Problem.Item {
        Problem.Item(
            pointer: "?" + VisibleText.escape(name, limit: 60),
            code: ProblemCode.badParameter.rawValue,
            message: message, fix: fix)
    }

    private static func shown(_ name: String, _ value: String) -> String {
        "\(name) is \"\(VisibleText.escape(value, limit: 60))\""
    }

    private static func read(_ value: String, _ form: Route.Form) -> Result<Value, Allowed> {
        switch form {
        case .text, .label:
            return value.utf8.count <= 2_048 && !value.isEmpty
                ? .success(.text(value)) : .failure(Allowed(fix: "give 1 to 2048 bytes"))
        case .integer(let range):
            guard let number = Int64(value), String(number) == value, range.contains(number) else {
                return .failure(
                    Allowed(fix: "allowed are \(range.lowerBound) to \(range.upperBound)"))
            }
            return .success(.integer(number))
        case .choice(let words):
            return words.contains(value)
                ? .success(.text(value))
                : .failure(Allowed(fix: DidYouMean.fix(for: value, among: words)))
        case .choices(let words):
            let given = value.split(separator: ",").map(String.init)
            if let bad = given.first(where: { !words.contains($0) }) {
                return .failure(Allowed(fix: DidYouMean.fix(for: bad, among: words)))
            }
            return given.isEmpty
                ? .failure(Allowed(fix: "allowed here: \(words.joined(separator: ", "))"))
                : .success(.list(given))
        case .time:
            guard let time = Timestamp(text: value) else {
                return .failure(Allowed(fix: "write a time like 2026-11-20T10:15:02.123Z"))
            }
            return .success(.time(time))
        case .duration(let most):
            guard let milliseconds = milliseconds(value), milliseconds <= most else {
                return .failure(Allowed(fix: "write a duration like 30s, at most \(most / 1000)s"))
            }
            return .success(.integer(milliseconds))
        case .flag:
            switch value {
            case "", "true": return .success(.flag(true))
            case "false": return .success(.flag(false))
            default: return .failure(Allowed(fix: "write true or false"))
            }
        }
    }

    /// `250ms`, `30s`, `2m`, `1h` in milliseconds; nil for anything else, without a unit too.
    static func milliseconds(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard digits.count <= 12, let number = Int64(digits) else { return nil }
        switch text[digits.endIndex...] {
        case "ms": return number
        case "s": return number * 1_000
        case "m": return number * 60_000
        case "h": return number * 3_600_000
        default: return nil
        }
    }
}
