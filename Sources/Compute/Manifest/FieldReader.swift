import Basis
import Verdict

/// Gives scalars their types, one field at a time, and collects what is wrong instead of stopping.
struct FieldReader {
    var issues: [ManifestIssue] = []

    mutating func report(_ issue: ManifestIssue) { issues.append(issue) }

    /// The entries of a mapping by allowed name; unknown ones are E101. Nil, with E102, if it is no mapping.
    mutating func fields(_ node: ManifestNode, _ allowed: [String], example: String) -> Fields? {
        guard case .mapping(let entries) = node.content else {
            report(.badType(node, "a mapping", example: example))
            return nil
        }
        var known: [String: ManifestNode] = [:]
        for entry in entries {
            if allowed.contains(where: { $0.isSameBytes(as: entry.key) }) {
                known[entry.key] = entry.value
            } else {
                let place = Place(
                    pointer: ManifestNode.pointer(node.pointer, entry.key), line: entry.line,
                    column: entry.column)
                report(.unknownField(place, entry.key, allowed: allowed))
            }
        }
        return Fields(node: node, known: known)
    }

    /// Entries of a mapping with free keys.
    mutating func entries(_ node: ManifestNode, max: Int, _ what: String, example: String)
        -> [ManifestNode.Entry]
    {
        guard case .mapping(let entries) = node.content else {
            report(.badType(node, "a mapping", example: example))
            return []
        }
        if entries.count > max {
            report(.outOfRange(node.place, "number of \(what)", "\(entries.count)", "0", "\(max)"))
        }
        return entries
    }

    mutating func items(_ node: ManifestNode, max: Int, _ what: String, example: String)
        -> [ManifestNode]
    {
        guard case .sequence(let items) = node.content else {
            report(.badType(node, "a list", example: example))
            return []
        }
        if items.count > max {
            report(.outOfRange(node.place, "number of \(what)", "\(items.count)", "0", "\(max)"))
        }
        return items
    }

    mutating func text(
        _ node: ManifestNode, _ what: String, max: Int, example: String
    ) -> String? {
        guard case .scalar(let text, _) = node.content else {
            report(.badType(node, "text", example: example))
            return nil
        }
        if text.utf8.count > max {
            report(
                .outOfRange(
                    node.place, "size of \(what)", "\(text.utf8.count)B", "0B",
                    Shown.size(UInt64(max)), isBytes: true))
            return nil
        }
        return text
    }

    mutating func texts(
        _ node: ManifestNode, _ what: String, max: Int, bytesMax: Int, example: String
    ) -> [(String, ManifestNode)] {
        items(node, max: max, what, example: example).compactMap { item in
            text(item, what, max: bytesMax, example: "\"text\"").map { ($0, item) }
        }
    }

    mutating func choice(_ node: ManifestNode, _ list: [String]) -> String? {
        guard case .scalar(let text, _) = node.content else {
            report(.badType(node, "one of \(Shown.list(list))", example: list[0]))
            return nil
        }
        guard list.contains(where: { $0.isSameBytes(as: text) }) else {
            report(.badChoice(node, text, list))
            return nil
        }
        return text
    }

    mutating func flag(_ node: ManifestNode) -> Bool? {
        if case .scalar(let text, _) = node.content {
            if text == "true" { return true }
            if text == "false" { return false }
        }
        report(.badType(node, "true or false", example: "true"))
        return nil
    }

    mutating func integer(
        _ node: ManifestNode, _ what: String, _ range: ClosedRange<UInt64>
    ) -> UInt64? {
        guard case .scalar(let text, _) = node.content,
            let source = PlainScalar.decimal(Array(text.utf8))
                ?? PlainScalar.radix(Array(text.utf8)),
            let number = JSONNumber(source), number.isInteger
        else {
            report(.badType(node, "a whole number", example: "\(range.lowerBound)"))
            return nil
        }
        guard let value = number.asUInt64, range.contains(value) else {
            report(
                .outOfRange(
                    node.place, what, number.text, "\(range.lowerBound)", "\(range.upperBound)"))
            return nil
        }
        return value
    }

    mutating func duration(
        _ node: ManifestNode, _ what: String, _ range: ClosedRange<UInt64>
    ) -> UInt64? {
        quantity(
            node, what, range, type: "a duration", example: "30s", unit: "s", Quantity.duration,
            Shown.duration)
    }

    mutating func size(
        _ node: ManifestNode, _ what: String, _ range: ClosedRange<UInt64>
    ) -> UInt64? {
        quantity(
            node, what, range, type: "a size", example: "256MiB", unit: "MiB", Quantity.size,
            Shown.size)
    }

    /// cpu in thousandths of a core.
    mutating func cores(_ node: ManifestNode) -> UInt64? {
        quantity(
            node, "resources.cpu", ManifestRanges.cpuThousandths, type: "a number of cores",
            example: "1.5", unit: "", { Quantity.fixedPoint($0, places: 3) },
            { JSONNumber("\($0)e-3")?.text ?? "" })
    }

    mutating func credit(_ node: ManifestNode, _ what: String) -> CreditAmount? {
        quantity(
            node, what, 0...CreditAmount.supplyMax.micro, type: "an amount of credit",
            example: "12.5", unit: "cr", Quantity.credit, { Shown.credit(CreditAmount(micro: $0)) }
        ).map { CreditAmount(micro: $0) }
    }

    mutating func quantity(
        _ node: ManifestNode, _ what: String, _ range: ClosedRange<UInt64>, type: String,
        example: String, unit: String, _ read: (String) -> Quantity.Reading,
        _ show: (UInt64) -> String
    ) -> UInt64? {
        guard case .scalar(let text, _) = node.content else {
            report(.badType(node, type, example: example))
            return nil
        }
        switch read(text) {
        case .value(let value) where range.contains(value): return value
        case .value, .tooLarge:
            report(
                .outOfRange(node.place, what, text, show(range.lowerBound), show(range.upperBound)))
        case .needsUnit: report(.needsUnit(node, text, unit: unit))
        case .unreadable: report(.badType(node, type, example: example))
        }
        return nil
    }

    /// Any JSON value.
    mutating func value(_ node: ManifestNode) -> JSONValue? {
        switch node.jsonValue() {
        case .success(let value): return value
        case .failure(let refused):
            report(.badType(refused.node, "a JSON value", example: "null"))
            return nil
        }
    }

    mutating func requireOne(
        _ fields: Fields, of list: [String], isRequired: Bool
    ) -> (name: String, node: ManifestNode)? {
        let found = list.filter { fields[$0] != nil }
        if found.count == 1, let node = fields[found[0]] { return (found[0], node) }
        if isRequired || found.count > 1 {
            report(.exclusive(fields.node.place, list, found: found))
        }
        return nil
    }
}

/// The known entries of one mapping.
struct Fields {
    let node: ManifestNode
    let known: [String: ManifestNode]

    subscript(_ name: String) -> ManifestNode? { known[name] }
}
