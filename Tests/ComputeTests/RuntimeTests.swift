import Basis
import Records
import TestKit
import Testing
import Trust
import Verdict
import Wire

@testable import Compute

@Suite struct OutcomeTests {
    let hashing = Fixture.hashing

    func outcome(
        _ result: String, stdout: String, channel: ResultChannel = .none, compare: String = "exact",
        process: ProcessEnd = .exited(code: 0)
    ) -> Outcome {
        let text = """
            {"peernode":"v1","run":{"runtime":"python","source":{"inline":"x"}},"outputs":{"result":\(result)},"verify":{"compare":"\(compare)"}}
            """
        let job = Manifests.canonical(text)!
        let frame = try! RuntimePlan.frame(
            job, capability: Fixture.runtime(.python), architecture: "amd64",
            stage: StagePlan(inputs: .files([])), hashing: hashing)
        var end = Fixture.end(process)
        end.items[0].result = channel
        let schema: ValueSchema? = job.work.resultSchema.flatMap {
            guard case .inPlace(let bytes) = $0, let value = try? CanonicalJSON.parse(bytes) else {
                return nil
            }
            return try? ValueSchema(value)
        }
        return Outcome.of(
            job.work, end, in: frame, stdout: Array(stdout.utf8), files: [], schema: schema,
            hashing: hashing)
    }

    func body(_ outcome: Outcome) -> String { String(decoding: outcome.body, as: UTF8.self) }

