import API
import ArgumentParser
import Basis
import Daemon
import Foundation
import Glibc
import Logging
import Loop
import Records
import Trust

/// `join`: the daemon.
struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join", abstract: "Join a network, and lend what was agreed to; stays in the foreground.",
        discussion: """
            Example: peernode join 'peernode://192.0.2.7:7717/k3ab…?peer=…&invite=…'
            Exit: 3 other network; 4 protocol version; 5 clock; 6 no seed answered within
            --timeout; 75 home in use; 78 configuration.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var lend: LendOptions
    @Option(help: "A file that holds an invite.") var invite: String?
    @Option(help: "The node's name, told to peers.") var name: String?
    @Option(help: "Where peers reach it: HOST:PORT.") var listen: String?
    @Option(help: "An address that peers are told; repeat.") var advertise: [String] = []
    @Option(name: .customLong("api-listen"), help: "Where the API answers on TCP; none: its socket alone.")
    var apiListen: String?
    @Flag(help: "Return when ready, and go on in the background.") var detach = false
    @Flag(help: "For services: do what was last asked.") var resume = false
    @Flag(name: .customLong("exit-with-parent"), help: "End when the process that started it ends.")
    var exitWithParent = false
    @Argument(help: "host:port, or peernode://host:port/netid?peer=…&invite=…") var seeds: [String] = []

    func run() async throws {
        if exitWithParent { ParentDeath.follow() }
        let layout = common.layout
        if resume, FileManager.default.fileExists(atPath: LeftMark.path(layout)) {
            return Terminal.error("this home has left its network; peernode join\(common.homeFlag) starts it again")
        }
        try? FileManager.default.removeItem(atPath: LeftMark.path(layout))
        try Founder.ready()
        // With its seat key noted, `init` tells this home's facts also while its node runs.
        if !Home.exists(layout) { _ = try Founder(layout: layout, name: name).seat() }
        var configuration = try Settings.read(layout)
        if let name { configuration.node.name = name }
        let wish = try lend.wish(&configuration, layout, common)
        if detach { return try await Detached.join(common, wish) }
        try await stay(layout, configuration, wish)
    }

    /// Runs the node in this process until a signal, a leave or a failure ends it.
    private func stay(_ layout: HomeLayout, _ configured: Configuration, _ wish: LendOptions.Wish) async throws {
        let signals = Signals([SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1])
        let started = ContinuousClock.now
        var configuration = configured
        if !wish.isLending { configuration.lending.isEnabled = false }
        let running = try await RunningNode.start(try options(layout, configuration))
        let early: Int32?
        do {
            early = try await Ending.race(signals) { try await tellReady(running, started, wish) }
        } catch {
            await running.stop()
            throw error
        }
        if let early {
            if early != SIGQUIT { await running.drain() }
            await running.stop()
            if early == SIGQUIT { throw CommandFailure(code: 131) }
            return
        }
        let ending = await Ending.wait(running, signals)
        if case .signal(0) = ending { await running.drain() }
        await running.stop()
        switch ending {
        case .left: _ = FileManager.default.createFile(atPath: LeftMark.path(layout), contents: nil)
        case .failed(let problem): throw problem
        case .signal(let code) where code != 0: throw CommandFailure(code: code)
        case .signal: break
        }
    }

    /// Waits for readiness as long as the node and `--timeout` allow, then says so once.
    private func tellReady(
        _ running: RunningNode, _ started: ContinuousClock.Instant, _ wish: LendOptions.Wish
    ) async throws {
        let limit = try common.limit(default: nil)
        var told = false
        while true {
            let readiness = await running.ready(until: running.loop.now + .milliseconds(500))
            if readiness.ready { break }
            try Task.checkCancellation()
            if case .failed(let problem)? = running.ended.value { throw problem }
            if running.ended.value != nil {
                throw CommandFailure(code: Codes.failed, text: "the node left before it was ready")
            }
            let waited = ContinuousClock.now - started
            let missing = readiness.checks.filter { !$0.ok }.map { $0.detail ?? $0.name }.joined(separator: "; ")
            if let limit, waited > limit {
                throw Problem(
                    .noSeed, "not ready after \(Texts.duration(waited)): \(missing)",
                    fix: "check address and port of the seeds; without --timeout join keeps trying")
            }
            if !told, waited > .seconds(2), !common.json, !common.quiet {
                Terminal.error("waiting: \(missing)")
                told = true
            }
        }
        let ready = try await running.readyDocument()
        if common.json { return Terminal.output(ready.json() + [0x0a]) }
        if common.quiet { return Terminal.output(ready.peer) }
        let node = try await running.service.node()
        for line in ReadyText.lines(
            node, ContinuousClock.now - started, ReadyText.lent(node, wish), home: common.homeFlag)
        {
            Terminal.output(line)
        }
    }

    private func options(_ layout: HomeLayout, _ configuration: Configuration) throws -> NodeOptions {
        var options = NodeOptions(
            layout: layout, configuration: configuration, listen: listen, apiListen: apiListen,
            version: Versions.number, logger: try logger(configuration))
        for text in seeds + (seeds.isEmpty ? configuration.network.seeds : []) {
            let seed = try SeedText(text)
            options.targets.append(seed.target)
            if let token = seed.invite { options.invite = token }
        }
        if let invite {
            guard let text = try? String(contentsOfFile: invite, encoding: .utf8) else {
                throw CommandFailure(code: Codes.noFile, text: "cannot read the invite file \(invite)")
            }
            let body = text.trimmingCharacters(in: .whitespacesAndNewlines)
            guard let token = InviteText.token(body) ?? (try? SeedText(body))?.invite else {
                throw Problem(.invite, "\(invite) holds no invite", fix: "ask for another one; was it copied whole?")
            }
            options.invite = token
        }
        for text in advertise + (advertise.isEmpty ? configuration.network.advertise : []) {
            guard let address = SocketAddress(text) else {
                throw ValidationError("--advertise \(text) is no address; write HOST:PORT, such as 192.0.2.7:7717")
            }
            options.advertise.append(address)
        }
        return options
    }

    private func logger(_ configuration: Configuration) throws -> Logger {
        let word = configuration.log.level.split(separator: ",").first.map(String.init) ?? "info"
        guard let level = Logger.Level(rawValue: word) else {
            throw CommandFailure(
                code: Codes.badConfiguration,
                text: "log.level is \"\(word)\"; allowed: trace, debug, info, notice, warning, error, critical")
        }
        let isText =
            configuration.log.format == .text || (configuration.log.format == .auto && Terminal.isErrorTerminal)
        var descriptor: Int32 = 2
        if let path = configuration.log.file {
            descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            if descriptor < 0 { throw CommandFailure(code: Codes.readOrWrite, text: "cannot write the log \(path)") }
        }
        let handler = LineLogHandler(
            level: common.quiet ? .warning : level, form: isText ? .text : .json, descriptor: descriptor)
        return Logger(label: "peernode") { _ in handler }
    }
}

/// How a node's process ends.
enum Ending {
    case left
    case failed(Problem)
    /// The exit code that the signal means.
    case signal(Int)

    /// Does `work`, unless a signal that ends the process comes before it is done.
    ///
    /// - Returns: the signal; nil if the work was done.
    static func race(
        _ signals: Signals, _ work: @escaping @Sendable () async throws -> Void
    ) async throws -> Int32? {
        let stream = signals.stream
        return try await withThrowingTaskGroup(of: Int32?.self) { group in
            group.addTask {
                try await work()
                return nil
            }
            group.addTask {
                for await number in stream where [SIGTERM, SIGINT, SIGQUIT].contains(number) { return number }
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    /// The first of: the node ended by itself, or a signal came. Later signals end the process at once.
    static func wait(_ running: RunningNode, _ signals: Signals) async -> Ending {
        let (endings, continuation) = AsyncStream.makeStream(of: Ending.self)
        // Ends with the node, which is stopped by whoever waits here.
        let life = Task {
            switch await running.end() {
            case .left?: continuation.yield(.left)
            case .failed(let problem)?: continuation.yield(.failed(problem))
            case nil: break
            }
        }
        let calls = Task {
            for await number in signals.stream {
                switch number {
                case SIGTERM, SIGINT: continuation.yield(.signal(0))
                case SIGQUIT: continuation.yield(.signal(131))
                // Reloading and the summary are not part of this version; the node goes on.
                default: break
                }
            }
        }
        var first: Ending?
        for await ending in endings {
            first = ending
            break
        }
        calls.cancel()
        Self.endOnNext(signals)
        _ = life
        return first ?? .signal(0)
    }

    /// A second signal does not wait for an orderly stop.
    private static func endOnNext(_ signals: Signals) {
        _ = signals
        for number in [SIGINT, SIGQUIT] { Glibc.signal(number, SIG_DFL) }
    }
}

/// Where `leave` notes that this home has left, so that `join --resume` stays out.
enum LeftMark {
    static func path(_ layout: HomeLayout) -> String { layout.state.appendingPathComponent("left").path }
}

/// `--exit-with-parent`.
enum ParentDeath {
    /// Where a parent that may die at once says who it is.
    static let variable = "PEERNODE_PARENT"

    /// Asks the kernel to kill this process with its parent; ends it now if the parent is gone already.
    static func follow() {
        let parent = Environment.all[variable].flatMap { pid_t($0) } ?? getppid()
        // `prctl` takes variable arguments, which Swift cannot call; the symbol can.
        typealias Control = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        guard let symbol = dlsym(nil, "prctl") else { return }
        let setDeathSignal: Int32 = 1
        _ = unsafeBitCast(symbol, to: Control.self)(setDeathSignal, UInt(SIGKILL), 0, 0, 0)
        if getppid() != parent { Glibc.exit(0) }
    }
}
