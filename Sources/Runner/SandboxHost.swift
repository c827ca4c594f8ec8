import Basis
public import Loop
public import Records

/// Everything that one run gave, read back from its spool.
public struct RunRecord: Sendable {
    public var events: [RunnerEvent] = []
    /// Set if the run came to an end of its own.
    public var end: RunEnd?
    /// Set if it ended without an outcome.
    public var reason: RunEndReason?
    public var stdout: [UInt8] = []
    public var stderr: [UInt8] = []
    public var outputs: [(file: OutputFile, bytes: [UInt8])] = []

    public var text: String { String(decoding: stdout, as: UTF8.self) }
    public var errorText: String { String(decoding: stderr, as: UTF8.self) }
    public var firstItem: ItemEnd? { end?.items.first }
}

/// Runs frames one by one and waits for them: for the probes of runtimes and for the self-test, which are done before a
/// node takes part in anything. The daemon's own runs go through `Runner`.
public actor SandboxHost {
    public nonisolated let loop: UVLoop
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    public nonisolated let settings: Runner.Settings
    let weakening: Weakening
    let outerPrefix: [String]
    private var runner: Runner?
    private var waiting: [RunID: CheckedContinuation<RunRecord, Never>] = [:]
    private var records: [RunID: RunRecord] = [:]
    private var watchers: [RunID: @Sendable (RunnerEvent) -> Void] = [:]
    private var nextID: UInt64 = 1

    public init(_ loop: UVLoop, _ settings: Runner.Settings) {
        self.init(loop, settings, weakening: Weakening())
    }

    init(
        _ loop: UVLoop, _ settings: Runner.Settings, weakening: Weakening, outerPrefix: [String] = []
    ) {
        self.loop = loop
        self.settings = settings
        self.weakening = weakening
        self.outerPrefix = outerPrefix
    }

    /// Carries out a frame and returns all it gave. `watch` is called on the loop with each event as it comes.
    public func run(
        _ frame: RunFrame, watch: (@Sendable (RunnerEvent) -> Void)? = nil
    ) async throws(RunnerError) -> RunRecord {
        let runner = try opened()
        let id = RunID(nextID)
        nextID += 1
        records[id] = RunRecord()
        watchers[id] = watch
        var record = await withCheckedContinuation { continuation in
            waiting[id] = continuation
            runner.start(id, frame)
        }
        let folder = runner.spool(id)
        record.stdout = (try? SlotFolders.read(folder + "/stdout")) ?? []
        record.stderr = (try? SlotFolders.read(folder + "/stderr")) ?? []
        for item in record.end?.items ?? [] {
            for file in item.files {
                record.outputs.append((file, (try? SlotFolders.read("\(folder)/out-\(file.spool)")) ?? []))
            }
        }
        runner.discard(id)
        return record
    }

    /// Gives an order to every run under way.
    public func order(_ order: RunnerOrder) {
        for id in runner?.running ?? [] { runner?.order(id, order) }
    }

    func killOuter() { runner?.killOuter() }

    /// Starts a program outside any sandbox, as the sandboxes' user, and returns when it said its first line.
    func startCanary(_ name: String) async throws(RunnerError) -> Canary {
        try await Canary.start(name, loop, settings)
    }

    /// What the runner counted.
    public var counters: Runner.Counters { runner?.counters ?? Runner.Counters() }

    /// Ends what runs and lets the runner go.
    public func close() async {
        guard let runner else { return }
        self.runner = nil
        await withCheckedContinuation { continuation in
            runner.stop(.nodeRestarted) { continuation.resume() }
        }
        runner.close()
    }

    private func opened() throws(RunnerError) -> Runner {
        if let runner { return runner }
        let made = try Runner(loop, settings, weakening: weakening, outerPrefix: outerPrefix) { [weak self] id, event in
            self?.assumeIsolated { $0.take(id, event) }
        }
        runner = made
        return made
    }

    private func take(_ id: RunID, _ event: RunnerEvent) {
        records[id]?.events.append(event)
        watchers[id]?(event)
        switch event {
        case .ended(let end): records[id]?.end = end
        case .failed(let reason): records[id]?.reason = reason
        default: return
        }
        watchers[id] = nil
        if let record = records.removeValue(forKey: id) {
            waiting.removeValue(forKey: id)?.resume(returning: record)
        }
    }
}
