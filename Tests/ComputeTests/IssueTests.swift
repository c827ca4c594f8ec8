import Basis
import TestKit
import Testing
import Trust
import Verdict
import Wire

@testable import Compute

/// C06: every code of stage 1 is produced by an input that produces no other, with exactly its text.
@Suite struct IssueTests {
    static let run = #""run":{"runtime":"command","args":["a"]}"#

    /// (manifest without the outer braces and version, code, pointer, message, fix)
    static let table: [(String, ManifestCode, String, String, String)] = [
        (
            #"\#(run),"verify":{"replica":3}"#, .unknownField, "/verify/replica",
            #"unknown field "replica""#, #"did you mean "replicas"?"#
        ),
        (
            #"\#(run),"cost":{"zzz":3}"#, .unknownField, "/cost/zzz", #"unknown field "zzz""#,
            "allowed here: max, perExecution"
        ),
        (
            #"\#(run),"resources":{"memory":"512"}"#, .badType, "/resources/memory",
            #""512" needs a unit"#, "write 512MiB"
        ),
        (
            #"\#(run),"timeout":{"run":30}"#, .badType, "/timeout/run", #""30" needs a unit"#,
            "write 30s"
        ),
        (
            #"\#(run),"resources":[1]"#, .badType, "/resources",
            "expected a mapping, found list of 1", "write it as {memory: 512MiB}"
        ),
        (
            #"\#(run),"resources":{"pids":"many"}"#, .badType, "/resources/pids",
            #"expected a whole number, found text "many""#, "write it as 1"
        ),
        (
            #"\#(run),"private":3"#, .badType, "/private",
            #"expected true or false, found number "3""#, "write it as true"
        ),
        (
            #"\#(run),"resources":{"pids":2000}"#, .outOfRange, "/resources/pids",
            "resources.pids is 2000, allowed are 1 to 1024", "choose a value in that range"
        ),
        (
            #"\#(run),"resources":{"cpu":65}"#, .outOfRange, "/resources/cpu",
            "resources.cpu is 65, allowed are 0.1 to 64", "choose a value in that range"
        ),
        (
            #"\#(run),"resources":{"memory":"1MiB"}"#, .outOfRange, "/resources/memory",
            "resources.memory is 1MiB, allowed are 16MiB to 1TiB", "choose a value in that range"
        ),
        (
            #"\#(run),"timeout":{"run":"8d"}"#, .outOfRange, "/timeout/run",
            "timeout.run is 8d, allowed are 100ms to 7d", "choose a value in that range"
        ),
        (
            #"\#(run),"description":"\#(String(repeating: "x", count: 1_025))""#, .outOfRange,
            "/description", "size of description is 1025B, allowed are 0B to 1KiB",
            "move large values into files or blobs"
        ),
        (
            #"\#(run),"schedule":{"priority":"urgent"}"#, .badChoice, "/schedule/priority",
            #""urgent" is not one of low, normal, high"#, "choose one of them"
        ),
        (
            #""name":"x""#, .missingField, "", #"required field "run" is missing"#,
            "add run: {runtime: command, args: [echo, hello]}"
        ),
        (
            #""run":{"runtime":"python"}"#, .missingField, "/run",
            #"required field "source" is missing"#, "add source: {file: main.py}"
        ),
        (
            #""run":{"runtime":"builtin"}"#, .missingField, "/run",
            #"required field "entry" is missing"#, "add entry: echo"
        ),
        (
            #"\#(run),"name":"Big Job""#, .badName, "/name", #""Big Job" is not a valid job name"#,
            #"use 1 to 63 lower-case letters, digits and "-", not "-" first"#
        ),
        (
            #""run":{"runtime":"python","source":{"file":"a.py","inline":"x"}}"#, .exclusive,
            "/run/source",
            "give exactly one of inline, file, dir, blob, tree, url, image, git, found inline, file",
            "keep one of them"
        ),
        (
            #""run":{"runtime":"python","source":{}}"#, .exclusive, "/run/source",
            "give exactly one of inline, file, dir, blob, tree, url, image, git, found none",
            "keep one of them"
        ),
        (
            #"\#(run),"inputs":{"a":{"url":"https://h/x"}}"#, .unpinned, "/inputs/a/url",
            #""https://h/x" is not pinned, so replicas could see different bytes"#, "add sha256"
        ),
        (
            #""run":{"runtime":"command","args":["${inputs.q}"]}"#, .badReference, "/run/args/0",
            #""${inputs.q}" names no inline scalar input"#,
            "declare inputs.q with a value, or remove it"
        ),
        (
            #""run":{"runtime":"command","args":["${inputs.q}"]},"inputs":{"q":{"value":[1]}}"#,
            .badReference, "/run/args/0", #""${inputs.q}" names no inline scalar input"#,
            "declare inputs.q with a value, or remove it"
        ),
        (
            #"\#(run),"outputs":{"files":[{"name":"a","path":"/out/../etc"}]}"#, .badPath,
            "/outputs/files/0/path",
            #"path "/out/../etc" must be absolute, below /out and without "..""#,
            "write it as /out/etc"
        ),
        (
            #"\#(run),"inputs":{"a":{"value":1,"at":"/tmp/a"}}"#, .badPath, "/inputs/a/at",
            #"path "/tmp/a" must be absolute, below /in and without "..""#, "write it as /in/a"
        ),
        (
            #"\#(run),"outputs":{"files":[{"name":"a","path":"/out/d"},{"name":"b","path":"/out/d/e"}]}"#,
            .pathOverlap, "/outputs/files/1", #""/out/d/e" overlaps with /outputs/files/0"#,
            "give each its own path"
        ),
        (
            #"\#(run),"inputs":{"n":{"value":12,"schema":{"maximum":9}}}"#, .inputRefused,
            "/inputs/n/value", #"input "n" is refused: 12 is not at most 9"#,
            "give a value that fits its schema"
        ),
        (
            #"\#(run),"inputs":{"n":{"required":true}}"#, .inputRefused, "/inputs/n",
            #"input "n" is refused: a value is required"#, "give a value that fits its schema"
        ),
        (
            #""run":{"runtime":"command","args":["a"],"stdin":{"input":"z"}},"inputs":{"n":{"value":1}}"#,
            .inputUnknown, "/run/stdin/input", #"input "z" is not declared"#, "declared: n"
        ),
        (
            #"\#(run),"verify":{"replicas":5,"quorum":2}"#, .quorum, "/verify/quorum",
            "quorum 2 is not between 3 and 5 replicas",
            "for n wrong peers choose replicas of at least 2n+1"
        ),
        (
            #"\#(run),"verify":{"replicas":1}"#, .quorumEven, "/verify/replicas",
            "with 1 replicas and quorum 1 one wrong peer decides alone",
            "raise quorum, or write verify: {mode: none} if that is meant"
        ),
        (
            #"\#(run),"verify":{"ignore":["/t"]}"#, .ignoredPointer, "/verify/ignore",
            "ignore works only with compare: json", "add compare: json, or remove ignore"
        ),
        (
            #"\#(run),"verify":{"compare":"json"},"outputs":{"result":"text"}"#, .comparator,
            "/verify/compare", "comparator json does not suit outputs.result: text",
            "use exact, or verify: {mode: none}"
        ),
        (
            #"\#(run),"determinism":"none","verify":{"replicas":3}"#, .comparator, "/verify",
            "comparator exact does not suit determinism: none", "use verify: {mode: none}"
        ),
        (
            #"\#(run),"determinism":"none""#, .verifyMissing, "/determinism",
            #"verify must be written out when determinism is "none""#, "add a verify block"
        ),
        (
            #"\#(run),"timeout":{"run":"1h"}"#, .timeouts, "/timeout",
            "timeout.run with 15s to start and reveal 1h15s is longer than timeout.total 1h",
            "shorten timeout.run with 15s to start and reveal, or raise timeout.total"
        ),
        (
            #"\#(run),"timeout":{"run":"30s","lease":"10s"}"#, .timeouts, "/timeout/lease",
            "timeout.run with 5s to start 35s is longer than timeout.lease 10s",
            "shorten timeout.run with 5s to start, or raise timeout.lease"
        ),
        (
            #""run":{"runtime":"command","args":["a"],"env":{"API_TOKEN":"x"}}"#, .secret,
            "/run/env/API_TOKEN",
            "env API_TOKEN looks like a secret; replicas run on other people's machines",
            "remove it"
        ),
        (
            #""run":{"runtime":"builtin","entry":"echo","source":{"file":"a"}}"#, .sourceKind,
            "/run/source/file", "runtime builtin cannot take a source of kind file", "allowed: none"
        ),
        (
            #"\#(run),"private":true"#, .privateJob, "/private",
            "private jobs are reserved for a later version", "remove it"
        ),
        (
            #"\#(run),"map":{"over":{"list":[1]}}"#, .notYet, "/map",
            #""map" is not available in this version"#, "remove it"
        ),
        (
            #"\#(run),"retry":{"lost":1}"#, .notYet, "/retry",
            #""retry" is not available in this version"#, "remove it"
        ),
        (
            #""run":{"runtime":"wasm","source":{"file":"a.wasm"}}"#, .notYet, "/run/runtime",
            #""runtime wasm" is not available in this version"#, "remove it"
        ),
        (
            #"\#(run),"verify":{"compare":{"kind":"numeric","at":["/x"]}}"#, .notYet,
            "/verify/compare/kind", #""verify.compare: numeric" is not available in this version"#,
            "remove it"
        ),
        (
            #"\#(run),"network":["https://a:443"]"#, .notYet, "/network",
            #""network" is not available in this version"#, "remove it"
        ),
        (
            #"\#(run),"place":{"require":["cores > 4"]}"#, .notYet, "/place/require/0",
            #""place.require: cores > 4" is not available in this version"#, "remove it"
        ),
        (
            #"\#(run),"place":{"deny":[]}"#, .notYet, "/place/deny",
            #""place.deny" is not available in this version"#, "remove it"
        ),
        (
            #"\#(run),"cache":"only""#, .notYet, "/cache",
            #""cache: only" is not available in this version"#, "remove it"
        ),
        (
            #"\#(run),"resources":{"gpu":1}"#, .notYet, "/resources/gpu",
            #""resources.gpu" is not available in this version"#, "remove it"
        ),
        (
            #"\#(run),"inputs":{"a":{"job":"job_x"}}"#, .notYet, "/inputs/a/job",
            #""inputs.a.job" is not available in this version"#, "remove it"
        ),
        (
            #"\#(run),"outputs":{"result":{"mode":"json","schema":{"type":"number"}}},"verify":{"class":"any"}"#,
            .floatExact, "/outputs/result",
            "fractions from a native runtime are compared bit by bit",
            "replicas stay in one class; or use compare numeric"
        ),
    ]

