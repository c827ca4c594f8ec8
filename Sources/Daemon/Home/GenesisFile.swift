public import Basis
public import Foundation
public import Records
import Sodium
public import Trust
import Wire

/// `genesis.yaml`: a network's founding document as people keep and pass it on.
///
/// The truth is the canonical bytes in `bytes`, from which everything else in the file was made for reading; the
/// network's id is their hash, so a changed file is another network and is refused.
public struct GenesisFile: Sendable {
    public let genesis: Genesis
    public let network: NetworkID

    public enum Failure: Error, Sendable, Equatable {
        case missing(String)
        case unreadable(String)
        /// Not a genesis, or its id is not the one it states.
        case invalid(String)
    }

    public init(genesis: Genesis) {
        self.genesis = genesis
        network = genesis.networkID(hashing: SodiumHashing())
    }

    /// Reads a file. Nothing is changed.
    public init(reading url: URL) throws(Failure) {
        guard FileManager.default.fileExists(atPath: url.path) else { throw .missing(url.path) }
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { throw .unreadable(url.path) }
        try self.init(text: text)
    }

    public init(text: String) throws(Failure) {
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 {
                fields[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        guard fields["peernode-genesis"] == "v1" else {
            throw .invalid("the file does not begin with \"peernode-genesis: v1\"")
        }
        guard let base32 = fields["bytes"], let bytes = TextID.bytes(base32: base32) else {
            throw .invalid("the line \"bytes:\" is missing or not base32")
        }
        try self.init(bytes: bytes)
        let stated = fields["network"] ?? ""
        if TextID.parse(.net, stated) != network.raw {
            throw .invalid(
                "it states \(stated.isEmpty ? "no network" : stated) but holds \(TextID.text(.net, network.raw))")
        }
    }

    /// Reads the canonical bytes, as another peer serves them.
    public init(bytes: [UInt8]) throws(Failure) {
        do throws(WireError) {
            self.init(genesis: try Genesis(decoding: bytes))
        } catch {
            throw .invalid("the bytes are no genesis of this version (\(error))")
        }
    }

    /// The file's text.
    public var text: String {
        let hashing = SodiumHashing()
        func credits(_ amount: CreditAmount) -> String { CreditText.format(amount) }
        var lines = [
            "peernode-genesis: v1",
            "network: \(TextID.text(.net, network.raw))",
            "# What follows up to \"bytes\" is for reading; the network is what \"bytes\" holds.",
            "# name: \(genesis.name)",
            "# seats: \(genesis.seats.count)",
        ]
        for seat in genesis.seats { lines.append("#   \(TextID.account(seat.account, hashing: hashing))") }
        for one in genesis.allocations {
            lines.append("# allocation: \(TextID.account(one.account, hashing: hashing)) \(credits(one.amount))")
        }
        lines.append("# treasury: \(credits(genesis.treasury)), welcome: \(credits(genesis.welcome))")
        lines.append("# fee per transaction: \(credits(genesis.entryFee)), open: \(genesis.isOpen)")
        lines.append("bytes: \(TextID.base32(genesis.encoded))")
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Credit as people read and type it: `12.50 cr`, at most 6 decimals (`surfaces.md` 0).
public enum CreditText {
    /// At least two decimals, more only where they are not zero.
    public static func format(_ amount: CreditAmount) -> String {
        grouped(amount.micro / 1_000_000) + "." + decimals(amount.micro % 1_000_000) + " cr"
    }

    static func decimals(_ micro: UInt64) -> String {
        var text = String(micro)
        text = String(repeating: "0", count: 6 - text.count) + text
        while text.count > 2, text.hasSuffix("0") { text.removeLast() }
        return text
    }

    static func grouped(_ whole: UInt64) -> String {
        var out = ""
        for (index, digit) in String(whole).reversed().enumerated() {
            if index > 0, index.isMultiple(of: 3) { out.append(",") }
            out.append(digit)
        }
        return String(out.reversed())
    }

    /// `12`, `12.5`, `12.5cr`, `1,000.00 cr`; nil for anything else or more than 6 decimals.
    public static func parse(_ text: String) -> CreditAmount? {
        var body = text.trimmingCharacters(in: .whitespaces)
        if body.hasSuffix("cr") { body = body.dropLast(2).trimmingCharacters(in: .whitespaces) }
        body = body.replacingOccurrences(of: ",", with: "")
        let parts = body.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), !parts[0].isEmpty, parts[0].allSatisfy(\.isASCIIDigit),
            let whole = UInt64(parts[0])
        else { return nil }
        var micro: UInt64 = 0
        if parts.count == 2 {
            guard (1...6).contains(parts[1].count), parts[1].allSatisfy(\.isASCIIDigit) else { return nil }
            micro = UInt64(parts[1] + String(repeating: "0", count: 6 - parts[1].count)) ?? 0
        }
        let (scaled, overflow) = whole.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflow2) = scaled.addingReportingOverflow(micro)
        if overflow || overflow2 || sum > CreditAmount.supplyMax.micro { return nil }
        return CreditAmount(micro: sum)
    }
}

extension Character {
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
