import Basis
import TestKit
import Testing
import Trust
import Verdict
import Wire

@testable import Compute

enum Manifests {
    static let hashing = Blake2bHashing()

    static func read(_ json: String, parameters: [InputParameter] = []) -> ManifestReading {
        Manifest.read(
            json: Array(json.utf8), fileName: "job.json", parameters: parameters, hashing: hashing)
    }

    /// Resolves every source by hashing the name of what it is.
    static func resolve(_ manifest: Manifest) -> [ResolvedSource] {
        manifest.sources.map { source in
            func id(_ text: String) -> BlobID {
                BlobTree.id(of: Array(text.utf8), hashing: hashing)
            }
            switch source.kind {
            case .bytes(let bytes):
                return .blob(BlobTree.id(of: bytes, hashing: hashing), bytes: UInt64(bytes.count))
            case .file(let path): return .blob(id(path), bytes: 100)
            case .folder(let path): return .tree(id(path), bytes: 200)
            case .blob(let blob): return .blob(blob, bytes: 300)
            case .tree(let tree): return .tree(tree, bytes: 400)
            case .url(let url, _): return .blob(id(url), bytes: 500)
            case .account(let peer): return .account(PublicKey(peer.raw))
            }
        }
    }

    static func canonical(_ json: String, isAlone: Bool = false) -> CanonicalJob? {
        guard let manifest = read(json).manifest else { return nil }
        return try? manifest.canonical(resolve(manifest), isAlone: isAlone).get()
    }

    /// A job that uses most fields.
    static let full = """
        {"peernode": "v1", "name": "heatmap", "description": "d", "labels": {"team": "red", "a": "b"},
         "run": {"runtime": "python", "source": {"file": "heat.py"}, "args": ["--width", "${inputs.width}"],
                 "env": {"MODE": "fast", "ALPHA": "${inputs.width}px"}, "stdin": {"input": "grid"}, "seed": 7, "epoch": 5},
         "inputs": {"width": {"value": 640, "schema": {"type": "integer", "minimum": 1, "maximum": 4096}},
                    "grid": {"file": "grid.csv", "at": "/in/g/grid.csv"}, "tree": {"dir": "data"}},
         "outputs": {"result": {"mode": "auto", "schema": {"type": "object"}, "max": "1MiB"},
                     "files": [{"name": "picture", "path": "/out/heat.png", "max": "8MiB"}]},
         "resources": {"cpu": 1.5, "memory": "512MiB", "disk": "1GiB", "pids": 8},
         "place": {"require": ["arch == x86-64", "exists cap.python", "exists cap.gpu-lab"]},
         "verify": {"replicas": 3, "compare": "json", "ignore": ["/elapsed_ms"]},
         "cost": {"max": "2.5cr", "perExecution": 1},
         "timeout": {"run": "1m30s", "total": "1h", "queue": "5m", "lease": "3m"},
         "schedule": {"priority": "high", "deadline": "2026-11-20T10:15:02.123Z"},
         "keep": {"results": "1d", "logs": "12h"}}
        """
}

