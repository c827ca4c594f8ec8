import Basis
import Records
import Testing
import Wire

/// Frames and reports of peernode-init, the table of ends, and the literals of the python harness.
@Suite struct RunningTests {
    static func frame() -> RunFrame {
        var limits = RunLimits(
            cpuMicros: 1_500_000, wallMillis: 3_000, memoryBytes: 64 << 20, diskBytes: 1 << 20, pids: 8)
        limits.artifactBytes = 4_096
        return RunFrame(
            item: ItemFrame(argv: ["/bin/sh", "-c", "echo 42"], stdin: .bytes([1, 2])),
            environment: [EnvironmentEntry("A", "b c")], limits: limits,
            inputs: .files([FrameFile(path: "x", isExecutable: true, bytes: [7])]),
            collect: [CollectEntry(name: "n", path: "o", bytesMax: 9)], epoch: 5)
    }

    /// The bytes of each frame are those that peernode-init reads: golden, so that neither side changes alone.
    @Test func initFramesAreGolden() {
        let header = InitFrame.header(InitHeader(RunningTests.frame())).framed
        let limits =
            "0c000000" + "00" + "0200000000000000" + "0300000000000000" + "01" + "0000100000000000"
            + "0000100000000000" + "02" + "0000000400000000" + "0000000400000000" + "03"
            + "0000800000000000" + "0000800000000000" + "04" + "0000000000000000" + "0000000000000000"
            + "06" + "0a00000000000000" + "0a00000000000000" + "07" + "0001000000000000"
            + "0001000000000000" + "08" + "0000010000000000" + "0000010000000000" + "0b"
            + "0001000000000000" + "0001000000000000" + "0c" + "0000000000000000" + "0000000000000000"
            + "0d" + "0000000000000000" + "0000000000000000" + "0e" + "0000000000000000"
            + "0000000000000000"
        let environment = "01000000" + "05000000" + "413d622063"
        let files = "0500000000000000" + "01000000" + "01000000" + "78" + "01" + "01000000" + "07"
        let collect = "01000000" + "01000000" + "6f" + "0900000000000000"
        let rest = "0010000000000000" + "00100000" + "0000000100000000" + "486b010000000000"
        let body = "01" + limits + environment + files + collect + rest
        #expect(hex(header) == "01" + length(body) + body)

        let item = InitFrame.item(RunningTests.frame().item).framed
        let arguments = "03000000" + "07000000" + "2f62696e2f7368" + "02000000" + "2d63" + "07000000"
            + "6563686f203432"
        let itemBody = "00000000" + arguments + "01" + "02000000" + "0102" + "00"
        #expect(hex(item) == "02" + length(itemBody) + itemBody)
        #expect(hex(InitFrame.finish.framed) == "0300000000")

        let python = ItemFrame(index: 3, argv: ["p"], stdin: .file("/in/a"), runtimeFrame: [0x7b])
        let pythonBody = "03000000" + "01000000" + "01000000" + "70" + "02" + "05000000" + "2f696e2f61"
            + "01" + "01000000" + "7b"
        #expect(hex(InitFrame.item(python).framed) == "02" + length(pythonBody) + pythonBody)
    }

    static let reports: [(InitReport, String)] = [
        (.started(item: 1, pid: 2), "01080000000100000002000000"),
        (
            .itemEnded(
                item: 0, .exited(code: 137), cpuMicros: 1, wallMicros: 2, residentPeakKiB: 3),
            "0221000000000000000089000000010000000000000002000000000000000300000000000000"
        ),
        (
            .itemEnded(
                item: 0, .signalled(number: 9), cpuMicros: 0, wallMicros: 0, residentPeakKiB: 0),
            "0221000000000000000109000000000000000000000000000000000000000000000000000000"
        ),
        (
            .itemEnded(
                item: 0, .notStarted(errno: 2), cpuMicros: 0, wallMicros: 0, residentPeakKiB: 0),
            "0221000000000000000202000000000000000000000000000000000000000000000000000000"
        ),
        (.result([5]), "03050000000100000005"),
        (
            .file(entry: 1, path: "a", isExecutable: true, length: 2),
            "04100000000100010000006101" + "0200000000000000"
        ),
        (.bytes([]), "050400000000000000"),
        (.refused(entry: 0, path: "b", .link), "0608000000" + "0000" + "0100000062" + "02"),
        (.paused(true), "070100000001"),
        (.limit(.resultChannel), "080100000009"),
        (.usage(cpuMicros: 7), "09080000000700000000000000"),
        (.failed(what: "x", errno: 1), "0a09000000010000007801000000"),
        (.itemDone(item: 4), "0b0400000004000000"),
        (.finished, "0c00000000"),
    ]

