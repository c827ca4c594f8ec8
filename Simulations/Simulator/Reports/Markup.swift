/// Writes HTML and SVG that are well-formed by construction: elements close themselves, and every text and attribute
/// value is escaped on its way in. Only what the source code itself spells out goes in as it is.
struct Markup {
    typealias Attributes = KeyValuePairs<String, String>

    private(set) var text = ""

    /// An element with what `content` writes inside.
    mutating func element(
        _ name: StaticString, _ attributes: Attributes = [:], _ content: (inout Markup) -> Void
    ) {
        open(name, attributes)
        text += ">"
        content(&self)
        text += "</\(name)>"
    }

    /// An element that holds words alone.
    mutating func element(_ name: StaticString, _ attributes: Attributes, _ words: String) {
        element(name, attributes) { $0.words(words) }
    }

    mutating func element(_ name: StaticString, _ words: String) { element(name, [:], words) }

    /// An element without content.
    mutating func empty(_ name: StaticString, _ attributes: Attributes = [:]) {
        open(name, attributes)
        text += "/>"
    }

    mutating func words(_ words: String) { text += Markup.escaped(words) }

    /// Written as it is: from the source code, never from a run.
    mutating func literal(_ literal: StaticString) { text += "\(literal)" }

    mutating func newline() { text += "\n" }

    private mutating func open(_ name: StaticString, _ attributes: Attributes) {
        text += "<\(name)"
        for (key, value) in attributes { text += " \(key)=\"\(Markup.escaped(value))\"" }
    }

    /// Without the five characters that mean something, and without those that XML has no place for.
    static func escaped(_ words: String) -> String {
        var out = ""
        out.reserveCapacity(words.utf8.count)
        for scalar in words.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            case "\n", "\t": out.unicodeScalars.append(scalar)
            default:
                out.unicodeScalars.append(Wording.isUnreadable(scalar) ? "\u{FFFD}" : scalar)
            }
        }
        return out
    }
}

// Drawing.
extension Markup {
    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) {
        empty("line", ["class": style, "x1": px(x1), "y1": px(y1), "x2": px(x2), "y2": px(y2)])
    }

    mutating func box(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, round: Double = 0) {
        empty(
            "rect",
            [
                "class": style, "x": px(x), "y": px(y), "width": px(max(width, 0)), "height": px(max(height, 0)),
                "rx": px(round),
            ])
    }

    enum Anchor: String { case start, middle, end }

    mutating func label(_ words: String, _ x: Double, _ y: Double, _ style: String, _ anchor: Anchor = .start) {
        element("text", ["class": style, "x": px(x), "y": px(y), "text-anchor": anchor.rawValue], words)
    }
}

/// A length in pixels to a tenth, as SVG takes it.
func px(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    let (whole, rest) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
    return (tenths < 0 ? "-" : "") + "\(whole)" + (rest == 0 ? "" : ".\(rest)")
}
