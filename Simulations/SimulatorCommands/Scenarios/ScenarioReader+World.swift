import Basis
import Records
import Simulator

extension ScenarioReader {
    // MARK: peers

    mutating func readPopulation(_ top: Fields) {
        if let list = top["peer_list"] {
            for name in ["peers", "seats", "nat", "clocks", "cpu", "slots"] {
                guard let key = top.key(name) else { continue }
                fields.report(
                    key, "\"\(name)\" cannot stand beside \"peer_list\"", why: "the list already says it of each peer",
                    fix: "leave it out, or leave out the list")
            }
            readPeers(list)
        } else {
            readCensus(top)
        }
        cast.peers = scenario.population.count
        cast.seats = scenario.population.seats
    }

    mutating func readCensus(_ top: Fields) {
        var census = Scenario.Census()
        census.peers = fields.value(top, "peers", Scalar.whole(1...100_000)) ?? census.peers
        census.seats = fields.value(top, "seats", Scalar.whole(1...100)) ?? min(census.seats, census.peers)
        if census.seats > census.peers {
            if let node = top["seats"] {
                fields.report(
                    node, "\(census.seats) seats, but only \(census.peers) peers", why: "every seat is a peer",
                    fix: "ask for fewer seats or for more peers")
            }
            census.seats = census.peers
        }
        census.slots = fields.value(top, "slots", Scalar.whole(0...64))
        if let node = top["clocks"], let clocks = fields.fields(node, of: "\"clocks\"", ["offset", "drift"]) {
            census.clockOffset = fields.value(clocks, "offset", Scalar.duration) ?? census.clockOffset
            census.driftPPM = Int64(fields.value(clocks, "drift", Scalar.whole(0...1_000)) ?? Int(census.driftPPM))
        }
        if let node = top["cpu"], let cpu = fields.fields(node, of: "\"cpu\"", ["slow", "factor"]) {
            census.slowCPUs = fields.value(cpu, "slow", Scalar.chance) ?? census.slowCPUs
            census.slowCPUFactor = Int64(fields.value(cpu, "factor", Scalar.whole(1...1_000)) ?? 4)
        }
        if let node = top["nat"], let nat = fields.fields(node, of: "\"nat\"", NATKind.allCases.map(\.rawValue)) {
            for entry in nat.entries {
                guard let kind = NATKind(rawValue: entry.key), let share = fields.value(nat, entry.key, Scalar.chance)
                else { continue }
                census.nat.append(.init(kind: kind, share: share))
            }
            if census.nat.reduce(0, { $0 + $1.share.perMillion }) > 1_000_000 {
                fields.report(
                    node, "the shares of \"nat\" are more than all peers", why: "a peer is behind one NAT",
                    fix: "let them add up to at most 100%")
            }
        }
        scenario.population = .drawn(census)
    }

    mutating func readPeers(_ list: Document) {
        var peers: [Plan.Peer] = []
        var seen: Set<SocketAddress> = []
        for item in fields.items(list, "\"peer_list\"") {
            guard let peer = readPeer(item) else { continue }
            if peer.role == .seat, let last = peers.last, last.role != .seat {
                fields.report(
                    item, "a seat stands after a peer that is none", why: "seats are the first peers",
                    fix: "move it up")
            }
            if !seen.insert(peer.address).inserted {
                fields.report(
                    item, "the address \(Scalar.text(peer.address)) is in use twice", why: "an address is one peer's",
                    fix: "choose another")
            }
            peers.append(peer)
        }
        if !peers.contains(where: { $0.role == .seat }) {
            fields.report(list, "no peer is a seat", why: "nobody would vote", fix: "give the first one role: seat")
        }
        scenario.population = .listed(peers)
    }

    mutating func readPeer(_ node: Document) -> Plan.Peer? {
        let names = [
            "address", "role", "region", "nat", "starts_at", "has_genesis", "clock", "drift", "cpu", "slots",
        ]
        guard let given = fields.fields(node, of: "a peer", names) else { return nil }
        let address = fields.needed(given, "address", of: "a peer", Scalar.address)
        if given["role"] == nil { fields.missing("role", in: given, of: "a peer") }
        let role: Plan.Peer.Role? = fields.choice(given, "role", "role")
        guard let address, let role else { return nil }
        var peer = Plan.Peer(address: address, role: role)
        peer.region = fields.value(given, "region", Scalar.whole(0...999)) ?? 0
        peer.nat = fields.choice(given, "nat", "kind of NAT") ?? .public
        if fields.text(given["starts_at"], "\"starts_at\"") == "never" {
            peer.startsAt = nil
        } else {
            peer.startsAt = fields.value(given, "starts_at", Scalar.duration) ?? .zero
        }
        peer.hasGenesis = fields.value(given, "has_genesis", Scalar.flag) ?? true
        peer.clockOffset = fields.value(given, "clock", Scalar.signedDuration) ?? .zero
        peer.driftPPM = Int64(fields.value(given, "drift", Scalar.whole(-1_000_000...1_000_000)) ?? 0)
        peer.cpuFactor = Int64(fields.value(given, "cpu", Scalar.whole(1...1_000_000)) ?? 1)
        peer.slots = fields.value(given, "slots", Scalar.whole(0...1_000)) ?? 0
        return peer
    }

