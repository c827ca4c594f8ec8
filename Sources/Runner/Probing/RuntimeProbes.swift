// What can really be run here (`compute.md` 3.1, property C27).
//
// Problem: a version number says nothing about whether a job would run. Idea: each runtime runs a short job in the real
// sandbox, with the settings that jobs get; what it answers is the capability, and its arithmetic goes into the class,
// so that two machines whose mathematics differ are never compared bit by bit. What it does not do: look for
// interpreters outside the folders that a sandbox has.

import Basis
import Loop
public import Records
public import Trust
import Wire

/// Finds out which runtimes this machine has.
public struct RuntimeProbes: Sendable {
    let host: SandboxHost
    let facts: HostFacts
    let hashing: any Hashing

    public init(_ host: SandboxHost, facts: HostFacts = .current(), hashing: any Hashing) {
        self.host = host
        self.facts = facts
        self.hashing = hashing
    }

    /// Runs all probes; each takes well under a second, and at most 10 s.
    public func run() async -> [Result<RuntimeCapability, RuntimeUnavailable>] {
        [await command(), await python()]
    }

    /// The runtime `command`: whatever the system's folders hold.
    public func command() async -> Result<RuntimeCapability, RuntimeUnavailable> {
        do throws(RuntimeUnavailable) {
            let tools = try await output("command", ["sh", "-c", RuntimeProbes.tools])
            let commands = tools.split(separator: "\n").map(String.init)
            guard commands.first == "sh" else {
                throw RuntimeUnavailable(runtime: "command", reason: "sh does not run")
            }
            var mathematics = ""
            if commands.contains("awk") {
                mathematics = try await output("command", ["awk", RuntimeProbes.awkMathematics])
            }
            let digest = hashing.hash("peernode/runtime-digest/v1") { writer in
                writer.text("command")
                writer.text(facts.base)
                writer.list(commands) { (w, name) in w.text(name) }
            }
            return .success(
                RuntimeCapability(
                    runtime: "command", version: facts.base, digest: digest,
                    classID: classID("command", digest, Array(mathematics.utf8)), path: "/bin/sh",
                    commands: commands))
        } catch { return .failure(error) }
    }

    /// The runtime `python`: CPython 3.8 or later, in a folder of the system.
    public func python() async -> Result<RuntimeCapability, RuntimeUnavailable> {
        do throws(RuntimeUnavailable) {
            let answer = try await answer()
            let words = answer.split(separator: "|", omittingEmptySubsequences: false).map(
                String.init)
            guard words.count == 5 else {
                throw RuntimeUnavailable(runtime: "python", reason: "it said \(answer)")
            }
            let version = words[1].split(separator: ".").compactMap { Int($0) }
            guard words[0] == "cpython", version.count >= 2, (version[0], version[1]) >= (3, 8)
            else {
                throw RuntimeUnavailable(
                    runtime: "python",
                    reason: "it is \(words[0]) \(words[1]); CPython 3.8 or later is needed")
            }
            guard words[2].hasPrefix("/usr/") else {
                throw RuntimeUnavailable(
                    runtime: "python", reason: "it lies at \(words[2]), outside /usr")
            }
            let digest = hashing.hash("peernode/runtime-digest/v1") { writer in
                writer.text("python")
                writer.text(words[3])
            }
            return .success(
                RuntimeCapability(
                    runtime: "python", version: "CPython \(words[1])", digest: digest,
                    classID: classID("python", digest, Array(words[4].utf8)), path: words[2]))
        } catch { return .failure(error) }
    }

    // MARK: below their use

    /// `H("peernode/class/v1", architecture, runtime id, runtime digest, base, math probe)`.
    func classID(_ runtime: String, _ digest: Digest, _ mathematics: [UInt8]) -> Digest {
        hashing.hash("peernode/class/v1") { writer in
            writer.text(facts.architecture)
            writer.text(runtime)
            writer.value(digest)
            writer.text(facts.base)
            writer.value(hashing.hash("peernode/math-probe/v1", mathematics))
        }
    }

