import Basis
import CSandbox
import Glibc
import Loop
import Records
import Testing

@testable import Runner

/// Property C28 and C29: each row of the table of ends, produced by a program made for it, in real sandboxes.
extension Sandboxes {
    @Suite(.serialized) struct EndsTests {
        static func sh(_ script: String, _ change: (inout RunFrame) -> Void = { _ in }) -> RunFrame
        {
            Bench.command(["sh", "-c", script], change)
        }

        /// (name, frame, expected termination).
        static let rows: [(String, RunFrame, Termination)] = [
            ("success", sh("exit 0"), .exited(code: 0)),
            ("exit code", sh("exit 3"), .exited(code: 3)),
            ("exit 137 is no signal", sh("exit 137"), .exited(code: 137)),
            ("a real SIGKILL", sh("kill -9 $$"), .signalled(number: 9)),
            ("a signal", sh("kill -SEGV $$"), .signalled(number: 11)),
            ("SIGXCPU", sh("kill -XCPU $$"), .timeLimit("used more than 10 s of CPU time")),
            (
                "wall time", sh("sleep 30") { $0.limits.wallMillis = 200 },
                .timeLimit("ran longer than 200 ms")
            ),
            (
                "CPU time of one", sh("while :; do :; done") { $0.limits.cpuMicros = 200_000 },
                .timeLimit("used more than 200 ms of CPU time")
            ),
            (
                "CPU time of many",
                sh("for i in 1 2 3; do (while :; do :; done) & done; wait") {
                    $0.limits.cpuMicros = 300_000
                },
                .timeLimit("used more than 300 ms of CPU time")
            ),
            (
                "memory of many", sh(memoryHog) { $0.limits.memoryBytes = 24 << 20 },
                .memoryLimit("needed more than 24 MiB of memory")
            ),
            (
                "a file over the disk limit",
                sh("exec head -c 3000000 /dev/zero > big") { $0.limits.diskBytes = 1 << 20 },
                .diskLimit("wrote more than 1 MiB of files")
            ),
            (
                "too many files",
                sh("i=0; while :; do i=$((i+1)); : > f$i; done") { $0.limits.diskBytes = 1 << 20 },
                .diskLimit("wrote more than 1000 files")
            ),
            (
                "standard output", sh("exec yes") { $0.limits.stdoutBytes = 1 << 20 },
                .outputLimit("wrote more than 1 MiB to standard output")
            ),
            (
                "standard error", sh("exec yes >&2") { $0.limits.stderrBytes = 8 << 20 },
                .outputLimit("wrote more than 8 MiB to standard error")
            ),
            (
                "no such command", Bench.command(["no-such-command"]),
                .startFailed("cannot start no-such-command: no such file")
            ),
            (
                "not a program",
                Bench.command(["/in/.program"]) {
                    $0.inputs = .files([
                        FrameFile(path: ".program", isExecutable: true, bytes: [1, 2, 3, 4])
                    ])
                }, .startFailed("cannot start /in/.program: it is not a program for this machine")
            ),
            (
                "not executable",
                Bench.command(["/in/.program"]) {
                    $0.inputs = .files([
                        FrameFile(path: ".program", bytes: Array("#!/bin/sh\n".utf8))
                    ])
                }, .startFailed("cannot start /in/.program: permission denied")
            ),
            (
                "a script with its interpreter",
                Bench.command(["/in/.program"]) {
                    $0.inputs = .files([
                        FrameFile(
                            path: ".program", isExecutable: true,
                            bytes: Array("#!/bin/sh\nexit 7\n".utf8))
                    ])
                }, .exited(code: 7)
            ),
            (
                "missing output", collect("true"), .badOutput("output /out/x was not written")
            ),
            ("missing optional output", collect("true", optional: true), .exited(code: 0)),
            (
                "output is a link", collect("ln -s /etc/passwd /out/x"),
                .badOutput("output /out/x is a link; only files and folders are kept")
            ),
            (
                "output folder holds a link", collect("mkdir /out/x; ln -s /etc/passwd /out/x/y"),
                .badOutput("output /out/x/y is a link; only files and folders are kept")
            ),
            (
                "the way to an output is a link",
                collect("rmdir /job/out; ln -s /etc /job/out", path: "passwd"),
                .badOutput("output /out/passwd is a link; only files and folders are kept")
            ),
            (
                "bad name", collect("mkdir /out/x; : > \"/out/x/$(printf 'a\\nb')\""),
                .badOutput(
                    "output /out/a?b is a file with a bad name; only files and folders are kept")
            ),
            (
                "output over its own limit", collect("head -c 2000 /dev/zero > /out/x", max: 1_024),
                .outputLimit("output /out/x exceeds 1 KiB")
            ),
            (
                "a sparse output counts in full", collect("truncate -s 2000 /out/x", max: 1_024),
                .outputLimit("output /out/x exceeds 1 KiB")
            ),
            ("an exit code beats a bad output", collect("exit 2"), .exited(code: 2)),
        ]