@Suite struct ManifestTests {
    /// Shows each field in its place of the canonical job.
    @Test func fieldsArriveInTheJob() throws {
        let reading = Manifests.read(Manifests.full)
        #expect(reading.issues.all == [])
        let job = try #require(Manifests.canonical(Manifests.full))
        let (work, purchase) = (job.work, job.purchase)
        #expect(work.runtime == .python)
        #expect(work.arguments == ["--width", "640"])
        #expect(
            work.environment == [
                .init(name: "ALPHA", value: "640px"), .init(name: "MODE", value: "fast"),
            ])
        #expect(work.stdin == .input("grid"))
        #expect(work.seed == .value(7) && work.epochSeconds == 5)
        #expect(work.inputs.map(\.name) == ["grid", "tree", "width"])
        #expect(work.inputs.map(\.mount) == ["/in/g/grid.csv", "/in/tree", "/in/width"])
        #expect(work.inputs[2].content == .json(.inPlace(Array("640".utf8))))
        if case .file(_, bytes: 100) = work.inputs[0].content {
        } else {
            Issue.record("grid is a file")
        }
        if case .tree(_, bytes: 200) = work.inputs[1].content {
        } else {
            Issue.record("tree is a folder")
        }
        #expect(work.resultMode == .auto && work.resultBytesMax == 1 << 20)
        #expect(work.resultSchema == .inPlace(Array(#"{"type":"object"}"#.utf8)))
        #expect(work.files.map(\.bytesMax) == [8 << 20])
        #expect(work.cpuThousandths == 1_500 && work.memoryBytes == 512 << 20 && work.pids == 8)
        #expect(work.runNanoseconds == 90_000_000_000 && work.cpuNanoseconds == 135_000_000_000)
        #expect(
            work.comparator.ignore.map(\.text) == ["/result/elapsed_ms"],
            "files move the result down")
        #expect(work.determinism == .equivalenceClass && work.isolation == .full)
        #expect((purchase.replicas, purchase.quorum, purchase.maxExecutions) == (3, 2, 5))
        #expect(purchase.require == [.architecture(.x86_64), .tag("gpu-lab"), .tag("python")])
        #expect(
            purchase.costMax == CreditAmount(micro: 2_500_000)
                && purchase.costPerExecution == .credits(1))
        #expect(purchase.deadline == .at(1_795_169_702_123))
        #expect(purchase.labels.map(\.key) == ["a", "team"] && purchase.name == "heatmap")
        #expect(purchase.leaseNanoseconds == 180_000_000_000)
    }

    /// Shows the defaults of the smallest jobs.
    @Test func defaults() throws {
        let job = try #require(
            Manifests.canonical(
                #"{"peernode":"v1","run":{"runtime":"command","args":["echo","hi"]}}"#))
        #expect(
            job.work.resultMode == .text && job.work.comparator == .raw
                && job.purchase.name == "job")
        #expect(job.purchase.replicas == 3 && job.purchase.maxExecutions == 5)
        let alone = try #require(
            Manifests.canonical(
                #"{"peernode":"v1","run":{"runtime":"command","args":["echo"]}}"#, isAlone: true))
        #expect(
            (alone.purchase.replicas, alone.purchase.quorum, alone.purchase.maxExecutions) == (
                1, 1, 1
            ))
        let builtin = try #require(
            Manifests.canonical(#"{"peernode":"v1","run":{"runtime":"builtin","entry":"echo"}}"#))
        #expect(builtin.work.resultMode == .json && builtin.work.isolation == .builtinOnly)
        #expect(builtin.work.determinism == .strict)
        for (r, most) in [(2, 4), (3, 5), (5, 7), (6, 8), (7, 9), (8, 8), (9, 9)] {
            let text =
                #"{"peernode":"v1","run":{"runtime":"command","args":["a"]},"verify":{"replicas":\#(r)}}"#
            #expect(
                Manifests.canonical(text)?.purchase.maxExecutions == UInt8(most), "replicas \(r)")
        }
        let python = try #require(
            Manifests.canonical(#"{"peernode":"v1","run":{"source":{"file":"a/b.py"}}}"#))
        #expect(python.work.runtime == .python)
    }

    /// Shows C01: order of keys, quoting, blanks, spelt-out defaults and description change no byte.
    @Test func spellingDoesNotMatter() throws {
        let a =
            #"{"peernode":"v1","name":"x","run":{"runtime":"command","args":["echo","1"]},"resources":{"cpu":1,"memory":"256MiB"}}"#
        let b = """
            { "resources": {"memory": "262144KiB", "cpu": "1.000", "pids": 64, "disk": "256MiB"}, "description": "long",
              "run": {"args": ["echo", 1], "epoch": 1767225600, "seed": "auto", "runtime": "command"},
              "timeout": {"run": "600s", "total": "60m"}, "name": "x", "peernode": "v1", "cache": "auto",
              "outputs": {"result": "text"}, "network": "none", "verify": {"compare": "exact", "mode": "replicate"} }
            """
        let (x, y) = (try #require(Manifests.canonical(a)), try #require(Manifests.canonical(b)))
        #expect(x.encoded == y.encoded)
    }

    /// Shows C04: every field of part W changes the WorkID, fields of part P only the job.
    @Test func workAndPurchaseAreApart() throws {
        let base = #"{"peernode":"v1","run":{"runtime":"command","args":["a"]}"#
        let job = try #require(Manifests.canonical(base + "}"))
        let id = job.workID(hashing: Manifests.hashing)
        let work = [
            #","inputs":{"x":{"value":1}}}"#, #","resources":{"cpu":2}}"#,
            #","resources":{"memory":"1GiB"}}"#,
            #","resources":{"disk":"1GiB"}}"#, #","resources":{"pids":65}}"#,
            #","timeout":{"run":"1m"}}"#,
            #","outputs":{"result":"none"}}"#,
            #","outputs":{"files":[{"name":"a","path":"/out/a"}]}}"#,
            #","verify":{"compare":"json"}}"#, #","determinism":"strict"}"#,
            #","resources":{"cpuTime":"1s"}}"#,
        ]
        for text in work {
            let other = try #require(Manifests.canonical(base + text), "\(text)")
            #expect(other.workID(hashing: Manifests.hashing) != id, "\(text)")
        }
        let purchase = [
            #","verify":{"replicas":5}}"#, #","verify":{"mode":"none"}}"#,
            #","timeout":{"total":"2h"}}"#,
            #","name":"other"}"#, #","labels":{"a":"b"}}"#, #","cost":{"max":1}}"#,
            #","schedule":{"priority":"low"}}"#,
            #","place":{"require":["exists cap.x"]}}"#, #","keep":{"logs":"1h"}}"#,
            #","verify":{"class":"any"}}"#,
        ]
        for text in purchase {
            let other = try #require(Manifests.canonical(base + text), "\(text)")
            #expect(other.workID(hashing: Manifests.hashing) == id, "\(text)")
            #expect(other.encoded != job.encoded, "\(text)")
        }
    }

    /// Shows parameters: they replace values, obey the schema, and must be declared.
    @Test func parameters() throws {
        let text = """
            {"peernode":"v1","run":{"runtime":"command","args":["echo","${inputs.n}","${inputs.s}"]},
             "inputs":{"n":{"default":2,"schema":{"type":"integer","maximum":9}},"s":{"value":"a b"}}}
            """
        let plain = try #require(Manifests.read(text).manifest)
        #expect(plain.draft.work.arguments == ["echo", "2", "a b"])
        let given = Manifests.read(
            text, parameters: [.init(name: "n", value: .number(JSONNumber(UInt64(7))))])
        #expect(given.manifest?.draft.work.arguments == ["echo", "7", "a b"])
        let refused = Manifests.read(
            text, parameters: [.init(name: "n", value: .number(JSONNumber(UInt64(10))))])
        #expect(refused.issues.all.map(\.code) == [.inputRefused])
        let unknown = Manifests.read(text, parameters: [.init(name: "m", value: .null)])
        #expect(unknown.issues.all.map(\.code) == [.inputUnknown])
        #expect(unknown.issues.all.first?.fix == "declared: n, s")
    }

    /// Shows that large inline values, code and stdin become blobs, and small ones stay.
    @Test func largeValuesBecomeBlobs() throws {
        let long = String(repeating: "x", count: 1_100)
        let text = """
            {"peernode":"v1","run":{"runtime":"python","source":{"inline":"print(1)"},"stdin":{"inline":"\(long)"}},
             "inputs":{"big":{"value":"\(long)"},"small":{"value":[1.0,{"b":2,"a":10e-1}]}}}
            """
        let manifest = try #require(Manifests.read(text).manifest)
        #expect(manifest.sources.map(\.role) == [.input("big"), .program, .stdin])
        let job = try #require(Manifests.canonical(text))
        #expect(job.work.inputs[1].content == .json(.inPlace(Array(#"[1,{"a":1,"b":2}]"#.utf8))))
        if case .json(.blob(_, bytes: 1_102)) = job.work.inputs[0].content {
        } else {
            Issue.record("big is a blob")
        }
        if case .bytes(.blob(_, bytes: 1_100)) = job.work.stdin {
        } else {
            Issue.record("stdin is a blob")
        }
        #expect(job.work.blobs.count == 3)
    }

    /// Shows how plain scalars are read where any value may stand (compute 1.1).
    @Test func plainScalars() {
        let table: [(String, String?)] = [
            ("null", "null"), ("~", "null"), ("", "null"), ("true", "true"), ("True", "\"True\""),
            ("yes", "\"yes\""),
            ("12", "12"), ("+12", "12"), ("012", "12"), ("0x1F", "31"), ("0o17", "15"), ("1.", "1"),
            (".5", "0.5"),
            ("-.5e1", "-5"), ("1e3", "1000"), (".nan", nil), ("-.inf", nil), ("12:30", "\"12:30\""),
            ("1_000", "\"1_000\""),
            ("0x", "\"0x\""),
            ("0xfffffffffffffffffffffffffffffffff", "5444517870735015415413993718908291383295"),
            (".", "\".\""), ("-", "\"-\""), ("0o8", "\"0o8\""), ("1e999999", nil),
        ]
        for (text, expected) in table {
            switch PlainScalar.read(text) {
            case .value(let value): #expect(CanonicalJSON.text(value) == expected, "\(text)")
            case .refused: #expect(expected == nil, "\(text)")
            }
        }
    }

    /// Shows durations, sizes, credit and times as people type them.
    @Test func quantities() {
        #expect(Quantity.duration("1h30m") == .value(5_400_000_000_000))
        #expect(Quantity.duration("250ms") == .value(250_000_000))
        #expect(Quantity.duration("30m1h") == .unreadable)
        #expect(Quantity.duration("10") == .needsUnit)
        #expect(Quantity.duration("1h 30m") == .unreadable)
        #expect(Quantity.duration("99999999999999999999d") == .tooLarge)
        #expect(Quantity.size("512MiB") == .value(512 << 20))
        #expect(Quantity.size("5GB") == .value(5_000_000_000))
        #expect(Quantity.size("1GiB1MiB") == .unreadable)
        #expect(Quantity.credit("12.5cr") == .value(12_500_000))
        #expect(Quantity.credit("0.0000001") == .unreadable)
        #expect(Quantity.credit("-1") == .unreadable)
        #expect(Timestamp.millis("1970-01-01T00:00:00Z") == 0)
        #expect(Timestamp.millis("2026-11-20T11:15:02.5+01:00") == 1_795_169_702_500)
        #expect(Timestamp.millis("2024-02-29T00:00:00Z") == 1_709_164_800_000)
        #expect(Timestamp.millis("2023-02-29T00:00:00Z") == nil)
        #expect(Timestamp.millis("1970-01-01T00:00:00+01:00") == nil)
        #expect(Shown.duration(5_400_000_000_000) == "1h30m")
        #expect(Shown.size(512 << 20) == "512MiB")
        #expect(Shown.credit(CreditAmount(micro: 12_345_600)) == "12.3456 cr")
    }

    /// Shows that a command line makes the manifest that its flags say, byte for byte in its arguments.
    @Test func commandLines() throws {
        var line = CommandLineJob(words: ["./tool", "a b", "$x", "data.txt", "ü\n"], isFile: false)
        line.inputs = [.init(path: "d/table.csv"), .init(path: "dir", name: "all")]
        line.outputs = ["heat.png"]
        line.stdin = "in.txt"
        line.time = "2h"
        line.replicas = "1"
        line.memory = "1GiB"
        line.environment = [("MODE", "x")]
        line.values = .object(sorting: [("width", .number(JSONNumber(UInt64(3))))])
        let (node, warnings) = line.manifest { path in
            path == "dir"
                ? .folder : ["./tool", "data.txt", "d/table.csv"].contains(path) ? .file : nil
        }
        #expect(warnings.map(\.message) == [#""data.txt" exists here but is not part of the job"#])
        #expect(warnings.first?.fix == "add --in data.txt:data_txt and use /in/data_txt")
        let reading = Manifest.read(node, fileName: "run", hashing: Manifests.hashing)
        #expect(reading.issues.all == [])
        let manifest = try #require(reading.manifest)
        let job = try manifest.canonical(Manifests.resolve(manifest), isAlone: false).get()
        #expect(job.work.arguments == ["a b", "$x", "data.txt", "ü\n"])
        #expect(
            job.work.inputs.map(\.mount) == ["/in/all", "/in/stdin", "/in/table.csv", "/in/width"])
        #expect(job.work.files.map(\.path) == ["/out/heat.png"])
        #expect(job.purchase.mode == Purchase.Mode.none && job.purchase.replicas == 1)
        #expect(job.purchase.totalNanoseconds == 8_100_000_000_000)
        if case .file = job.work.source {} else { Issue.record("the program travels") }
        var file = CommandLineJob(words: ["heat.py", "--n", "3"], isFile: true)
        file.compare = "json"
        let python = Manifest.read(
            file.manifest { _ in nil }.node, fileName: "run", hashing: Manifests.hashing)
        #expect(python.manifest?.draft.work.runtime == .python)
        #expect(python.manifest?.draft.work.arguments == ["--n", "3"])
        #expect(python.manifest?.draft.work.resultMode == .auto)
        let bad = CommandLineJob(words: ["echo"], isFile: false)
        var slow = bad
        slow.time = "5"
        let issues = Manifest.read(
            slow.manifest { _ in nil }.node, fileName: "run", hashing: Manifests.hashing
        ).issues
        #expect(
            issues.text(file: "command line").hasPrefix(
                "command line  /timeout/run: \"5\" needs a unit"))
    }
}
