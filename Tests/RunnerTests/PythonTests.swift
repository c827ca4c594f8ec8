import Records
import Testing

@testable import Runner

/// The python harness (`compute.md` 2.3, 3.2): each clause with a program made for it, in the real sandbox.
extension Sandboxes {
    @Suite(.serialized) struct PythonTests {
        static func frame(
            _ code: String, inputs: [PythonFrame.Input] = [], arguments: [String] = []
        ) -> RunFrame {
            let literal = PythonFrame(
                arguments: arguments, inputs: inputs,
                names: [("worker_id", "w-1"), ("task_id", "t-1")], seed: 7)
            return Bench.command(["x"]) { frame in
                frame.item = ItemFrame(
                    argv: PythonFrame.argv(interpreter: "python3"), runtimeFrame: literal.encoded)
                frame.inputs = .files([FrameFile(path: ".program", bytes: Array(code.utf8))])
            }
        }

        static func json(_ text: String) -> PythonFrame.Value { .json(Array(text.utf8)) }

        /// (what, code, result or nil, standard output, exit code)
        static let rows: [(String, String, String?, String, UInt8)] = [
            (
                "result", "result = {'a': [1, 2.5, None, True, (3,)], 2: 'x'}",
                #"{"a":[1,2.5,null,true,[3]],"2":"x"}"#, "", 0
            ),
            (
                "keys become text", "result = {True: 1, None: 2, 1.5: 3}",
                #"{"true":1,"null":2,"1.5":3}"#, "", 0
            ),
            ("texts", "result = 'é\"\\\\\\n\\x01'", #""é\"\\\n\u0001""#, "", 0),
            ("empty", "result = [[], {}, '']", #"[[],{},""]"#, "", 0),
            (
                "inputs are names", "result = [width * height, inputs['width'], worker_id]",
                #"[12,3,"w-1"]"#, "", 0
            ),
            ("exit in mid-program", "result = 5\nexit(0)\nresult = 6", "5", "", 0),
            ("quit", "result = 5\nquit()", "5", "", 0),
            ("sys.exit", "import sys\nresult = 5\nsys.exit(0)", "5", "", 0),
            ("an exit code takes no result", "result = 5\nexit(3)", nil, "", 3),
            ("low 8 bits", "exit(259)", nil, "", 3),
            ("os._exit skips the result", "import os\nresult = 5\nos._exit(0)", nil, "", 0),
            ("an exception", "result = 5\n1/0", nil, "", 1),
            (
                "many digits", "result = int('9' * 5000) + 1",
                "1" + String(repeating: "0", count: 5_000), "", 0
            ),
            (
                "set order", "print(list({'b', 'a', 'c', 'd'}) == list({'b', 'a', 'c', 'd'}))", nil,
                "True\n", 0
            ),
            (
                "no module of ours",
                "import sys\nprint([m for m in sys.modules if 'harness' in m], __name__)", nil,
                "[] __main__\n", 0
            ),
            ("argv", "import sys\nprint(sys.argv[1:])", nil, "['--width', \"it's\"]\n", 0),
            (
                "a daemon thread",
                "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True).start()\nresult = 1",
                "1", "", 0
            ),
            (
                "atexit", "import atexit\natexit.register(lambda: print('bye'))\nresult = 1", "1",
                "bye\n", 0
            ),
            (
                "a fork with descriptor 4 open",
                "import os\nif os.fork() == 0:\n    result = 'child'\nelse:\n    os.wait()\n    result = 'parent'",
                #""parent""#, "", 0
            ),
            ("recursion", "def f(): return f()\nf()", nil, "", 1),
            (
                "clock",
                "import time, datetime\nprint(time.time(), time.time_ns(), datetime.datetime.now(), datetime.date.today(), isinstance(datetime.datetime(2000,1,1), datetime.date))",
                nil,
                "1767225600.0 1767225600001000000 2026-01-01 00:00:00.002000 2026-01-01 True\n", 0
            ),
            (
                "sleep moves the clock",
                "import time\na = time.time()\ntime.sleep(0.01)\nprint(round(time.time() - a, 3))",
                nil, "0.011\n", 0
            ),
            (
                "listings are sorted",
                "import os\nfor n in 'cab': open(n, 'w').close()\nprint([n for n in os.listdir('.') if len(n) == 1], [e.name for e in os.scandir('.') if len(e.name) == 1], os.cpu_count())",
                nil, "['a', 'b', 'c'] ['a', 'b', 'c'] 1\n", 0
            ),
        ]

        @Test(.enabled(if: Bench.hasSandbox), arguments: 0..<Sandboxes.PythonTests.rows.count)
        func clauseHolds(_ row: Int) async throws {
            let (what, code, result, output, exit) = Sandboxes.PythonTests.rows[row]
            let bench = try Bench()
            let inputs: [PythonFrame.Input] = [
                .init("width", Sandboxes.PythonTests.json("3")),
                .init("height", Sandboxes.PythonTests.json("4")),
            ]
            let record = try await bench.run(
                Sandboxes.PythonTests.frame(code, inputs: inputs, arguments: ["--width", "it's"]))
            #expect(
                record.firstItem?.process == .exited(code: exit),
                "\(what): \(record.errorText) \(record.reason?.text ?? "")")
            var found: String?
            if case .value(let json) = record.firstItem?.result { found = json.text }
            #expect(found == result, "\(what)")
            #expect(record.text == output, "\(what): \(record.errorText)")
            await bench.close()
        }

        /// What JSON cannot carry is named; an uncaught MemoryError is noted; tracebacks show the program only.
        @Test(.enabled(if: Bench.hasSandbox)) func failuresAreNamed() async throws {
            let bench = try Bench()
            func end(_ code: String) async throws -> (Termination?, String) {
                let frame = Sandboxes.PythonTests.frame(code)
                let record = try await bench.run(frame)
                return (
                    record.firstItem.flatMap { record.end?.termination(of: $0, in: frame) },
                    record.errorText
                )
            }
            #expect(
                try await end("result = {1, 2}").0
                    == .badOutput("the result holds a set, which JSON cannot carry"))
            #expect(
                try await end("result = float('nan')").0
                    == .badOutput("the result holds a number that is NaN, which JSON cannot carry"))
            #expect(
                try await end("result = []\nfor i in range(99): result = [result]").0
                    == .badOutput(
                        "the result holds a structure nested deeper than 64 levels, which JSON cannot carry"
                    ))
            #expect(
                try await end("x = bytearray(1 << 40)").0
                    == .memoryLimit("needed more than 128 MiB of memory"))
            let trace = try await end("def f():\n    1/0\nf()").1
            #expect(
                trace.contains("1/0") && trace.contains("ZeroDivisionError")
                    && !trace.contains("harness"), "\(trace)")
            #expect(try await end("x = = 1").1.contains("SyntaxError"))
            #expect(try await end("exit('no luck')").1 == "no luck\n")
            await bench.close()
        }

        /// Two runs give the same, whatever they ask for: hashes, random numbers, identifiers, times (C17).
        @Test(.enabled(if: Bench.hasSandbox)) func runsRepeat() async throws {
            let bench = try Bench()
            let code = """
                import random, uuid, os, time, datetime, secrets
                print(hash('x'), random.random(), random.Random().random(), uuid.uuid4(), uuid.uuid1(), os.urandom(9).hex())
                print(secrets.token_hex(8), time.time(), datetime.datetime.utcnow(), {'a', 'b', 'c'}, id(object()))
                """
            let first = try await bench.run(Sandboxes.PythonTests.frame(code))
            let second = try await bench.run(Sandboxes.PythonTests.frame(code))
            #expect(first.text == second.text, "\(first.errorText)")
            #expect(first.text.split(separator: "\n").count == 2, "\(first.errorText)")
            await bench.close()
        }

        /// A program of 256 KiB and a result of 16 MiB, less a little, pass; one byte too many on the channel does not.
        @Test(.enabled(if: Bench.hasSandbox)) func sizesPass() async throws {
            let bench = try Bench()
            let code =
                "x = 1\n"
                + String(repeating: "# " + String(repeating: "p", count: 62) + "\n", count: 4_033)
                + "result = 'y' * (16777216 - 3)"
            let frame = Sandboxes.PythonTests.frame(code)
            let record = try await bench.run(frame)
            // One byte more than the limit, with the channel's own letter.
            #expect(record.end?.limit == nil, "\(record.errorText)")
            if case .value(let json) = record.firstItem?.result {
                #expect(json.count == 16_777_215)
            } else {
                Issue.record("no result")
            }
            let more = try await bench.run(Sandboxes.PythonTests.frame("result = 'y' * 16777300"))
            #expect(more.end?.limit == .resultChannel)
            await bench.close()
        }

        /// The harness stays small: it is compiled at each start (3.2).
        @Test func harnessIsSmall() {
            let lines = Harness.source.split(separator: 0x0a, omittingEmptySubsequences: false)
                .count
            #expect(lines < 252)
        }
    }
}