        /// Eight processes of shells that each hold a text of some MiB: none breaks its own limit, all together do.
        static let memoryHog = """
            for i in 1 2 3 4 5 6 7 8; do
                (x=$(head -c 4000000 /dev/zero | tr '\\0' x); sleep 20) &
            done
            wait
            """

        static func collect(
            _ script: String, path: String = "x", max: UInt64 = 1 << 20, optional: Bool = false
        ) -> RunFrame {
            sh(script) {
                $0.collect = [
                    CollectEntry(name: "x", path: path, bytesMax: max, isOptional: optional)
                ]
            }
        }

        @Test(.enabled(if: Bench.hasSandbox), arguments: 0..<Sandboxes.EndsTests.rows.count)
        func endIsAsStated(_ row: Int) async throws {
            let (name, frame, expected) = Sandboxes.EndsTests.rows[row]
            let bench = try Bench()
            let record = try await bench.run(frame)
            let end = try #require(record.end, "\(name): \(record.reason?.text ?? "")")
            let item = try #require(end.items.first)
            #expect(
                end.termination(of: item, in: frame) == expected,
                "\(name): \(item) \(record.errorText.suffix(300))")
            #expect(end.usage.stdoutBytes == UInt64(record.stdout.count))
            await bench.close()
        }

        /// Outputs come out byte for byte, with their executable bit, in the order of their names, from folders too.
        @Test(.enabled(if: Bench.hasSandbox)) func outputsComeOut() async throws {
            let bench = try Bench()
            let script = """
                mkdir -p /out/tree/b; echo one > /out/tree/b/1; printf '' > /out/tree/a; chmod 0 /out/tree/b/1
                cp /bin/true /out/program; head -c 200000 /dev/zero | tr '\\0' q > /out/big
                """
            let record = try await bench.run(
                Sandboxes.EndsTests.sh(script) {
                    $0.collect = [
                        CollectEntry(name: "t", path: "tree", bytesMax: 1 << 20),
                        CollectEntry(name: "p", path: "program", bytesMax: 1 << 20),
                        CollectEntry(name: "b", path: "big", bytesMax: 1 << 20),
                    ]
                })
            #expect(record.outputs.map(\.file.path) == ["tree/a", "tree/b/1", "program", "big"])
            #expect(record.outputs.map(\.file.isExecutable) == [false, false, true, false])
            #expect(record.outputs.map(\.bytes.count) == record.outputs.map { Int($0.file.length) })
            #expect(record.outputs.count == 4)
            if record.outputs.count == 4 {
                #expect(record.outputs[1].bytes == Array("one\n".utf8))
                #expect(record.outputs[3].bytes == [UInt8](repeating: 0x71, count: 200_000))
            }
            #expect(
                record.end?.usage.artifactBytes == record.outputs.reduce(0) { $0 + $1.file.length })
            await bench.close()
        }

        /// argv reaches the program byte for byte, standard input and inputs are there, and input files show the epoch.
        @Test(.enabled(if: Bench.hasSandbox)) func inputsArriveUnchanged() async throws {
            let bench = try Bench()
            let odd: [[UInt8]] = [
                Array("printf".utf8), Array("%s|".utf8), Array("a b".utf8), Array("'\"$x".utf8),
                Array("\n".utf8),
                [0xff, 0xfe], [],
            ]
            var frame = Bench.command(["x"])
            frame.item = ItemFrame(argv: odd)
            #expect(
                try await bench.run(frame).stdout == Array("a b|'\"$x|\n|".utf8) + [0xff, 0xfe]
                    + Array("||".utf8))

            let record = try await bench.run(
                Sandboxes.EndsTests.sh(
                    "cat; cat /in/deep/data; date -u -r /in/deep/data +%s; cat /dev/stdin | wc -c"
                ) {
                    $0.item.stdin = .bytes(Array("input\n".utf8))
                    $0.inputs = .files([FrameFile(path: "deep/data", bytes: Array("data\n".utf8))])
                })
            #expect(record.text == "input\ndata\n1767225600\n6\n", "\(record.errorText)")
            let file = try await bench.run(
                Sandboxes.EndsTests.sh("cat") {
                    $0.item.stdin = .file("/in/a")
                    $0.inputs = .files([FrameFile(path: "a", bytes: Array("from a file".utf8))])
                })
            #expect(file.text == "from a file")
            await bench.close()
        }

        /// A stage folder is bound read-only at /in.
        @Test(.enabled(if: Bench.hasSandbox)) func stageIsBound() async throws {
            let bench = try Bench()
            let slots = bench.host.settings.slots
            let stage = try slots.makeStage("one")
            try SlotFolders.write(stage + "/data", Array("staged".utf8), mode: 0o444)
            let record = try await bench.run(
                Sandboxes.EndsTests.sh("cat /in/data; touch /in/new 2>/dev/null || echo ' closed'")
                { $0.inputs = .stage(path: stage) })
            #expect(
                record.text == "staged closed\n", "\(record.errorText) \(record.reason?.text ?? "")"
            )
            slots.removeStage("one")
            await bench.close()
        }

        /// Of standard error the beginning and the end are kept, and the gap is stated; the marks cover what is kept.
        @Test(.enabled(if: Bench.hasSandbox)) func errorsKeepBothEnds() async throws {
            let bench = try Bench()
            let record = try await bench.run(
                Sandboxes.EndsTests.sh(
                    "echo first >&2; head -c 5000000 /dev/zero | tr '\\0' x >&2; echo last >&2; echo out"
                ))
            let end = try #require(record.end)
            #expect(record.stderr.count == 1 << 20)
            #expect(record.errorText.hasPrefix("first\nxxx"))
            #expect(record.errorText.hasSuffix("xxxlast\n"))
            #expect(end.droppedBytes == 5_000_011 - 1 << 20)
            #expect(end.logs.map(\.seq) == Array(0..<UInt64(end.logs.count)))
            let errors = end.logs.filter { $0.stream == .standardError }
            #expect(errors.reduce(0) { $0 + Int($1.length) } == 1 << 20)
            #expect(errors.last.map { $0.offset + UInt64($0.length) } == 5_000_011)
            #expect(record.text == "out\n")
            await bench.close()
        }

        /// Progress lines on standard error become events; what looks like one and is not, does not.
        @Test func progressLines() {
            func parse(_ text: String) -> String? {
                ProgressLine.parse(Array(text.utf8)).map { "\($0.perMille) \($0.text)" }
            }
            #expect(parse("::progress 0.5 half done") == "500 half done")
            #expect(parse("::progress 1") == "1000 ")
            #expect(parse("::progress 0.1239 x") == "123 x")
            #expect(parse("::progress 0 ") == "0 ")
            #expect(parse("::progress 00.25 x") == "250 x")
            for bad in [
                "::progress", "::progress ", "::progress 1.1 x", "::progress 2 x",
                "::progress -0 x", "::progress .5 x",
                "::progress 0. x", "::progress 1e-1 x", ":progress 0.5 x", "progress 0.5",
                "::progress 0.5.5 x",
                "::progress 0.5 " + String(repeating: "x", count: 201),
            ] { #expect(parse(bad) == nil, "\(bad)") }
            var line = ProgressLine()
            func feed(_ text: String) -> UInt16? {
                Array(text.utf8).withUnsafeBytes { line.take($0)?.perMille }
            }
            #expect(feed("noise ::progress 0.5 x\n::prog") == nil)
            #expect(feed("ress 0.25 y\n::progress 0.75 z\n") == 750)
            #expect(feed(String(repeating: "a", count: 100_000) + "\n::progress 1 e\n") == 1_000)
        }
    }
}
