import Records
import API
import ArgumentParser
import Basis
import Daemon
import Foundation

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
        /// Whom native programs are run for.
        var strangers = "members only: strangers are off"
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
            return LendOptions.agreed(configuration)
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
        return LendOptions.agreed(configuration)
    }

    private static func agreed(_ configuration: Configuration) -> Wish {
        let native = configuration.lending.strangers.filter { ["command", "python"].contains($0) }
        var wish = Wish(isLending: true, reason: "")
        if !native.isEmpty { wish.strangers = "\(native.joined(separator: " and ")) for strangers too" }
        return wish
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