    @Test(arguments: table.indices)
    func eachInputGivesItsText(_ row: Int) {
        let (text, code, pointer, message, fix) = Self.table[row]
        let issues = Manifests.read(#"{"peernode":"v1",\#(text)}"#).issues.all
        #expect(issues.map(\.code) == [code], "\(text): \(issues)")
        #expect(issues.first?.pointer == pointer)
        #expect(issues.first?.message == message)
        #expect(issues.first?.fix == fix)
    }

    /// Shows what is refused before any field is looked at.
    @Test func recognition() {
        let table: [(String, ManifestCode, String)] = [
            ("{\"a\":1}", .notAManifest, "this is neither a peernode manifest nor a known dialect"),
            ("[]", .notAManifest, "this is neither a peernode manifest nor a known dialect"),
            (#"{"peernode":"v9"}"#, .notAManifest, #"manifest version "v9" is not known"#),
            (
                #"{"compute_logic":{}}"#, .notYet,
                #""the task dialect with compute_logic" is not available in this version"#
            ),
            (
                #"{"task_definition":{}}"#, .notYet,
                #""the task dialect with task_definition" is not available in this version"#
            ),
            (
                #"{"Job":{}}"#, .notYet,
                #""the Bacalhau dialect with Job" is not available in this version"#
            ),
            (
                #"{"Tasks":[{"Engine":{}}]}"#, .notYet,
                #""the Bacalhau dialect with Tasks" is not available in this version"#
            ),
            (
                #"{"job_type":"x"}"#, .notYet,
                #""the short job with job_type" is not available in this version"#
            ),
            ("{\n \"a\": 1,\n \"a\": 2}", .notReadable, #"key "a" appears twice, first on line 2"#),
            ("{\n \"a\": tru}", .notReadable, #"not valid JSON: unexpected "}""#),
            ("{\"a\":", .notReadable, "not valid JSON: the text ends too early"),
            ("{} x", .notReadable, "not valid JSON: more text after the end"),
            (
                String(repeating: "[", count: 33) + String(repeating: "]", count: 33), .outOfRange,
                "nesting depth is 33, allowed are 1 to 32"
            ),
            (
                "\"" + String(repeating: "x", count: 262_144) + "\"", .outOfRange,
                "manifest size is 262146B, allowed are 1B to 256KiB"
            ),
        ]
        for (text, code, message) in table {
            let issues = Manifests.read(text).issues.all
            #expect(issues.map(\.code) == [code], "\(text.prefix(40))")
            #expect(issues.first?.message == message, "\(text.prefix(40))")
        }
    }

    /// Shows the texts of what shells notice.
    @Test func textsOfShells() {
        let source = SourceRef(
            index: 0, role: .program, kind: .file("a.py"), pointer: "/run/source/file", line: 3,
            column: 9)
        let table: [(ManifestIssue, ManifestCode, String, String)] = [
            (
                .sourceMissing(source, path: "a.py", why: "not found"), .sourceMissing,
                #""a.py" cannot be used: not found"#,
                "check the path, relative to the manifest; see --allow-dir"
            ),
            (
                .hashMismatch(source, url: "https://h/x", found: "aa", wanted: "bb"), .hashMismatch,
                #""https://h/x" has sha256 aa, the manifest says bb"#,
                "check the source, then correct the hash"
            ),
            (
                .unsatisfiable(
                    offers: 4, lacks: [(3, "memory"), (1, "python")],
                    nearest: "lower resources.memory to 512MiB", queueNanoseconds: 600_000_000_000),
                .unsatisfiable, "no standing offer fits: 4 offers, 3 lack memory, 1 lack python",
                "lower resources.memory to 512MiB; or --allow-wait to wait 10m"
            ),
            (
                .insufficientCredit(holds: .credits(1), reserves: CreditAmount(micro: 2_500_000)),
                .insufficientCredit, "the account holds 1.00 cr, this job reserves 2.50 cr",
                "lower replicas or cost, or receive credit"
            ),
            (
                .overBudget(estimate: .credits(3), costMax: .credits(2)), .overBudget,
                "the cheapest estimate is 3.00 cr, cost.max is 2.00 cr",
                "raise cost.max or lower replicas"
            ),
            (
                .deadlineInPast("2020-01-01T00:00:00Z"), .timeouts,
                "deadline 2020-01-01T00:00:00Z is in the past", "choose a later time"
            ),
            (
                .unsupportedYAML("alias", pointer: "/a", line: 1, column: 1), .notReadable,
                "alias is not supported", "write the value out in full"
            ),
            (
                .notValid(format: "YAML", reason: "x", line: 1, column: 1), .notReadable,
                "not valid YAML: x", "correct the text at this place"
            ),
            (
                .unusedFile("a b.txt", name: "a_b_txt"), .unusedFile,
                #""a b.txt" exists here but is not part of the job"#,
                "add --in a b.txt:a_b_txt and use /in/a_b_txt"
            ),
        ]
        for (issue, code, message, fix) in table {
            #expect(issue.code == code)
            #expect(issue.message == message)
            #expect(issue.fix == fix)
        }
        // No code of this stage is without a test.
        let tested = Set(table.map(\.1) + Self.table.map(\.1) + [.notAManifest])
        #expect(ManifestCode.allCases.filter { !tested.contains($0) } == [])
    }

    /// Shows the layout of the two lines and that hostile text is shown, not obeyed.
    @Test func layout() {
        let text =
            "{\"peernode\":\"v1\",\n  \"run\": {\"runtime\":\"command\",\"args\":[\"a\"]},\n  \"verify\": {\"replica\": 3}}"
        let shown = Manifests.read(text).issues.text(file: "job.yaml")
        #expect(
            shown == #"job.yaml:3:14  /verify/replica: unknown field "replica""#
                + String(repeating: " ", count: 50) + "(E101)\n  fix: did you mean \"replicas\"?")
        #expect(Shown.text("a\u{1b}[31m\u{202e}b") == "a\\u{1b}[31m\\u{202e}b")
        #expect(Shown.text(String(repeating: "é", count: 70)).unicodeScalars.count == 61)
    }

    /// Shows C05: all errors of a step at once, sorted by place, each pointing to something that exists.
    @Test func allAtOnceAndSorted() throws {
        let text = """
            {"peernode": "v1", "name": "BAD",
             "run": {"runtime": "command", "args": ["${inputs.a}"], "env": {"ld_x": "1"}},
             "resources": {"cpu": 100, "memory": "1"}, "outputs": {"result": "xml"},
             "verify": {"replicas": 10, "private": true}}
            """
        let issues = Manifests.read(text).issues.all
        #expect(
            issues.map(\.code) == [
                .badName, .badReference, .badName, .outOfRange, .badType, .badChoice, .outOfRange,
                .unknownField,
            ])
        let node = try ManifestNode.json(Array(text.utf8)).get()
        for issue in issues {
            var at = node
            for part in issue.pointer.split(separator: "/") {
                if case .sequence(let items) = at.content {
                    at = items[Int(part)!]
                } else {
                    at = try #require(at[String(part)])
                }
            }
            #expect(issue.line > 0 && issue.column > 0)
        }
    }

    /// Shows C03 for manifests: whatever is changed in one, reading ends with a manifest or with issues.
    @Test func mutationsNeverTrap() {
        var rng = SeededGenerator(seed: 31)
        let source = Array(Manifests.full.utf8)
        let pool = Array("{}[],:\"0123456789.-eE${}/*~ntf ".utf8)
        var accepted = 0
        for _ in 0..<1_500 {
            var bytes = source
            for _ in 0..<Int.random(in: 1...3, using: &rng) {
                let i = Int.random(in: 0..<bytes.count, using: &rng)
                switch Int.random(in: 0..<3, using: &rng) {
                case 0: bytes[i] = pool.randomElement(using: &rng)!
                case 1: bytes.remove(at: i)
                default: bytes.insert(pool.randomElement(using: &rng)!, at: i)
                }
            }
            let reading = Manifest.read(json: bytes, fileName: "f", hashing: MixHashing())
            #expect((reading.manifest == nil) == !reading.errors.isEmpty)
            if let manifest = reading.manifest {
                accepted += 1
                if case .success(let job) = manifest.canonical(
                    Manifests.resolve(manifest), isAlone: false)
                {
                    #expect((try? CanonicalJob.decoded(job.encoded)) == job)
                }
            }
        }
        #expect(accepted > 20)
    }
}
