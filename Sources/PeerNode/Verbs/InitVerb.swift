import API
import ArgumentParser
import Basis
import Daemon
import Foundation
import Records
import Sodium
import Storage
import Trust

/// `init`: a home, and with `--new-network` a network.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a home with its keys, and found a network or take one over.",
        discussion: """
            Example: peernode init --new-network lab --allocate self=1000
            On an existing home it changes nothing and prints the same facts.
            Exit: 0; 1 a flag contradicts what is there; 65 wrong values; 74 cannot write.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "The node's name, told to peers.") var name: String?
    @Option(help: "Belong to the network of this genesis file.") var genesis: String?
    @Option(name: .customLong("new-network"), help: "Found a network of this name.") var newNetwork: String?
    @Flag(help: "Everybody may join without an invite.") var open = false
    @Option(help: "A seat of the log, as its machine printed it; repeat.") var seat: [String] = []
    @Option(help: "ACCT=AMOUNT or self=AMOUNT of opening credit; repeat.") var allocate: [String] = []
    @Option(help: "Credit for each account admitted, from the treasury.") var welcome: String?
    @Option(name: .customLong("mint-key"), help: "An account that may make credit; repeat.") var mintKey: [String] = []
    @Option(help: "Credit per transaction.") var fee: String?
    @Flag(name: .customLong("burn-fees"), help: "Fees vanish instead of going to the treasury.") var burnFees = false
    @Option(help: "Opening credit of the treasury.") var treasury: String?
    @Option(help: "Write the genesis to this file too.") var out: String?

    func run() async throws {
        if genesis != nil, newNetwork != nil {
            throw ValidationError("give --genesis to join a network or --new-network to found one, not both")
        }
        let layout = common.layout
        try Founder.ready()
        let founder = try Founder(layout: layout, name: name)
        if let path = genesis { try founder.take(path) }
        if let network = newNetwork {
            var plan = FoundingPlan(name: network)
            plan.isOpen = open
            plan.seats = seat
            plan.allocations = allocate
            plan.welcome = welcome
            plan.fee = fee
            plan.treasury = treasury
            plan.burnsFees = burnFees
            plan.mintKeys = mintKey
            try founder.found(plan)
        }
        if let out { try founder.writeGenesis(to: out) }
        let document = try founder.document()
        if common.json { return Terminal.output(document.json() + [0x0a]) }
        if common.quiet { return Terminal.output(document.peer) }
        for line in founder.lines(document, flag: common.homeFlag) { Terminal.output(line) }
    }
}

/// Makes and describes a home; what exists stays as it is.
struct Founder {
    let home: Home
    let layout: HomeLayout
    let hashing = SodiumHashing()

    /// The cryptography must be ready before anything is made with it.
    static func ready() throws {
        do throws(SodiumError) {
            try sodiumReady()
        } catch {
            throw Problem(.bug, "the cryptography self-test failed: \(error)", fix: "reinstall libsodium")
        }
    }

    init(layout: HomeLayout, name: String?) throws {
        self.layout = layout
        let isNew = !Home.exists(layout)
        do throws(Home.Failure) {
            home = try Home.create(layout)
            if isNew || !FileManager.default.fileExists(atPath: layout.configurationFile.path) {
                try Home.write(ConfigurationTemplate.text(name: name), to: layout.configurationFile, mode: 0o644)
            }
        } catch {
            throw HomeProblems.problem(error)
        }
    }

    func take(_ path: String) throws {
        let file: GenesisFile
        do throws(GenesisFile.Failure) {
            file = try GenesisFile(reading: URL(fileURLWithPath: path))
        } catch {
            throw HomeProblems.genesis(error)
        }
        do throws(Home.Failure) { try home.adopt(file) } catch { throw HomeProblems.problem(error) }
    }

    /// Founds a network and binds the home to it. A home that has one keeps it: another name is E703.
    func found(_ plan: FoundingPlan) throws {
        if let own = home.genesis {
            if own.genesis.name == plan.name { return }
            throw Problem(
                .exists,
                "this home belongs to the network \"\(own.genesis.name)\" (\(TextID.text(.net, own.network.raw)))",
                fix: "give another --home to found \"\(plan.name)\"")
        }
        let inviteKey = SecretKey.random()
        let genesis = try plan.genesis(own: try seat(), inviteKey: inviteKey.publicKey, createdAt: Founder.now())
        do throws(KeyFileError) {
            try inviteKey.save(to: layout.inviteKey.path)
        } catch {
            throw Problem(.fileMode, error.description)
        }
        do throws(Home.Failure) { try home.adopt(GenesisFile(genesis: genesis)) } catch {
            throw HomeProblems.problem(error)
        }
    }

    func writeGenesis(to path: String) throws {
        guard let genesis = home.genesis else { throw ValidationError("--out: this home has no network yet") }
        do throws(Home.Failure) {
            try Home.write(genesis.text, to: URL(fileURLWithPath: path), mode: 0o644)
        } catch {
            throw HomeProblems.problem(error)
        }
    }

    static func now() -> UInt64 { UInt64(Date().timeIntervalSince1970 * 1_000) }

    /// The public half of what this home would vote with. It lies in the store, which a running node holds: then what
    /// was noted beside it is told.
    func seat() throws -> SeatInit {
        let account = home.identity.publicKey
        if let seat = home.genesis?.genesis.seats.first(where: { $0.account == account }) { return seat }
        let note = layout.state.appendingPathComponent("seat-key")
        let noted = (try? String(contentsOf: note, encoding: .utf8))
            .flatMap { SeatKeyText.parse($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        if let noted, FileManager.default.fileExists(atPath: layout.store.path) { return noted }
        do throws(Home.Failure) { try home.takeLock() } catch { throw HomeProblems.problem(error) }
        defer { home.releaseLock() }
        let seat: SeatInit
        do throws(StoreError) {
            let store = try Store(path: layout.store.path)
            defer { store.close() }
            seat = try SeatSecret.pending(in: store).seat(of: account)
        } catch {
            throw StartProblems.store(error, layout)
        }
        do throws(Home.Failure) {
            try Home.write(SeatKeyText.text(seat) + "\n", to: note, mode: 0o600)
        } catch {
            throw HomeProblems.problem(error)
        }
        return seat
    }

    /// An invite for 20 uses and 7 days, the same one as long as it is good.
    func invite() throws -> InviteToken? {
        guard let file = home.genesis, !file.genesis.isOpen, let key = try? SecretKey.load(from: layout.inviteKey.path)
        else { return nil }
        let kept = layout.keys.appendingPathComponent("invite.token")
        if let text = try? String(contentsOf: kept, encoding: .utf8),
            let token = InviteText.token(text.trimmingCharacters(in: .whitespacesAndNewlines)),
            token.validUntil > Founder.now(), token.isSigned(network: file.network, verifying: SodiumVerifier())
        {
            return token
        }
        let token = InviteToken(
            serial: randomBytes(InviteToken.serialBytes), validUntil: Founder.now() + 7 * 86_400_000, uses: 20,
            network: file.network, signer: key)
        do throws(Home.Failure) {
            try Home.write(InviteText.text(token) + "\n", to: kept, mode: 0o600)
        } catch {
            throw HomeProblems.problem(error)
        }
        return token
    }

    func document() throws -> InitDocument {
        let key = home.identity.publicKey
        let peer = hashing.peerID(of: key)
        var seed: String?
        if let file = home.genesis {
            let addresses = try Addresses.told(layout)
            seed = SeedLink.text(addresses: addresses, network: file.network, peer: peer, invite: try invite())
        }
        return InitDocument(
            home: layout.description, peer: TextID.text(.peer, peer.raw),
            account: TextID.account(key, hashing: hashing), seatKey: SeatKeyText.text(try seat()),
            network: Known(home.genesis.map { TextID.text(.net, $0.network.raw) }),
            genesisFile: Known(home.genesis.map { _ in layout.genesisFile.path }), seed: Known(seed))
    }

    func lines(_ document: InitDocument, flag: String) -> [String] {
        var lines: [String] = []
        if let file = home.genesis {
            let genesis = file.genesis
            let isOwn = genesis.seats.contains { $0.account == home.identity.publicKey }
            let seats = genesis.seats.count == 1 ? "1 seat" : "\(genesis.seats.count) seats"
            let opening = genesis.allocations.reduce(CreditAmount.zero) { $0 + $1.amount }
            lines.append(
                "network   \(VisibleText.escape(genesis.name))  \(Texts.short(document.network?.value ?? ""))   "
                    + "\(seats)\(isOwn ? " (this node)" : ""), \(CreditText.format(opening)), treasury "
                    + "\(CreditText.format(genesis.treasury))")
            lines.append("genesis   \(layout.genesisFile.path)")
        }
        lines.append("peer      \(document.peer)")
        lines.append("account   \(document.account)")
        lines.append("home      \(document.home)")
        lines.append("seatKey   \(document.seatKey)")
        if let seed = document.seed?.value {
            lines.append("start it with      peernode join\(flag)")
            lines.append("others join with   peernode join '\(seed)'")
        } else {
            lines.append("join a network with   peernode join\(flag) SEED")
        }
        return lines
    }
}