    private func frame(_ item: ItemFrame, _ files: [FrameFile] = []) -> RunFrame {
        let limits = RunLimits(
            cpuMicros: 10_000_000, wallMillis: 10_000, memoryBytes: 256 << 20, diskBytes: 16 << 20,
            pids: 32)
        return RunFrame(
            item: item,
            environment: RunEnvironment.entries(
                seed: 0, epoch: 1_767_225_600, isDeterministic: true,
                architecture: facts.architecture),
            limits: limits, inputs: .files(files))
    }

    private func record(_ runtime: String, _ frame: RunFrame) async throws(RuntimeUnavailable)
        -> RunRecord
    {
        let record: RunRecord
        do throws(RunnerError) {
            record = try await host.run(frame)
        } catch { throw RuntimeUnavailable(runtime: runtime, reason: error.description) }
        if let reason = record.reason {
            throw RuntimeUnavailable(runtime: runtime, reason: reason.text)
        }
        guard let end = record.end, let item = end.items.first else {
            throw RuntimeUnavailable(runtime: runtime, reason: "the probe had no end")
        }
        let termination = end.termination(of: item, in: frame)
        if termination != .exited(code: 0) {
            let line =
                record.errorText.split(separator: "\n").last.map { ": \($0.prefix(120))" } ?? ""
            throw RuntimeUnavailable(runtime: runtime, reason: termination.text + line)
        }
        return record
    }

    private func output(_ runtime: String, _ argv: [String]) async throws(RuntimeUnavailable)
        -> String
    {
        try await record(runtime, frame(ItemFrame(argv: argv))).text
    }

    private func answer() async throws(RuntimeUnavailable) -> String {
        let program = FrameFile(path: ".program", bytes: Array(RuntimeProbes.pythonProgram.utf8))
        let harness = PythonFrame(seed: 0).encoded
        let item = ItemFrame(argv: PythonFrame.argv(interpreter: "python3"), runtimeFrame: harness)
        let record = try await record("python", frame(item, [program]))
        guard case .value(let json) = record.firstItem?.result, json.first == 0x22,
            json.last == 0x22
        else {
            throw RuntimeUnavailable(runtime: "python", reason: "the harness gave no result")
        }
        return String(decoding: json.dropFirst().dropLast(), as: UTF8.self)
    }

    static let tools = """
        echo sh
        [ "$(echo a b | awk '{print $2}')" = b ] && echo awk
        [ "$(echo a | sed s/a/b/)" = b ] && echo sed
        [ "$(printf 'a\\nb\\n' | grep b)" = b ] && echo grep
        [ "$(printf 'b\\na\\n' | sort | sed q)" = a ] && echo sort
        true
        """

    /// A thousand results of each function that awk has, over fixed inputs.
    static let awkMathematics = """
        BEGIN {
            for (i = 1; i <= 1000; i++) {
                x = i / 97
                printf "%.17g %.17g %.17g %.17g %.17g %.17g %.17g\\n", sin(x), cos(x), exp(x),
                    log(x), sqrt(x), atan2(x, 3), x ^ 1.37
            }
        }
        """

    /// Digest of interpreter and standard library, and a thousand results of nine functions.
    static let pythonProgram = """
        import sys, os, hashlib, math
        path = os.path.realpath(sys.executable)
        def digest(path):
            with open(path, "rb") as file:
                return hashlib.blake2b(file.read(), digest_size=32).hexdigest()
        total = hashlib.blake2b(digest_size=32)
        total.update(digest(path).encode())
        library = os.path.dirname(os.path.realpath(os.__file__))
        for folder, folders, files in os.walk(library):
            skip = ("__pycache__", "dist-packages", "site-packages", "test", "tests")
            folders[:] = [n for n in folders if n not in skip]
            folders.sort()
            for name in sorted(files):
                full = os.path.join(folder, name)
                if not os.path.isfile(full):
                    continue
                total.update((os.path.relpath(full, library) + " " + digest(full) + "\\n").encode())
        numbers = hashlib.blake2b(digest_size=32)
        for i in range(1, 1001):
            x = i / 97
            for value in (math.sin(x), math.cos(x), math.tan(x), math.exp(x), math.pow(x, 1.37), math.atan(x),
                    math.sinh(x), math.gamma(x), math.expm1(x)):
                numbers.update(value.hex().encode())
        version = ".".join(str(n) for n in sys.version_info[:3])
        result = "|".join((sys.implementation.name, version, path, total.hexdigest(), numbers.hexdigest()))
        """
}
