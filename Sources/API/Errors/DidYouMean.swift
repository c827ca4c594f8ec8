/// Finds what was probably meant by a name that is not allowed (`compute.md` 1.9).
public enum DidYouMean {
    /// The one allowed name with the least edit distance, if that is at most 2; nil if there is none or several.
    public static func suggestion(for name: String, among allowed: [String]) -> String? {
        // Names of ours are short; what is much longer cannot be near, and is not worth the work.
        guard name.utf8.count <= 64 else { return nil }
        let distances = allowed.map { (distance(Array(name), Array($0)), $0) }
        guard let least = distances.map({ $0.0 }).min(), least <= 2 else { return nil }
        let nearest = distances.filter { $0.0 == least }
        return nearest.count == 1 ? nearest[0].1 : nil
    }

    /// `did you mean "x"?`, or what is allowed.
    public static func fix(for name: String, among allowed: [String]) -> String {
        if let near = suggestion(for: name, among: allowed) { return "did you mean \"\(near)\"?" }
        return allowed.isEmpty
            ? "nothing is allowed here"
            : "allowed here: \(allowed.sorted().joined(separator: ", "))"
    }

    /// Levenshtein distance. O(n × m).
    static func distance(_ a: [Character], _ b: [Character]) -> Int {
        if b.isEmpty { return a.count }
        var row = Array(0...b.count)
        for (i, character) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in 1...b.count {
                let above = row[j]
                row[j] = min(above + 1, row[j - 1] + 1, diagonal + (character == b[j - 1] ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}