    /// Shows which bytes are the result, mode by mode (compute 1.5).
    @Test func selection() {
        let table: [(String, String, ResultChannel, String)] = [
            (#""text""#, "a\n{\"x\":1}\n", .none, "a\n{\"x\":1}\n"),
            (#""none""#, "a\n", .none, ""),
            (#""auto""#, "a\n{\"x\": 1.0}\nlog\n", .none, "{\"x\":1}"),
            (#""auto""#, "[1]\r\n  [2, 3]\t\nend", .value(Array("7".utf8)), "[2,3]"),
            (
                #""auto""#, "no json\n7\n\"x\"\n", .value(Array("{\"b\":1,\"a\":2}".utf8)),
                "{\"a\":2,\"b\":1}"
            ),
            (#""auto""#, "just text", .none, "just text"),
            (#""json""#, "{\"x\":NaN}\n", .value(Array("5".utf8)), "5"),
            (#""json""#, "x\n[", .value(Array("null".utf8)), "null"),
        ]
        for (mode, stdout, channel, expected) in table {
            let outcome = outcome(mode, stdout: stdout, channel: channel)
            #expect(outcome.termination == .exited(code: 0))
            #expect(body(outcome) == expected, "\(mode) \(stdout)")
        }
        #expect(
            outcome(#""json""#, stdout: "{\"x\":NaN}\n", channel: .value([0x35])).hasNotFiniteLine)
    }

    /// Shows the ends that reading the result adds, with their texts.
    @Test func badOutputs() {
        let schema = #"{"mode":"json","schema":{"type":"object","properties":{"n":{"maximum":3}}}}"#
        let table: [(Outcome, String)] = [
            (outcome(#""json""#, stdout: "nothing\n"), "printed no JSON result"),
            (
                outcome(#""json""#, stdout: "", channel: .value(Array("{".utf8))),
                "the result is not valid: it is not JSON"
            ),
            (
                outcome(schema, stdout: "{\"n\":4}\n"),
                "the result breaks its schema at /n: 4 is not at most 3"
            ),
            (
                outcome(schema, stdout: "[4]\n"),
                "the result breaks its schema at /: [4] is not of type object"
            ),
            (
                outcome(#""auto""#, stdout: "text", compare: "json"),
                "the result is not valid: it is not JSON"
            ),
            (
                outcome(#"{"mode":"text","max":"2B"}"#, stdout: "abc"),
                "the result is not valid: it is larger than 2B"
            ),
            (
                outcome(#""auto""#, stdout: "", channel: .unfit("set")),
                "the result holds a set, which JSON cannot carry"
            ),
        ]
        for (outcome, text) in table {
            #expect(outcome.termination == .badOutput(text))
            #expect(outcome.body == [] && outcome.termination.code == (3, 0))
        }
    }

    /// Shows that failures agree on status and exit code alone, and successes on their result.
    @Test func agreement() {
        let a = outcome(#""text""#, stdout: "one", process: .exited(code: 3))
        let b = outcome(#""text""#, stdout: "two", process: .exited(code: 3))
        #expect(a.compareHash == b.compareHash && a.body == [])
        #expect(
            a.compareHash
                != outcome(#""text""#, stdout: "one", process: .exited(code: 4)).compareHash)
        #expect(
            outcome(#""text""#, stdout: "one").compareHash
                != outcome(#""text""#, stdout: "two").compareHash)
        let x = outcome(#""auto""#, stdout: "log 1\n{\"v\":1.0}\n", compare: "json")
        #expect(
            x.compareHash
                == outcome(#""auto""#, stdout: "other\n{\"v\":10e-1}", compare: "json").compareHash)
    }

    /// Shows the document of a job with files: sorted by path, text results by id, ignored places below `/result`.
    @Test func fileDocuments() throws {
        let base =
            #"{"peernode":"v1","run":{"runtime":"command","args":["a"]},"outputs":{"files":[{"name":"b","path":"/out/b"},{"name":"a","path":"/out/a"}]}"#
        let files = [
            StoredFile(
                name: "b", path: "b", blob: BlobID(repeating: 2), bytes: 5, isExecutable: false),
            StoredFile(
                name: "a", path: "a", blob: BlobID(repeating: 1), bytes: 4, isExecutable: true),
        ]
        func make(_ text: String, _ stdout: String) throws -> Outcome {
            let job = try #require(Manifests.canonical(text))
            let frame = try RuntimePlan.frame(
                job, capability: Fixture.runtime(.command), architecture: "amd64",
                stage: StagePlan(inputs: .files([])), hashing: hashing)
            #expect(frame.collect.map(\.path) == ["a", "b"])
            return Outcome.of(
                job.work, Fixture.end(), in: frame, stdout: Array(stdout.utf8), files: files,
                schema: nil, hashing: hashing)
        }
        let text = try make(base + "}", "hello")
        let blob = TextID.text(.blob, BlobTree.id(of: Array("hello".utf8), hashing: hashing).raw)
        let a = TextID.text(.blob, BlobID(repeating: 1).raw)
        let b = TextID.text(.blob, BlobID(repeating: 2).raw)
        #expect(
            body(text)
                == #"{"files":[{"blob":"\#(a)","bytes":4,"executable":true,"name":"a","path":"/out/a"},"#
                + #"{"blob":"\#(b)","bytes":5,"executable":false,"name":"b","path":"/out/b"}],"result":{"blob":"\#(blob)"}}"#
        )
        #expect(text.resultBlob == Array("hello".utf8))
        let json = base + #","verify":{"compare":"json","ignore":["/t"]}}"#
        #expect(
            try make(json, "{\"t\":1,\"v\":2}").compareHash
                == make(json, "{\"t\":5,\"v\":2}").compareHash)
        #expect(
            try make(json, "{\"t\":1,\"v\":2}").compareHash
                != make(json, "{\"t\":1,\"v\":3}").compareHash)
    }

    /// Shows frames: argv, standard input, python's literal, environment and limits.
    @Test func frames() throws {
        func frame(_ text: String, _ stage: StagePlan = StagePlan(inputs: .files([]))) throws
            -> RunFrame
        {
            let job = try #require(Manifests.canonical(text))
            let kind = job.work.runtime
            return try RuntimePlan.frame(
                job, capability: Fixture.runtime(kind), architecture: "amd64", stage: stage,
                hashing: hashing)
        }
        let plain = try frame(
            #"{"peernode":"v1","run":{"runtime":"command","args":["a b","$x"],"stdin":{"inline":"hi"},"env":{"MODE":"x"},"seed":7},"resources":{"cpu":1.5}}"#
        )
        #expect(
            plain.item.argv == ["a b", "$x"].map { Array($0.utf8) }
                && plain.item.stdin == .bytes(Array("hi".utf8)))
        #expect(
            plain.cpuCount == 2 && plain.isDeterministic && !plain.ownsProgram
                && plain.item.runtimeFrame == nil)
        #expect(
            plain.environment.contains(EnvironmentEntry("MODE", "x"))
                && plain.environment.contains(EnvironmentEntry("PEERNODE_SEED", "7")))
        #expect(
            plain.limits.cpuMicros == 900_000_000 && plain.limits.wallMillis == 600_000
                && plain.limits.pids == 64)
        let folder = try frame(
            #"{"peernode":"v1","run":{"runtime":"command","source":{"dir":"d"},"entry":"bin/x","args":["1"]}}"#
        )
        #expect(
            folder.item.argv.map { String(decoding: $0, as: UTF8.self) } == ["/in/.app/bin/x", "1"]
                && folder.ownsProgram)
        let named = try frame(
            #"{"peernode":"v1","run":{"runtime":"command","args":["a"],"stdin":{"input":"t"}},"inputs":{"t":{"value":"é"}}}"#
        )
        #expect(named.item.stdin == .bytes(Array("é".utf8)))
        let file = try frame(
            #"{"peernode":"v1","run":{"runtime":"command","args":["a"],"stdin":{"input":"t"}},"inputs":{"t":{"file":"x"}}}"#
        )
        #expect(file.item.stdin == .file("/in/t"))
        let python = try frame(
            #"{"peernode":"v1","run":{"source":{"file":"a.py"},"args":["1"],"seed":3},"inputs":{"n":{"value":2},"f":{"file":"x"}}}"#
        )
        let literal = String(decoding: python.item.runtimeFrame ?? [], as: UTF8.self)
        #expect(
            literal.contains("'n':2") && literal.contains("/in/f") && literal.contains("'seed':3"))
        let long = String(repeating: "x", count: 1_100)
        let big =
            #"{"peernode":"v1","run":{"source":{"file":"a.py"}},"inputs":{"n":{"value":"\#(long)"}}}"#
        #expect(throws: PlanError.inputUnavailable("n")) { try frame(big) }
        let job = try #require(Manifests.canonical(big))
        let value = BlobValue(id: Staging.values(job.work)[0], bytes: Array("\"\(long)\"".utf8))
        #expect(
            try frame(big, StagePlan(inputs: .files([]), values: [value])).item.runtimeFrame != nil)
        #expect(Staging.inputsJSON(job.work, values: []) == nil)
        #expect(Staging.inputsJSON(job.work, values: [value]) == Array("{\"n\":\"\(long)\"}".utf8))
        #expect(Staging.entries(job.work).map(\.path) == [".program", "inputs.json"])
        #expect(throws: PlanError.runtimeMissing("builtin")) {
            try frame(#"{"peernode":"v1","run":{"runtime":"builtin","entry":"echo"}}"#)
        }
    }
}

@Suite struct PolicyTests {
    /// Shows schedules: ranges, lists, midnight, the week's end, and what is refused.
    @Test func schedules() {
        let nights = WeekSchedule(["mon-fri 18:00-08:00", "sat,sun all"])!
        func minute(_ day: Int, _ hour: Int, _ minute: Int = 0) -> Int {
            day * 1_440 + hour * 60 + minute
        }
        #expect(nights.allows(minute: minute(0, 18)) && nights.allows(minute: minute(1, 7, 59)))
        #expect(!nights.allows(minute: minute(0, 17, 59)) && !nights.allows(minute: minute(1, 8)))
        #expect(nights.allows(minute: minute(5, 12)) && nights.allows(minute: minute(6, 23, 59)))
        #expect(!nights.allows(minute: minute(0, 7)), "Sunday's all ends at midnight")
        let late = WeekSchedule(["sun 22:00-06:00"])!
        #expect(
            late.allows(minute: minute(0, 5)) && !late.allows(minute: minute(0, 6))
                && !late.allows(minute: minute(6, 21)))
        #expect(WeekSchedule(["fri-mon 00:00-24:00"])!.allows(minute: minute(0, 23)))
        #expect(WeekSchedule([])!.allows(minute: 0) == false)
        for bad in [
            "mon", "mon 25:00-26:00", "foo all", "mon 8-9", "mon 08:00", "mon-tue-wed all",
            "mon 08:00-09:00 x",
        ] {
            #expect(WeekSchedule([bad]) == nil, "\(bad)")
        }
    }

    /// Shows decisions with their reasons in order, and that unknown facts are no reason.
    @Test func decisions() {
        var settings = Fixture.settings()
        settings.schedule = WeekSchedule(["mon 08:00-09:00"])!
        func facts(
            _ minute: Fact<Int>, disk: Fact<UInt64> = .value(1 << 40), paused: Bool = false,
            draining: Bool = false
        ) -> OwnerFacts {
            OwnerFacts(
                minuteOfWeek: minute, diskFreeBytes: disk, isolation: .value(.full),
                isPaused: paused, isDraining: draining)
        }
        #expect(OwnerPolicy.decide(settings, facts(.value(500))) == .run)
        #expect(OwnerPolicy.decide(settings, facts(.value(600))) == .pause([.schedule]))
        #expect(OwnerPolicy.decide(settings, facts(.unavailable("no clock"))) == .run)
        #expect(
            OwnerPolicy.decide(settings, facts(.value(500), disk: .value(1)))
                == .drain([.diskFloor]))
        #expect(
            OwnerPolicy.decide(settings, facts(.value(500), draining: true)) == .drain([.draining]))
        settings.isLending = false
        #expect(
            OwnerPolicy.decide(settings, facts(.value(600), disk: .value(1), paused: true))
                == .pause([.noConsent, .userPaused, .schedule, .diskFloor]))
    }
}

@Suite struct DerivationTests {
    let hashing = Fixture.hashing

    /// Shows the derived spec field by field.
    @Test func fields() throws {
        let job = Fixture.job(
            3, #","resources":{"cpu":1.5,"memory":"100MiB"},"place":{"require":["arch == x86-64"]}"#
        )
        let spec = Fixture.spec(job)
        #expect(
            spec.manifest == job.blobID(hashing: hashing) && spec.entryPeer == Fixture.entryPeer)
        #expect(
            (spec.r, spec.q, spec.rMax) == (3, 2, 3) && spec.cores == 2 && spec.memoryMiB == 100)
        #expect(
            spec.wallMillisMax == 3_000 && spec.cpuMicrosMax == 4_500_000
                && spec.memoryMax == 300_000)
        #expect((spec.leaseSeconds, spec.revealSeconds, spec.totalSeconds) == (60, 30, 3_600))
        #expect(
            spec.capabilities == CapabilityBits.architecture(.x86_64)
                | CapabilityBits.runtime(.command))
        #expect(
            spec.isolation == 3 && spec.flags == [] && spec.inlineMax == 4_096
                && spec.label == "job")
        let small = Fixture.spec(Fixture.job(3))
        #expect(small.runtime == Fixture.runtime(.command).classID, "the class with most owners")
        #expect(
            Fixture.spec(Fixture.job(3, #","determinism":"strict""#)).runtime
                == JobMarket.runtimeHash(.command, hashing: hashing))
        #expect(try JobSpec(decoding: small.encoded) == small)
    }

    /// Shows rates: those of the cheapest offers with 2·r owners, lowered to the budget.
    @Test func rates() throws {
        let listings = (10...20).map { Fixture.listing($0, rate: UInt64($0) * 1_000) }
        let job = Fixture.job(3)
        func spec(_ job: CanonicalJob) -> JobSpec? {
            try? Fixture.derivation(listings.reversed()).spec(job, wasAuto: false, hashing: hashing)
                .get()
        }
        #expect(spec(job)?.rateCPUMax == CreditAmount(micro: 15_000), "owners 10 to 15")
        let tight = Fixture.job(3, #","cost":{"perExecution":"0.038"}"#)
        let lowered = spec(tight)!
        #expect(lowered.rateCPUMax == CreditAmount(micro: 12_000))
        let paid = Pricing.price(
            rateCPU: lowered.rateCPUMax, rateMemory: lowered.rateMemoryMax,
            cpuMicros: lowered.cpuMicrosMax, memoryMiBMillis: lowered.memoryMax)!
        #expect(paid <= CreditAmount(micro: 38_000))
    }

    /// Shows lease and total: defaults, inputs, deadlines.
    @Test func times() throws {
        func spec(_ more: String, run: String = "3s") -> Result<JobSpec, ManifestIssues> {
            let text =
                #"{"peernode":"v1","run":{"runtime":"command","args":["a"]},"timeout":{"run":"\#(run)"}\#(more)}"#
            return Fixture.derivation([], waits: true).spec(
                Manifests.canonical(text)!, wasAuto: true, hashing: hashing)
        }
        #expect(try spec("").get().leaseSeconds == 63)
        #expect(try spec("", run: "50m").get().leaseSeconds == 3_060)
        #expect(try spec("", run: "59m").get().leaseSeconds == 3_590)
        #expect(try spec(#","schedule":{"deadline":"2m"}"#).get().totalSeconds == 120)
        #expect(
            try spec(#","schedule":{"deadline":"2023-11-14T22:23:20Z"}"#).get().totalSeconds == 600)
        if case .failure(let issues) = spec(#","schedule":{"deadline":"2020-01-01T00:00:00Z"}"#) {
            #expect(issues.all.map(\.code) == [.timeouts])
        } else {
            Issue.record("the deadline is past")
        }
        #expect(try !spec("").get().flags.contains(.allowSelf), "three replicas never run at home")
    }

    /// Shows that every job that a manifest can say has a spec that the ledger accepts.
    @Test func alwaysWithinRanges() {
        var rng = SeededGenerator(seed: 8)
        for _ in 0..<300 {
            let r = Int.random(in: 1...9, using: &rng)
            let run = ["100ms", "1s", "10m", "6d"].randomElement(using: &rng)!
            let text = """
                {"peernode":"v1","run":{"runtime":"command","args":["a"]},
                 "resources":{"cpu":\(["0.1", "1", "64"].randomElement(using: &rng)!),"memory":"\(["16MiB", "1TiB"].randomElement(using: &rng)!)"},
                 "timeout":{"run":"\(run)","total":"7d"},"verify":\(r == 1 ? #"{"mode":"none"}"# : #"{"replicas":\#(r)}"#),
                 "outputs":{"files":[{"name":"a","path":"/out/a","max":"\(["1B", "4GiB"].randomElement(using: &rng)!)"}]},
                 "cost":{"max":"\(["0", "0.01", "1000000"].randomElement(using: &rng)!)"}}
                """
            guard let job = Manifests.canonical(text) else {
                Issue.record("\(text)")
                continue
            }
            let facts = Fixture.derivation(
                Bool.random(using: &rng) ? [] : [Fixture.listing(10), Fixture.listing(11)],
                available: nil, waits: true)
            if case .success(let spec) = facts.spec(job, wasAuto: false, hashing: hashing) {
                #expect(spec.isWithinRanges)
                #expect((try? JobSpec(decoding: spec.encoded)) == spec)
                #expect(WorkerDesk.agrees(job, spec))
            }
        }
    }
}

/// Golden vectors and mutations of every layout of Compute.
@Suite struct LayoutTests {
    static func samples() -> [(String, [UInt8])] {
        let full = Manifests.canonical(Manifests.full)!
        let small = Fixture.job(1)
        let standing = Fixture.standing(Fixture.job(3))
        let claim = Claim(
            result: WorkerDesk.result(Fixture.outputs(Array("42\n".utf8)), standing.terms.spec),
            salt: Digest(repeating: 0xab),
            blobs: [BlobID(repeating: 1), BlobID(repeating: 2)])
        func record(_ step: DeskRecord.Step, _ n: UInt32) -> [UInt8] {
            DeskRecord(lease: standing.id, sequence: n, previous: Digest(repeating: 3), step: step)
                .encoded
        }
        let report = ExecutionReport(
            usage: Fixture.end().usage, capability: Fixture.runtime(.python), isolation: 3,
            termination: .exited(code: 0),
            stdout: .init(blob: BlobID(repeating: 5), bytes: 3, droppedBytes: 0),
            stderr: .init(blob: BlobID(repeating: 6), bytes: 0, droppedBytes: 9), attempt: 1)
        let settlement = Settlement(
            status: .completed, exitCode: 0, bodyBytes: 3,
            winners: [.init(account: PublicKey(repeating: 1), body: BlobID(repeating: 2))],
            inline: [1, 2, 3])
        let row = BookRecord(
            job: JobID(repeating: 1), account: PublicKey(repeating: 2), key: Digest(repeating: 3),
            content: Digest(repeating: 4), entry: [5, 6],
            canonical: small, isUnverified: true, state: .completed, code: .ok,
            isCancelAsked: false, settlement: settlement, hasResult: true)
        return [
            ("job.full", full.encoded), ("job.small", small.encoded),
            ("job.full.work", full.work.encoded),
            ("job.full.purchase", full.purchase.encoded),
            ("desk.received", record(.received(terms: standing.terms, deadline: 7, attempt: 1), 0)),
            ("desk.scheduled", record(.scheduled, 1)),
            ("desk.started", record(.started(pid: 42), 2)),
            ("desk.ended", record(.ended(status: 1, exitCode: -9), 3)),
            ("desk.sealed", record(.sealed(claim), 4)),
            ("desk.committed", record(.committed, 5)), ("desk.revealed", record(.revealed, 6)),
            ("desk.settled", record(.settled(.lost), 7)),
            ("report", report.encoded), ("book", row.encoded),
            ("progress", LeaseProgress(lease: standing.id, stage: .running, perMille: 421).encoded),
            ("id.work", full.workID(hashing: Manifests.hashing).bytes),
            ("id.blob", full.blobID(hashing: Manifests.hashing).bytes),
            ("id.seed", Array(String(small.seed(hashing: Manifests.hashing)).utf8)),
        ]
    }

    /// Shows that no layout changed: hexadecimal golden values, `UPDATE_VECTORS=1` rewrites them.
    @Test func golden() {
        let vectors = GoldenVectors("compute")
        for (name, bytes) in Self.samples() { #expect(vectors.difference(name, bytes) == nil) }
    }

    /// Shows C02: decode(encode(x)) == x, trailing bytes are refused, and each accepted mutation encodes to itself.
    @Test func mutations() throws {
        func fuzz<T: WireCodable & Equatable>(_ type: T.Type, _ prefix: String) throws {
            for (name, bytes) in Self.samples()
            where name.hasPrefix(prefix) && !name.hasPrefix(prefix + ".full.") {
                let sample = try T(decoding: bytes)
                #expect(sample.encoded == bytes, "\(name)")
                #expect(throws: WireError.trailing(1)) { try T(decoding: bytes + [0]) }
                #expect(Mutation.fuzz(sample, seed: 3, rounds: 300).broken == nil, "\(name)")
            }
        }
        try fuzz(CanonicalJob.self, "job")
        try fuzz(DeskRecord.self, "desk")
        try fuzz(ExecutionReport.self, "report")
        try fuzz(BookRecord.self, "book")
        try fuzz(LeaseProgress.self, "progress")
        #expect((try? CanonicalJob.decoded([UInt8](repeating: 0, count: 70_000))) == nil)
    }
}
