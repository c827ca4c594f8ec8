import API
import Basis
import Daemon
import Foundation
import Glibc

/// Steps 1 to 4: five peers, a job, a worker killed, another drawn.
extension Demo {
    /// 1: homes, a genesis of four seats, five processes; all linked, at one height with one digest.
    func start(_ count: Int) async throws -> String {
        try await makePeers(count)
        var words = [
            "init", "--home", peers[0].home, "--new-network", "demo", "--welcome", "0", "--treasury", "0",
            "--fee", "0.01", "--burn-fees", "--json",
        ]
        for peer in peers {
            if peer.isSeat { words += ["--seat", peer.seatKey] }
            words += ["--allocate", "\(peer.account)=1000"]
        }
        let founded = try InitDocument(json: Array(try await DemoPeer.command(words, in: folder).utf8))
        try Data((founded.seed?.value ?? "").utf8).write(to: URL(fileURLWithPath: inviteFile))
        let genesis = peers[0].home + "/genesis.yaml"
        for peer in peers.dropFirst() {
            try await DemoPeer.command(["init", "--home", peer.home, "--genesis", genesis], in: folder)
        }
        func start(_ group: ArraySlice<DemoPeer>) throws {
            for peer in group {
                try peer.start(seeds: peers.filter { $0.number != peer.number }.map(\.address), survives: isKept)
            }
        }
        // An offer of the newest block cannot be drawn for a job of the next (`ledger.md` 7.2): the last peer, which
        // submits the job and never runs it, comes when the offers of the others are in.
        try start(peers.dropLast())
        _ = try await wait(.seconds(30), { "the first peers' offers are not in the ledger" }) {
            let offers = try await peers[0].get(Page<OfferDocument>.self, "/v1/offers").items.count
            if offers >= count - 1 { return true }
            let node = try await peers[0].get(NodeDocument.self, "/v1/node")
            return node.state != .starting && node.sandbox.tier != .full ? true : nil
        }
        try start(peers.suffix(1))
        var stands = ""
        let height: UInt64 = try await wait(.seconds(30), { "the peers are not all linked at one height: \(stands)" }) {
            var heads: [String] = []
            var height: UInt64 = 0
            for peer in peers {
                let node = try await peer.get(NodeDocument.self, "/v1/node")
                let ledger = try await peer.get(LedgerDocument.self, "/v1/ledger")
                if node.sandbox.tier != .full {
                    missingWall = node.sandbox.walls.filter { !$0.ok }.map { $0.detail ?? $0.id }.first ?? "no sandbox"
                }
                stands = "\(peer.name) has \(node.links.total) links, height \(ledger.height)"
                if node.links.total != count - 1 || !ledger.supply.conserved { return nil }
                heads.append("\(ledger.height) \(ledger.stateDigest)")
                height = ledger.height
            }
            let offers = try await entry.get(Page<OfferDocument>.self, "/v1/offers").items.count
            stands = "\(offers) offers; heights and digests are \(heads)"
            return Set(heads).count == 1 && (offers == count || missingWall != nil) ? height : nil
        }
        for peer in peers {
            document.peers.append(
                .init(
                    number: peer.number, peer: peer.peer, account: peer.account, pid: Int(peer.process?.pid ?? 0),
                    address: peer.address, isSeat: peer.isSeat))
        }
        before = try await balances()
        let supply = try await supply()
        try DemoFailure.require(
            supply.genesisMicro.amount == CreditAmount.credits(1_000 * UInt64(count)),
            "the supply is \(CreditText.format(supply.genesisMicro.amount))")
        document.supply = supply
        return "\(Demo.number(count)) peers up, all linked, height \(height)"
    }

    static func number(_ count: Int) -> String {
        ["five", "six", "seven", "eight", "nine"].dropFirst(count - 5).first ?? "\(count)"
    }

    /// 2: the job goes to peer 5, which is no seat; three other owners are drawn.
    func submit() async throws -> String {
        let manifest = DemoJob.manifest(text: DemoJob.text)
        let node = try YAMLTree.read(manifest)
        let upload = ManifestUpload(folder: folder, allowed: nil)
        let reading = try upload.read(node, name: DemoJob.name, file: nil)
        let sent = try await upload.submit(reading, entry.client)
        job = sent.id
        document.job = .value(job)
        let drawn = try await wait(.seconds(15), { "no replicas were drawn" }) {
            let all = try await replicas()
            return all.count == 3 ? all : nil
        }
        try DemoFailure.require(Set(drawn.map(\.owner)).count == 3, "the three replicas have not three owners")
        let workers = drawn.compactMap { peer($0.peer?.value) }
        try DemoFailure.require(
            workers.count == 3 && !workers.contains { $0.number == entry.number },
            "drawn are \(drawn.map { Texts.short($0.peer?.value ?? "?") }), not three of the other peers")
        let names = workers.map(\.name).sorted().joined(separator: ", ")
        return "\(Texts.short(job)) to \(entry.name): workers \(names)"
    }

