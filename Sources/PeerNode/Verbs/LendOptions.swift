import Runner
import Compute
import Records
import API
import ArgumentParser
import Basis
import Daemon
import Foundation
import Loop

/// What `join` may lend, as flags say, and whether it was agreed to.
struct LendOptions: ParsableArguments {
    @Flag(name: .customLong("no-lend"), help: "Lend nothing.") var noLend = false
    @Option(help: "A share such as 50%, or cores=1,memory=2GiB.") var give: String?
    @Option(help: "Disk to lend, such as 10GiB.") var disk: String?
    @Option(help: "Credit per CPU-second.") var price: String?
    @Option(name: .customLong("price-memory"), help: "Credit per GiB-second.") var priceMemory: String?
    @Option(name: .customLong("earn-to"), help: "The account that is paid.") var earnTo: String?

    struct Wish {
        var isLending: Bool
        /// Why not.
        var reason: String
    }

    /// Lays the flags over the configuration, and asks where that is needed and possible.
    func wish(_ configuration: inout Configuration, _ layout: HomeLayout, _ common: CommonOptions) throws -> Wish {
        if noLend { return Wish(isLending: false, reason: "--no-lend") }
        if earnTo != nil {
            throw Problem(.notYet, "--earn-to is not part of this version", fix: "leave it out: this account is paid")
        }
        try apply(&configuration)
        let machine = UInt64(ProcessInfo.processInfo.activeProcessorCount)
        configuration.lending.milliCores = configuration.lending.milliCores ?? max(1_000, machine * 500)
        configuration.lending.memoryBytes =
            configuration.lending.memoryBytes ?? ProcessInfo.processInfo.physicalMemory / 2
        let limits = Consent.Limits(
            cores: configuration.lending.milliCores, memory: configuration.lending.memoryBytes,
            disk: configuration.lending.diskBytes)
        if configuration.lending.isEnabled, let given = configuration.lending.consent, Consent.covers(given, limits) {
            return Wish(isLending: true, reason: "")
        }
        if !common.yes {
            guard Terminal.isInputTerminal else {
                return Wish(isLending: false, reason: "nobody could be asked; --yes agrees (peernode help lending)")
            }
            Terminal.error(Consent.text(network: "the network you join", lending: limits))
            Terminal.write(Array("Lend?  [y] yes   [n] no, only use the network  ".utf8), to: 2)
            guard let line = readLine(), line.lowercased().hasPrefix("y") else {
                return Wish(isLending: false, reason: "not agreed to; peernode join asks again")
            }
        }
        try Consent.store(limits, layout)
        configuration.lending.isEnabled = true
        configuration.lending.consent = Consent.record(limits)
        return Wish(isLending: true, reason: "")
    }

    private func apply(_ configuration: inout Configuration) throws {
        if let give {
            if let share = Quantity.permille(give) {
                let machine = UInt64(ProcessInfo.processInfo.activeProcessorCount)
                configuration.lending.milliCores = max(100, machine * share)
                configuration.lending.memoryBytes = ProcessInfo.processInfo.physicalMemory / 1_000 * share
            } else {
                for part in give.split(separator: ",") { try apply(part, &configuration) }
            }
        }
        if let disk {
            guard let bytes = Quantity.bytes(disk) else {
                throw ValidationError("--disk is \"\(disk)\"; write a size such as 10GiB")
            }
            configuration.lending.diskBytes = bytes
        }
        if let price { configuration.lending.price = try amount(price, "--price") }
        if let priceMemory { configuration.lending.priceMemory = try amount(priceMemory, "--price-memory") }
    }

    private func apply(_ part: Substring, _ configuration: inout Configuration) throws {
        let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
        if pair.count == 2, pair[0] == "cores", let cores = CreditText.parse(pair[1]), cores > .zero {
            // Decimals of a core are read like decimals of a credit: thousandths of them count.
            configuration.lending.milliCores = max(1, cores.micro / 1_000)
        } else if pair.count == 2, pair[0] == "memory", let bytes = Quantity.bytes(pair[1]) {
            configuration.lending.memoryBytes = bytes
        } else {
            throw ValidationError("--give is \"\(give ?? "")\"; write a share such as 50%, or cores=1,memory=2GiB")
        }
    }

    private func amount(_ text: String, _ flag: String) throws -> CreditAmount {
        guard let amount = CreditText.parse(text) else {
            throw ValidationError("\(flag) is \"\(text)\"; write credit with at most 6 decimals, such as 0.0001")
        }
        return amount
    }
}

/// The sandbox of a node that lends.
enum Workshop {
    /// Tries walls and runtimes, and writes what was resolved into the configuration that the node shows.
    static func probe(_ layout: HomeLayout, _ configuration: inout Configuration) async throws -> Lending {
        let loop: UVLoop
        do throws(UVError) { loop = try UVLoop(name: "peernode-probe") } catch {
            throw Problem(.bug, "the event loop cannot be made: \(error)")
        }
        let isOpen = (try? GenesisFile(reading: layout.genesisFile))?.genesis.isOpen ?? false
        let lending = await Lending.probe(layout, configuration, isOpenNetwork: isOpen, loop: loop)
        await stop(loop)
        configuration.lending.slots = lending.settings.slots
        configuration.lending.runtimes = lending.capability?.runtimes.map { $0.runtime } ?? []
        if lending.runner == nil { configuration.lending.isEnabled = false }
        return lending
    }

    static func open(_ lending: Lending, _ running: RunningNode) async throws {
        guard let settings = lending.runner, let capability = lending.capability else { return }
        do {
            try await running.node.openWorkshop(settings)
        } catch {
            throw Problem(.noSandbox, "the sandbox cannot be opened: \(error)", fix: "peernode doctor sandbox, or join with --no-lend")
        }
        let walls = (lending.report?.results ?? []).map { result in
            NodeDocument.Wall(id: result.wall.id, ok: result.verdict == .ok, detail: result.found)
        }
        running.service.sandbox.change { $0 = .init(tier: .full, meter: "\(capability.meter)", walls: walls) }
        await running.node.offer(capability, settings: lending.settings)
    }

    /// Ends a loop that was made for trying; its thread is waited for elsewhere.
    static func stop(_ loop: UVLoop) async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let end: @Sendable () -> Void = {
                loop.stop()
                loop.join()
                done.resume()
            }
            Thread.detachNewThread(end)
        }
    }
}
