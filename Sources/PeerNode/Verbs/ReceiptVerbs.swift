import API
import ArgumentParser
import Basis
import Credits
import Daemon
import Foundation
import Records
import Sodium
import Trust

/// `receipt show|save|verify`
struct ReceiptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receipt", abstract: "Offline-verifiable certificates of results.",
        discussion: "Example: peernode receipt verify last", subcommands: [Show.self, Save.self, Verify.self])

    /// A receipt from a file, the home, or the node.
    static func bytes(_ name: String, _ common: CommonOptions) async throws -> [UInt8] {
        if let bytes = try JobReceipts.find(name, common) { return bytes }
        if name.contains("/") || name.hasSuffix(".receipt") {
            throw CommandFailure(code: Codes.noFile, text: "there is no file \(name)")
        }
        return try await JobReceipts.fetch(try LastJob.resolve(name, common), try common.client())
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What a receipt says.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "A job, last, or a file.") var name = "last"

        func run() async throws {
            try Founder.ready()
            let bytes = try await ReceiptCommand.bytes(name, common)
            let verdict = ReceiptReading(bytes).verdict
            if common.json { return Terminal.output(ReceiptTexts.verdict(bytes).json() + [0x0a]) }
            for line in ReceiptWords.lines(verdict) { Terminal.output(line) }
        }
    }

    struct Save: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Write a job's receipt to a file.")
        @OptionGroup var common: CommonOptions
        @Option(name: .customShort("o"), help: "The file; by default named by the job.") var output: String?
        @Flag(help: "As text that survives mail.") var armor = false
        @Argument(help: "A job, or last.") var job = "last"

        func run() async throws {
            try Founder.ready()
            let bytes = try await ReceiptCommand.bytes(job, common)
            let id = ReceiptReading(bytes).verdict.job.map { TextID.text(.job, $0.job.raw) } ?? "job"
            let path = output ?? Texts.typed(id) + ".receipt"
            do {
                let data = armor ? Data(JobReceipts.armored(bytes).utf8) : Data(bytes)
                try data.write(to: URL(fileURLWithPath: path), options: .atomic)
            } catch {
                throw CommandFailure(code: Codes.readOrWrite, text: "cannot write \(path)")
            }
            if common.json { return Terminal.output(ReceiptTexts.verdict(bytes).json() + [0x0a]) }
            Terminal.output(path)
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a receipt without network, clock or node.",
            discussion: """
                Example: peernode receipt verify gpl3-words.receipt --network genesis.yaml
                Exit: 0 valid; 3 invalid; 4 sound, but of a network not known here; 66.
                """)
        @OptionGroup var common: CommonOptions
        @Option(help: "The network it must be of: net_… or a genesis file.") var network: String?
        @Option(help: "Check saved outputs in this folder too.") var outputs: String?
        @Argument(help: "A file, a job, or last.") var name = "last"

        func run() async throws {
            try Founder.ready()
            guard let bytes = try JobReceipts.find(name, common) else {
                throw CommandFailure(
                    code: name.contains("/") || name.contains(".") ? Codes.noFile : Codes.unknownID,
                    text:
                        "no receipt \(VisibleText.escape(name, limit: 80)) is here; peernode receipt save "
                            + "JOB fetches one while a node runs"
                )
            }
            let verdict = ReceiptReading(bytes).verdict
            let trust = try ReceiptTrust(network: network, layout: common.layout)
            var document = ReceiptTexts.verdict(bytes)
            let isKnown = verdict.network.map { trust.knows($0) } ?? false
            var failures: [String] = []
            if verdict.isSound, let outputs { failures = ReceiptTrust.wrongOutputs(verdict, outputs) }
            if !failures.isEmpty {
                document.valid = false
                document.checks += failures.map { .init(name: "outputs", ok: false, detail: $0) }
            }
            if common.json { Terminal.output(document.json() + [0x0a]) }
            if !verdict.isSound || !failures.isEmpty {
                let first = verdict.firstFailure
                let text =
                    first.map { "invalid: \($0.check.rawValue): \($0.detail)" }
                    ?? "invalid: outputs: \(failures.first ?? "")"
                if !common.json { Terminal.output(VisibleText.escape(text, limit: 400)) }
                throw CommandFailure(code: Codes.verificationFailed)
            }
            guard isKnown else {
                let id = verdict.network.map { TextID.text(.net, $0.raw) } ?? ""
                if !common.json {
                    Terminal.output("sound, but of a network that is not known here: \(id)")
                    Terminal.error(
                        "give its genesis with --network FILE, or keep it in \(common.layout.networksFolder.path)")
                }
                throw CommandFailure(code: Codes.unknownID)
            }
            if !common.json { for line in ReceiptWords.lines(verdict) { Terminal.output(line) } }
        }
    }
}