    /// 3: the first worker that reports progress is killed; the other seats go on.
    func killWorker() async throws -> String {
        let (victim, permille) = try await wait(.seconds(20), { "no worker reported progress" }) {
            for replica in try await replicas() {
                guard let worker = peer(replica.peer?.value), let progress = replica.progressPermille else { continue }
                if progress > 0 { return (worker, progress) }
            }
            return nil
        }
        killed = victim
        document.killed = .value(victim.peer)
        let height = try await entry.get(LedgerDocument.self, "/v1/ledger").height
        victim.process?.signal(SIGKILL)
        let ended = await victim.process?.wait(.seconds(5))
        try DemoFailure.require(ended == 128 + Int(SIGKILL), "\(victim.name) did not end by SIGKILL")
        _ = try await wait(.seconds(20), { "the ledger does not advance beyond height \(height)" }) {
            let now = try await entry.get(LedgerDocument.self, "/v1/ledger")
            return now.height > height && now.certifiedHeight > height ? true : nil
        }
        let goOn = victim.isSeat ? "3 of 4 seats go on" : "the seats go on"
        return "killed \(victim.name) (pid \(victim.process?.pid ?? 0)) at \(permille / 10) %; \(goOn)"
    }

    /// 4: the lease of the killed one expires, another owner is drawn, three agree.
    func awaitReplacement() async throws -> String {
        guard let killed else { throw DemoFailure("nobody was killed") }
        let ended: JobDocument = try await wait(.seconds(60), { "the job does not end" }) {
            let now = try await entry.get(JobDocument.self, ClientRequest.path("v1", "jobs", job))
            return now.state.isEnd ? now : nil
        }
        try DemoFailure.require(
            ended.state == .completed && ended.certified,
            "the job is \(ended.state.rawValue): \(ended.reason?.value?.text ?? "")")
        let all = try await replicas()
        guard let lost = all.first(where: { $0.peer?.value == killed.peer }) else {
            throw DemoFailure("\(killed.name) has no lease")
        }
        try DemoFailure.require(
            lost.state == .expired, "the lease of \(killed.name) is \(lost.state.rawValue), not expired")
        guard let index = lost.replacedBy?.value, let next = all.first(where: { $0.index == index }),
            let worker = peer(next.peer?.value)
        else { throw DemoFailure("nobody was drawn instead of \(killed.name)") }
        try DemoFailure.require(
            next.round == 2 && next.owner != lost.owner && worker.number != entry.number,
            "the replacement is \(worker.name) in round \(next.round)")
        let winners = all.filter { $0.state == .won }.count
        try DemoFailure.require(winners == 3, "\(winners) replicas won, not 3")
        document.replacedBy = .value(worker.peer)
        return "\(killed.name)'s lease expired, \(worker.name) drawn instead; 3 of 3 agree"
    }

    // MARK: below their use

    func replicas() async throws -> [ReplicaDocument] {
        try await entry.get(Page<ReplicaDocument>.self, ClientRequest.path("v1", "jobs", job, "replicas")).items
    }

    /// All that each account has, held or not, in micro-credits.
    func balances() async throws -> [UInt64] {
        var all: [UInt64] = []
        for peer in peers {
            let account = try await entry.get(
                AccountDocument.self, ClientRequest.path("v1", "accounts", peer.account))
            all.append(
                account.availableMicro.value + account.grantedMicro.value + account.heldMicro.value
                    + account.bondedMicro.value)
        }
        return all
    }

    func supply() async throws -> DemoDocument.Supply {
        let supply = try await entry.get(LedgerDocument.self, "/v1/ledger").supply
        try DemoFailure.require(supply.conserved, "the ledger says that its supply is not conserved")
        let now = supply.genesisMicro.value + supply.mintedMicro.value - supply.burnedMicro.value
        return .init(genesisMicro: supply.genesisMicro, burnedMicro: supply.burnedMicro, nowMicro: Micro(now))
    }
}
