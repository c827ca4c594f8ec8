public import Records
public import Trust
import Verdict

/// Why no frame could be made of a job: the job or the stage is at fault, nothing was started.
public enum PlanError: Error, Sendable, Hashable {
    /// This version has no plan for the runtime, or the node lacks it.
    case runtimeMissing(String)
    /// A value that the frame needs was not staged, or is not what the job says.
    case inputUnavailable(String)
}

/// Turns a canonical job into what the runner carries out (`compute.md` 3.1 to 3.3). Pure.
public enum RuntimePlan {
    /// The frame of item 0.
    ///
    /// `worker` facts come from this node: its architecture, and the capability that its probes found.
    public static func frame(
        _ job: CanonicalJob, capability: RuntimeCapability, architecture: String, stage: StagePlan,
        hashing: some Hashing
    ) throws(PlanError) -> RunFrame {
        let work = job.work
        let seed = job.seed(hashing: hashing)
        let item: ItemFrame
        switch work.runtime {
        case .command:
            item = ItemFrame(argv: command(work), stdin: try stdin(work, stage))
        case .python:
            item = ItemFrame(
                argv: PythonFrame.argv(interpreter: capability.path), stdin: try stdin(work, stage),
                runtimeFrame: try pythonFrame(work, seed: seed, stage))
        default: throw .runtimeMissing(work.runtime.id)
        }
        let isDeterministic = work.determinism != Determinism.none
        let own = work.environment.map { EnvironmentEntry($0.name, $0.value) }
        return RunFrame(
            item: item,
            environment: RunEnvironment.entries(
                seed: seed, epoch: work.epochSeconds, cpuCount: UInt32(work.cores),
                isDeterministic: isDeterministic, architecture: architecture, own: own),
            limits: limits(work), inputs: stage.inputs, collect: collect(work),
            epoch: work.epochSeconds, cpuCount: UInt32(work.cores),
            isDeterministic: isDeterministic,
            ownsProgram: work.source != .none && work.runtime == .command)
    }

    static func command(_ work: Work) -> [String] {
        switch work.source {
        case .none: work.arguments
        case .file: ["/in/.program"] + work.arguments
        case .tree: ["/in/.app/" + work.entry] + work.arguments
        }
    }

    static func pythonFrame(
        _ work: Work, seed: UInt64, _ stage: StagePlan
    ) throws(PlanError) -> [UInt8] {
        var inputs: [PythonFrame.Input] = []
        for input in work.inputs {
            switch input.content {
            case .file, .tree: inputs.append(.init(input.name, .path(input.mount)))
            case .json:
                guard let json = Staging.json(input, values: stage.values) else {
                    throw .inputUnavailable(input.name)
                }
                inputs.append(.init(input.name, .json(json)))
            }
        }
        var path = "/in/.program"
        if case .tree = work.source { path = "/in/.app/" + work.entry }
        let frame = PythonFrame(
            path: path, arguments: work.arguments, inputs: inputs, seed: seed,
            epoch: work.epochSeconds, cpuCount: UInt32(work.cores),
            isDeterministic: work.determinism != Determinism.none)
        guard let bytes = frame.encoded else { throw .inputUnavailable("inputs") }
        return bytes
    }

    /// An inline text is standard input as it is; any other inline value as its canonical JSON.
    static func stdin(_ work: Work, _ stage: StagePlan) throws(PlanError) -> StdinSource {
        switch work.stdin {
        case .empty: return .empty
        case .bytes(.inPlace(let bytes)): return .bytes(bytes)
        case .bytes(.blob): return .file("/in/.stdin")
        case .input(let name):
            guard let input = work.inputs.first(where: { $0.name.isSameBytes(as: name) }) else {
                throw .inputUnavailable(name)
            }
            switch input.content {
            case .file: return .file(input.mount)
            case .tree: throw .inputUnavailable(name)
            case .json:
                guard let json = Staging.json(input, values: stage.values),
                    let value = try? CanonicalJSON.parse(json)
                else { throw .inputUnavailable(name) }
                if case .string(let text) = value { return .bytes(Array(text.utf8)) }
                return .bytes(json)
            }
        }
    }

    static func limits(_ work: Work) -> RunLimits {
        var limits = RunLimits(
            cpuMicros: work.cpuMicros, wallMillis: work.runMillis, memoryBytes: work.memoryBytes,
            diskBytes: work.diskBytes, pids: UInt32(work.pids))
        limits.stdoutBytes = work.stdoutBytesMax
        limits.resultBytes = work.resultBytesMax
        limits.artifactBytes = max(
            work.files.reduce(0) { $0 + $1.bytesMax }, ComputeLimits.artifactBytesDefault)
        return limits
    }

    static func collect(_ work: Work) -> [CollectEntry] {
        work.files.map {
            CollectEntry(
                name: $0.name, path: String($0.path.dropFirst("/out/".count)),
                bytesMax: $0.bytesMax, isOptional: $0.isOptional)
        }
    }
}
