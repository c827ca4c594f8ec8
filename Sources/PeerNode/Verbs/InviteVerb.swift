import API
import ArgumentParser
import Daemon
import Foundation
import Records
import Sodium
import Trust

/// `invite`: a seed string that admits its holders.
struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Sign an invite, and print the seed string that carries it.",
        discussion: "Example: peernode invite --uses 5 --expires 2d\nExit: 0; 77 this account may not invite.")

    @OptionGroup var common: CommonOptions
    @Option(help: "How many accounts it admits, 1 to 10000.") var uses: UInt16 = 20
    @Option(help: "How long it is good, such as 7d.") var expires = "7d"
    @Option(name: .customLong("for"), help: "Only for this account.") var invitee: String?

    func run() async throws {
        guard let millis = Quantity.milliseconds(expires), millis > 0, millis <= 366 * 86_400_000 else {
            throw ValidationError("--expires is \"\(expires)\"; write a duration of at most 366d, such as 7d")
        }
        guard (1...10_000).contains(uses) else { throw ValidationError("--uses is \(uses); allowed are 1 to 10000") }
        try Founder.ready()
        let layout = common.layout
        let home: Home
        do throws(Home.Failure) { home = try Home.open(layout) } catch { throw HomeProblems.problem(error) }
        guard let file = home.genesis else {
            throw Problem(.notAdmitted, "this home belongs to no network yet", fix: "peernode join SEED first")
        }
        var target = PublicKey.zero
        if let invitee {
            guard let key = TextID.account(invitee, hashing: SodiumHashing()) else {
                throw Problem(
                    .badAccount, "\(VisibleText.escape(invitee, limit: 80)) is no account, or was typed wrongly")
            }
            target = key
        }
        let signer = try signer(home, file.genesis, layout)
        let until = Founder.now() + millis
        let token = InviteToken(
            serial: randomBytes(InviteToken.serialBytes), invitee: target, validUntil: until, uses: uses,
            network: file.network, signer: signer)
        let seed = SeedLink.text(
            addresses: await addresses(layout), network: file.network,
            peer: SodiumHashing().peerID(of: home.identity.publicKey), invite: token)
        let document = InviteDocument(
            seed: seed, token: InviteText.text(token), uses: Int(uses),
            validUntilAt: Timestamp(unixMilliseconds: Int64(clamping: until)))
        common.show(document) { one in
            Terminal.output(one.seed)
            if !common.quiet { Terminal.error("good for \(one.uses) uses until \(Texts.time(one.validUntilAt))") }
        }
    }

    /// The founder's invite key, or this account where the network lets members invite.
    func signer(_ home: Home, _ genesis: Genesis, _ layout: HomeLayout) throws -> SecretKey {
        if FileManager.default.fileExists(atPath: layout.inviteKey.path) {
            do throws(KeyFileError) {
                let key = try SecretKey.load(from: layout.inviteKey.path)
                if genesis.inviteKeys.contains(key.publicKey) { return key }
            } catch {
                throw Problem(.fileMode, error.description)
            }
        }
        guard genesis.memberInvites else {
            throw Problem(
                .notAdmitted, "members of this network may not invite", fix: "ask somebody who holds an invite key")
        }
        return home.identity
    }

    /// Where the node is reached, as it says itself while it runs.
    func addresses(_ layout: HomeLayout) async -> [String] {
        if let client = try? common.client(),
            let node = try? await client.document(NodeDocument.self, ClientRequest("/v1/node"), timeout: .seconds(5)),
            !node.peerAddresses.isEmpty
        {
            return Array(node.peerAddresses.prefix(4))
        }
        return (try? Addresses.told(layout)) ?? ["127.0.0.1:7717"]
    }
}
