/// What a process that trapped printed, in one line.
public enum TrapText {
    private static let marks = ["Fatal error", "invariant", "Swift runtime failure"]

    /// The line that says what broke, and the first place in a source file that a backtrace names; nil if there is no
    /// such line.
    public static func line(_ errors: String) -> String? {
        let lines = errors.split(separator: "\n")
        guard let at = lines.firstIndex(where: { line in marks.contains { line.contains($0) } }) else { return nil }
        let what = lines[at].drop { $0 == " " || $0 == "*" }
        let end = what.lastIndex { $0 != " " && $0 != "*" }
        let said = end.map { String(what[...$0]) } ?? String(what)
        // A frame reads "1 0x1234 Type.function() + 12 in program at folder/File.swift:1:2".
        let frame = lines[at...].first { $0.contains(".swift:") && $0.contains(" at ") && $0.contains(" in ") }
        guard let frame, let place = frame.split(separator: "/").last else { return said }
        return "\(said)  at \(place)"
    }
}