    /// Each report has one encoding, and is read back from it in any pieces.
    @Test(arguments: 0..<14) func reportsAreGolden(_ row: Int) throws {
        let (report, bytes) = RunningTests.reports[row]
        #expect(hex(report.framed) == bytes)
        for size in 1...7 {
            var reader = InitReportReader()
            var read: [InitReport] = []
            var rest = report.framed[...]
            while !rest.isEmpty {
                read += try reader.read(rest.prefix(size))
                rest = rest.dropFirst(size)
            }
            #expect(read == [report])
            #expect(reader.isAtBoundary)
        }
    }

    /// No stream traps; what is accepted encodes to what was read. 20,000 mutated streams from a seed.
    @Test func mutatedReportsAreRefusedOrEqual() {
        var rng = SeededGenerator(seed: 11)
        let all = RunningTests.reports.flatMap { $0.0.framed }
        for _ in 0..<20_000 {
            var bytes = Array(all[Int.random(in: 0..<all.count, using: &rng)...])
            for _ in 0..<Int.random(in: 0...4, using: &rng) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &rng)
                bytes[at] = UInt8.random(in: 0...255, using: &rng)
            }
            var reader = InitReportReader()
            guard let reports = try? reader.read(bytes) else {
                #expect(throws: WireError.self) { try reader.read([1]) }
                continue
            }
            let again = reports.flatMap(\.framed)
            #expect(again == Array(bytes.prefix(again.count)))
        }
    }

    /// A report that claims more than 64 KiB is refused before its bytes are kept.
    @Test func endlessReportIsRefused() {
        var reader = InitReportReader()
        #expect(throws: WireError.self) { try reader.read([5, 0xff, 0xff, 0xff, 0x7f]) }
    }

    /// The table of ends: a limit wins over the signal it used, exit 137 is no signal, and each text is as stated.
    @Test func endsAreToldApart() {
        let frame = RunningTests.frame()
        func text(
            _ process: ProcessEnd, limit: LimitHit? = nil, result: ResultChannel = .none,
            refused: [RefusedFile] = [], cpu: UInt64 = 0
        ) -> String {
            let item = ItemEnd(index: 0, process: process, result: result, refused: refused)
            var usage = Usage(meter: .polling)
            usage.cpuMicros = cpu
            let end = RunEnd(items: [item], usage: usage, limit: limit)
            let termination = end.termination(of: item, in: frame)
            return "\(termination.name) \(termination.code): \(termination.text)"
        }
        let rows: [(String, String)] = [
            (text(.exited(code: 0)), "exited (status: 0, exitCode: 0): the program ended with exit code 0"),
            (
                text(.exited(code: 137)),
                "exited (status: 1, exitCode: 137): the program ended with exit code 137"
            ),
            (
                text(.signalled(number: 9)),
                "signalled (status: 1, exitCode: -9): the program was ended by signal 9 (SIGKILL)"
            ),
            (
                text(.signalled(number: 9), limit: .memory),
                "memory_limit (status: 2, exitCode: 2): needed more than 64 MiB of memory"
            ),
            (
                text(.signalled(number: 24)),
                "time_limit (status: 2, exitCode: 1): used more than 1500 ms of CPU time"
            ),
            (
                text(.exited(code: 0), cpu: 1_500_001),
                "time_limit (status: 2, exitCode: 1): used more than 1500 ms of CPU time"
            ),
            (
                text(.signalled(number: 9), limit: .wallTime),
                "time_limit (status: 2, exitCode: 1): ran longer than 3 s"
            ),
            (
                text(.signalled(number: 25)),
                "disk_limit (status: 2, exitCode: 3): wrote more than 1 MiB of files"
            ),
            (
                text(.signalled(number: 9), limit: .standardOutput),
                "output_limit (status: 2, exitCode: 4): wrote more than 4 MiB to standard output"
            ),
            (
                text(.exited(code: 1), result: .outOfMemory),
                "memory_limit (status: 2, exitCode: 2): needed more than 64 MiB of memory"
            ),
            (
                text(.exited(code: 0), result: .unfit("set")),
                "bad_output (status: 3, exitCode: 0): the result holds a set, which JSON cannot carry"
            ),
            (
                text(.exited(code: 0), refused: [RefusedFile(path: "o", kind: .absent)]),
                "bad_output (status: 3, exitCode: 0): output /out/o was not written"
            ),
            (
                text(.exited(code: 0), refused: [RefusedFile(path: "o", kind: .link)]),
                "bad_output (status: 3, exitCode: 0): output /out/o is a link; only files and folders are kept"
            ),
            (
                text(.exited(code: 0), refused: [RefusedFile(path: "o", kind: .tooLarge, bytesMax: 9)]),
                "output_limit (status: 2, exitCode: 4): output /out/o exceeds 9 B"
            ),
            (
                text(.exited(code: 3), refused: [RefusedFile(path: "o", kind: .absent)]),
                "exited (status: 1, exitCode: 3): the program ended with exit code 3"
            ),
            (
                text(.notStarted(errno: 2)),
                "startFailed (status: 1, exitCode: -512): cannot start /bin/sh: no such file"
                    .replacing("startFailed", with: "start_failed")
            ),
        ]
        for (found, expected) in rows { #expect(found == expected) }
    }

    /// JSON becomes a literal of constants; anything else gives nothing.
    @Test func literalsHoldConstantsOnly() {
        func literal(_ json: String) -> String? {
            PythonLiteral.fromJSON(Array(json.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(literal(#" {"a":[1,true,null,-0.5e+3],"b":{}} "#) == "{'a':[1,True,None,-0.5e+3],'b':{}}")
        #expect(literal(#""it's \"q\" \\ \u00e9 \ud83d\ude00 \n/\/""#) != nil)
        #expect(literal(#""'\\""#) == #"'\'\\'"#)
        #expect(literal("\"\u{e9}\"") == #"'\U000000e9'"#)
        let digits = String(repeating: "9", count: 5_000)
        #expect(literal(digits) == digits)
        for bad in [
            "", "nul", "01", "1.", "[1,]", "{1:2}", "__import__('os')", "\"\\ud800\"", "\"\\x41\"", "1 2",
            "'a'", "NaN", "+1", "\"a", "[", String(repeating: "[", count: 100), "1e", "-",
        ] { #expect(literal(bad) == nil, "\(bad)") }
    }

    /// The environment holds ours, the determinism settings, and the job's own last.
    @Test func environmentIsComplete() {
        let own = [EnvironmentEntry("TZ", "Europe/Paris"), EnvironmentEntry("X", "1")]
        let entries = RunEnvironment.entries(
            seed: 1, epoch: 2, cpuCount: 3, isDeterministic: true, architecture: "amd64", own: own)
        let names = entries.map(\.name)
        #expect(names.count == Set(names).count)
        #expect(entries.suffix(2) == own[...])
        #expect(entries.contains(EnvironmentEntry("PYTHONHASHSEED", "0")))
        let free = RunEnvironment.entries(
            seed: 1, epoch: 2, cpuCount: 3, isDeterministic: false, architecture: "amd64")
        #expect(!free.map(\.name).contains("PYTHONHASHSEED"))
        #expect(free.contains(EnvironmentEntry("OMP_NUM_THREADS", "3")))
    }

    /// `Usage` and `LogMark` survive, and no other bytes pass for them.
    @Test func usageIsCanonical() throws {
        var usage = Usage(meter: .polling)
        usage.wallMicros = 1_001
        usage.cpuMicros = 2
        usage.processPeak = 3
        #expect(try Usage(decoding: usage.encoded) == usage)
        #expect(usage.wallMillis == 2)
        let golden = "e9030000000000000200000000000000" + String(repeating: "00", count: 48)
            + "03000000" + String(repeating: "00", count: 24) + "03"
        #expect(hex(usage.encoded) == golden)
        #expect(throws: WireError.self) { try Usage(decoding: usage.encoded.dropLast() + [9]) }
        let mark = LogMark(item: 1, stream: .standardError, seq: 2, offset: 3, length: 4)
        #expect(hex(mark.encoded) == "01000000" + "02" + "0200000000000000" + "0300000000000000" + "04000000")
        #expect(try LogMark(decoding: mark.encoded) == mark)
    }

    func hex(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
    func length(_ body: String) -> String {
        var writer = WireWriter()
        writer.u32(UInt32(body.utf8.count / 2))
        return hex(writer.bytes)
    }
}
