import Testing

@testable import API

@Suite struct ErrorTests {
    /// Each code has one entry, a title, a cause and a remedy, an exit code of the table, and a page that fits 80
    /// columns; each code that the program raises by name has an entry.
    @Test func everyCodeHasAPage() {
        #expect(Set(ErrorCatalogue.all.map(\.code)).count == ErrorCatalogue.all.count)
        let exits: Set = [0, 1, 3, 4, 5, 6, 7, 8, 9, 64, 65, 66, 69, 70, 74, 75, 77, 78]
        for entry in ErrorCatalogue.all {
            #expect(
                !entry.title.isEmpty && !entry.cause.isEmpty && !entry.remedy.isEmpty,
                "\(entry.code)")
            #expect(exits.contains(entry.exit), "\(entry.code)")
            let page = ErrorCatalogue.page(entry.code) ?? ""
            #expect(page.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(page)")
            #expect(ErrorCatalogue.document(entry.code)?.name == entry.name)
        }
        for code in ProblemCode.allCases {
            #expect(ErrorCatalogue.entry(code.rawValue) != nil, "\(code)")
        }
        #expect(ErrorCatalogue.page("e501") == ErrorCatalogue.page("E501"))
        #expect(ErrorCatalogue.page("E999") == nil)
    }

    /// HTTP status and exit code of some codes, as `surfaces.md` 3.6 has them.
    @Test(arguments: [
        ("E301", 404, 4), ("E302", 409, 65), ("E341", 507, 74), ("E501", 402, 9), ("E510", 503, 75),
        ("E601", 401, 77), ("E606", 413, 65), ("E614", 416, 65), ("E801", 422, 3),
        ("E901", 500, 70),
        ("E140", 409, 7), ("E101", 422, 65), ("E712", 429, 75),
    ])
    func statusAndExit(code: String, status: Int, exit: Int) {
        let problem = Problem(code: code, "x")
        #expect(problem.status == status)
        #expect(problem.exitCode == exit)
    }

    /// A person sees at most four lines: what happened, why, fix, with the code at the end of the last.
    @Test func aPersonSeesFourLines() {
        let problem = Problem(
            .noQuorum, "this network cannot order entries now: 2 of 4 seats answer, 3 are needed",
            why: "without a quorum nothing can be paid or assigned",
            fix: "peernode seats shows who is missing")
        let lines = problem.text().split(separator: "\n")
        #expect(lines.count == 3)
        #expect(
            lines[0] == "this network cannot order entries now: 2 of 4 seats answer, 3 are needed")
        #expect(lines[1] == "  why: without a quorum nothing can be paid or assigned")
        #expect(lines[2].hasPrefix("  fix: peernode seats shows who is missing  "))
        #expect(lines[2].hasSuffix("(E510)") && lines[2].count == 100)
        let hostile = Problem(.notFound, "no peer \u{1b}[31mred\u{202e}\nnext", why: "a\rb").text()
        #expect(!hostile.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
        #expect(hostile.contains("\\u{1b}[31mred\\u{202e}\\nnext"))
    }

    /// All mistakes of a manifest are shown at once, two lines each, in the form of `compute.md` 1.9.
    @Test func manifestMistakesComeTogether() throws {
        let items = [
            Problem.Item(
                pointer: "/verify/replica", line: 21, column: 3, code: "E101",
                message: "unknown field \"replica\"", fix: "did you mean \"replicas\"?"),
            Problem.Item(code: "W203", message: "a warning"),
            Problem.Item(
                line: 22, column: 1, code: "E107", message: "required field \"run\" is missing"),
        ]
        let problem = try #require(Problem.manifest(items))
        #expect(problem.status == 422 && problem.errors.count == 2)
        let lines = problem.text(file: "job.yaml").split(separator: "\n")
        #expect(lines[0].hasPrefix("job.yaml:21:3  /verify/replica: unknown field \"replica\"  "))
        #expect(lines[0].hasSuffix("(E101)"))
        #expect(lines[1] == "  fix: did you mean \"replicas\"?")
        #expect(lines[2].hasPrefix("job.yaml:22:1  required field"))
        #expect(Problem.manifest([items[1]]) == nil)
    }

    /// problem+json returns as the same problem; one with a code that this program does not know is shown as it came.
    @Test func problemsReturn() throws {
        var problem = Problem(
            .rate, "51 reads in 1 s", errors: [.init(pointer: "/a", code: "E611", message: "m")],
            retryAfterSeconds: 2)
        problem.requestID = "r1"
        #expect(try JSONText.decode(Problem.self, from: problem.json()) == problem)
        let newer =
            #"{"code":"E999","title":"new","status":418,"detail":"d","type":"/errors/E999"}"#
        let read = try JSONText.decode(Problem.self, from: Array(newer.utf8))
        #expect(
            read.code == "E999" && read.status == 418 && read.detail == "d" && read.exitCode == 1)
    }

    /// Outcomes of the ledger map to codes as the end of `surfaces.md` 3.6 says.
    @Test func outcomesMap() {
        let expected: [Int: ProblemCode] = [
            1: .entryRefused, 2: .entryRefused, 3: .entryExpired, 4: .entryRefused, 5: .notFound,
            6: .nonceConflict, 7: .nonceConflict, 8: .notAdmitted, 9: .insufficientCredit,
            10: .entryRefused,
            11: .entryRefused, 12: .limitReached, 13: .notFound, 14: .tooLate, 15: .refused,
            16: .entryRefused,
            21: .invite, 22: .invite, 23: .limitReached, 24: .limitReached, 25: .entryRefused,
            26: .entryRefused,
        ]
        for outcome in 0...26 {
            #expect(
                LedgerOutcomes.problemCode(outcome, isPayee: false) == expected[outcome],
                "\(outcome)")
        }
        #expect(LedgerOutcomes.problemCode(13, isPayee: true) == .badAccount)
        #expect(LedgerOutcomes.names.count == 27 && LedgerOutcomes.name(9) == "insufficientFunds")
        #expect(LedgerOutcomes.problemCode(refusal: "poolFull") == .overload)
    }

    /// "Did you mean" appears for exactly one nearest name within two edits.
    @Test func didYouMean() {
        #expect(DidYouMean.suggestion(for: "replica", among: ["replicas", "quorum"]) == "replicas")
        #expect(DidYouMean.suggestion(for: "limt", among: ["limit", "limb"]) == nil)
        #expect(DidYouMean.suggestion(for: "xyz", among: ["replicas"]) == nil)
        #expect(DidYouMean.suggestion(for: "", among: ["ab", "abc"]) == "ab")
    }
}
