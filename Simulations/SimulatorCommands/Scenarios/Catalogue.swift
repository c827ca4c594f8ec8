import Simulator

/// What `peersim list` prints and readers check names against.
enum Catalogue {
    /// Rows of section 15 by family.
    static let families: [(letter: String, count: Int, name: String)] = [
        ("S", 12, "system"), ("M", 20, "membership"), ("B", 3, "broadcast"), ("C", 21, "consensus"),
        ("L", 12, "credit"), ("J", 13, "jobs"), ("R", 8, "results"), ("E", 3, "execution"),
    ]

    static let invariantIDs: [String] = families.flatMap { family in
        (1...family.count).map { family.letter + String($0) }
    }

    static func invariant(_ text: String) throws(Wrong) -> String {
        if invariantIDs.contains(text) { return text }
        throw Wrong(
            message: "unknown invariant \"\(text)\"", why: "invariants are a closed list with fixed ids",
            fix: "`peersim list invariants` prints all of them")
    }

    /// Whether it is an invariant or a must.
    static func isJudged(_ name: String) -> Bool {
        invariantIDs.contains(name) || Must.ID(rawValue: name) != nil
    }
}