    // MARK: network

    mutating func readNetwork(_ node: Document) {
        if case .scalar(let text, _) = node.content {
            guard let profile = NetworkProfile.all.first(where: { $0.name == text }) else {
                return unknownProfile(node, text)
            }
            scenario.network = profile
            return
        }
        let names = [
            "profile", "delay", "slow_tail", "slow_tail_factor", "loss", "burst", "duplicate", "reorder",
            "reorder_extra", "corrupt", "up", "down", "queue", "mtu", "open",
        ]
        guard let given = fields.fields(node, of: "\"network\"", names) else { return }
        var network = NetworkProfile.internet
        if let node = given["profile"], let text = fields.text(node, "\"profile\"") {
            guard let profile = NetworkProfile.all.first(where: { $0.name == text }) else {
                return unknownProfile(node, text)
            }
            network = profile
        }
        if let node = given["delay"] { network.delay = readDelay(node) ?? network.delay }
        network.slowTail = fields.value(given, "slow_tail", Scalar.chance) ?? network.slowTail
        let factor = fields.value(given, "slow_tail_factor", Scalar.whole(1...1_000_000))
        network.slowTailFactor = factor.map(Int64.init) ?? network.slowTailFactor
        network.loss = fields.value(given, "loss", Scalar.chance) ?? network.loss
        if let node = given["burst"] { network.burst = readBurst(node) }
        network.duplicate = fields.value(given, "duplicate", Scalar.chance) ?? network.duplicate
        network.reorder = fields.value(given, "reorder", Scalar.chance) ?? network.reorder
        network.reorderExtra = fields.value(given, "reorder_extra", Scalar.duration) ?? network.reorderExtra
        network.corrupt = fields.value(given, "corrupt", Scalar.chance) ?? network.corrupt
        network.upRate = fields.value(given, "up", Scalar.bits) ?? network.upRate
        network.downRate = fields.value(given, "down", Scalar.bits) ?? network.downRate
        network.queueBytes = fields.value(given, "queue", Scalar.size) ?? network.queueBytes
        network.mtu = fields.value(given, "mtu", Scalar.size) ?? network.mtu
        network.openShare = fields.value(given, "open", Scalar.chance) ?? network.openShare
        scenario.network = network
    }

    mutating func unknownProfile(_ node: Document, _ text: String) {
        fields.unknown(node, text, "network profile", NetworkProfile.all.map(\.name), list: "profiles")
    }

    /// `none`, or the three chances.
    mutating func readBurst(_ node: Document) -> BurstLoss? {
        if case .scalar("none", _) = node.content { return nil }
        guard let given = fields.fields(node, of: "\"burst\"", ["to_bad", "to_good", "loss"]) else { return nil }
        return readBurst(given, of: "a burst")
    }

    mutating func readBurst(_ given: Fields, of what: String) -> BurstLoss? {
        let toBad = fields.needed(given, "to_bad", of: what, Scalar.chance)
        let toGood = fields.needed(given, "to_good", of: what, Scalar.chance)
        let loss = fields.needed(given, "loss", of: what, Scalar.chance)
        guard let toBad, let toGood, let loss else { return nil }
        return BurstLoss(toBad: toBad, toGood: toGood, loss: loss)
    }

    /// `{constant: 10ms}`, `{uniform: [1ms, 4ms]}` or `{lognormal: 60ms, tail: normal}`
    mutating func readDelay(_ node: Document) -> DelayModel? {
        guard let given = fields.fields(node, of: "\"delay\"", ["constant", "uniform", "lognormal", "tail"]) else {
            return nil
        }
        if given["constant"] != nil {
            return fields.value(given, "constant", Scalar.duration).map { .constant($0) }
        }
        if let node = given["uniform"] {
            let ends = fields.items(node, "\"uniform\"").compactMap { item in
                let one = Fields(
                    node: item, entries: [.init(key: "end", line: item.line, column: item.column, value: item)])
                return fields.value(one, "end", Scalar.duration)
            }
            if ends.count == 2, ends[0] <= ends[1] { return .uniform(ends[0], ends[1]) }
            fields.report(
                node, "\"uniform\" is two delays, the smaller first", why: "delays lie between them",
                fix: "write {uniform: [10ms, 40ms]}")
            return nil
        }
        if given["lognormal"] != nil {
            let median = fields.value(given, "lognormal", Scalar.positiveDuration)
            let tail: DelayModel.Tail = fields.choice(given, "tail", "tail") ?? .normal
            return median.map { .lognormal(median: $0, tail: tail) }
        }
        fields.report(
            node, "\"delay\" has no model", why: "a delay is constant, uniform or lognormal",
            fix: "write {constant: 10ms}, {uniform: [10ms, 40ms]} or {lognormal: 60ms, tail: normal}")
        return nil
    }
}