/// A receipt checked by module Credits with libsodium.
struct ReceiptReading {
    let verdict: ReceiptVerdict

    init(_ bytes: [UInt8]) {
        verdict = ReceiptVerifier(hashing: SodiumHashing(), verifying: SodiumVerifier()).verify(bytes)
    }
}

/// Which networks a receipt may be of: the one named, else those whose genesis lies in the home.
struct ReceiptTrust {
    var known: [NetworkID] = []

    init(network: String?, layout: HomeLayout) throws {
        if let network {
            if let raw = TextID.parse(.net, network) {
                known = [NetworkID(raw)]
                return
            }
            do throws(GenesisFile.Failure) {
                known = [try GenesisFile(reading: URL(fileURLWithPath: network)).network]
            } catch {
                throw HomeProblems.genesis(error)
            }
            return
        }
        var files = [layout.genesisFile]
        let names = (try? FileManager.default.contentsOfDirectory(atPath: layout.networksFolder.path)) ?? []
        files += names.sorted().map { layout.networksFolder.appendingPathComponent($0) }
        known = files.compactMap { try? GenesisFile(reading: $0).network }
    }

    func knows(_ network: NetworkID) -> Bool { known.contains(network) }

    /// What is wrong with saved outputs: the file `stdout` or `result` must hold the certified bytes.
    static func wrongOutputs(_ verdict: ReceiptVerdict, _ folder: String) -> [String] {
        guard let winner = verdict.job?.settled.winners.first else { return ["there is no certified output"] }
        for name in ["result", "stdout"] {
            let path = folder + "/" + name
            guard let data = FileManager.default.contents(atPath: path) else { continue }
            let found = BlobTree.id(of: [UInt8](data), hashing: SodiumHashing())
            return found == winner.bodyHash
                ? []
                : [
                    "\(path) is \(TextID.text(.blob, found.raw)), certified is "
                        + "\(TextID.text(.blob, winner.bodyHash.raw))"
                ]
        }
        return ["\(folder) holds neither result nor stdout"]
    }
}

/// A receipt in words.
enum ReceiptWords {
    static func lines(_ verdict: ReceiptVerdict) -> [String] {
        guard let network = verdict.network, let genesis = verdict.genesis else { return ["not a receipt"] }
        let where_ = "on \(TextID.short(.net, network.raw)) (\(VisibleText.escape(genesis.name, limit: 64)))"
        if let job = verdict.job {
            let winners = job.replicas.filter(\.isWinner)
            let names = winners.map { TextID.short(.peer, SodiumHashing().peerID(of: $0.account).raw) }
            var lines = [
                "valid   \(TextID.short(.job, job.job.raw)) \(where_), height \(job.height)",
                "        \(winners.count) of \(job.replicas.count) replicas agree: \(names.joined(separator: ", ")); "
                    + "owners eligible: \(job.eligibleOwners)",
            ]
            if let winner = job.settled.winners.first, let result = winners.first?.result {
                lines.append(
                    "        result \(TextID.short(.blob, winner.bodyHash.raw)) \(result.bodyBytes) bytes; exit code "
                        + "\(result.exitCode); certified by \(genesis.seatList.quorum) of \(genesis.seats.count) seats")
            }
            if job.settled.r == 1 { lines.append("        unverified: one replica, compared with no other") }
            return lines
        }
        if let transaction = verdict.transaction {
            return ["valid   \(TextID.short(.tx, transaction.id.raw)) \(where_), height \(transaction.height)"]
        }
        return ["invalid: \(verdict.firstFailure?.detail ?? "not a receipt of a job")"]
    }
}
