import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

@testable import Gossip

/// The own record, availability, documents and what is stored (`gossip.md` 3.4, 10.4, 10.5, 11.3).
@Suite struct OwnerTests {
    static func signed(_ lab: Lab) -> [(UnsignedRecord, Ticket)] {
        lab.effects.compactMap { if case .signRecord(let record, let ticket) = $0 { (record, ticket) } else { nil } }
    }

    static func told(_ lab: Lab) -> [PeerRecord] {
        lab.effects.compactMap { if case .ownRecord(let record) = $0 { record } else { nil } }
    }

    /// Shows 3.1: sign → persist with the sequence → only after `persisted` is the record told to sessions and peers.
    @Test func durableBeforeItLeaves() {
        let lab = Lab(1, starts: false)
        lab.answers = false
        lab.start()
        guard let (content, ticket) = Self.signed(lab).first else {
            Issue.record("nothing to sign")
            return
        }
        #expect(content.sequence == Lab.unix)
        let record = content.signed(by: lab.own, network: lab.network)
        lab.give(.recordSigned(record, Ticket(999_999)))
        #expect(lab.core.counters[.ticketUnknown] == 1)
        lab.give(.recordSigned(record, ticket))
        guard case .persist(let batch, let stored)? = lab.effects.last else {
            Issue.record("\(lab.effects)")
            return
        }
        #expect(batch.ownSequence == Lab.unix && batch.isSynced)
        lab.connect(0)
        #expect(Self.told(lab).isEmpty && lab.parts(to: 0).isEmpty && lab.messages(to: 0).isEmpty)
        lab.give(.persisted(stored))
        #expect(Self.told(lab) == [record])
        #expect(lab.parts(to: 0).map(\.records) == [[record.encoded]])
    }

    /// Shows that a write that failed is tried again: without a durable sequence the record stays here, and a few seconds
    /// later one with a higher sequence is signed, stored and told. Rows of a lost batch go into the next.
    @Test func failedWrites() {
        let lab = Lab(1, starts: false)
        lab.answers = false
        lab.start()
        func store(_ fails: Bool) -> UInt64? {
            guard let (content, ticket) = Self.signed(lab).last else { return nil }
            lab.give(.recordSigned(content.signed(by: lab.own, network: lab.network), ticket))
            guard case .persist(let batch, let stored)? = lab.effects.last else { return nil }
            _ = lab.take()
            lab.give(fails ? .persistFailed(stored) : .persisted(stored))
            return batch.ownSequence
        }
        let first = store(true)
        #expect(first == Lab.unix && Self.told(lab).isEmpty && Self.signed(lab).isEmpty)
        lab.advance(.milliseconds(5_100))
        let second = store(false)
        #expect(second ?? 0 > first ?? 0)
        #expect(Self.told(lab).map(\.sequence) == [second ?? 0])
        #expect(lab.core.counters[.persistFailed] == 1)

        lab.answers = true
        lab.link(0)
        lab.answers = false
        func batches() -> [(rows: [PeerID], ticket: Ticket)] {
            lab.effects.compactMap {
                if case .persist(let batch, let ticket) = $0 { (batch.rows.map(\.id), ticket) } else { nil }
            }
        }
        _ = lab.take()
        lab.give(.timeout)
        lab.core.persistRows()
        lab.give(.timeout)
        #expect(batches().map(\.rows) == [[lab.peers[0].id]])
        lab.give(.persistFailed(batches()[0].ticket))
        _ = lab.take()
        lab.core.persistRows()
        lab.give(.timeout)
        #expect(batches().map(\.rows) == [[lab.peers[0].id]])
        lab.give(.persisted(batches()[0].ticket))
        _ = lab.take()
        lab.core.persistRows()
        lab.give(.timeout)
        #expect(batches().isEmpty)
    }

    /// Shows the pace of own records: the first 3 changes at once, then one a minute with changes merged; a refresh
    /// every 6 h.
    @Test func pace() {
        let lab = Lab(0)
        func change(_ n: UInt16) {
            lab.give(.capabilities(CapabilitySummary(classes: .x86x64, digest: Digest(repeating: 1), bytes: n)))
        }
        _ = lab.take()
        for n in 1...6 as ClosedRange<UInt16> {
            lab.now += .milliseconds(10)
            change(n)
        }
        #expect(Self.told(lab).map(\.content.capabilityBytes) == [1, 2, 3])
        lab.advance(.seconds(61))
        #expect(Self.told(lab).map(\.content.capabilityBytes) == [1, 2, 3, 6])
        let sequences = Self.told(lab).map(\.sequence)
        #expect(sequences == sequences.sorted() && Set(sequences).count == 4)
        _ = lab.take()
        change(6)
        lab.advance(.seconds(21_500))
        #expect(Self.told(lab).isEmpty)
        lab.advance(.seconds(200))
        #expect(Self.told(lab).count == 1)
    }

    /// Shows the sequence at start: above the stored one; a stored one from a fast clock goes back to now.
    @Test func firstSequence() {
        for (stored, expected) in [
            (UInt64(0), Lab.unix), (Lab.unix + 60_000, Lab.unix + 60_001),
            (Lab.unix + 3 * 3_600_000, Lab.unix + 1),
        ] {
            let lab = Lab(0, starts: false)
            lab.give(
                .started(
                    RestoredMembership(
                        network: lab.network, ownSequence: stored, hasGenesis: true, ownsGenesis: true)))
            lab.give(.clock(unixMilliseconds: Lab.unix))
            lab.give(.interfaces([SocketAddress(v4: 0x0a00_0001, port: 7717)]))
            #expect(Self.told(lab).map(\.sequence) == [expected])
        }
    }

    /// Shows the choice of endpoints (3.4): advertised ones alone, else global before site, one per family first, host
    /// only where there is nothing else, at most 3; none makes a client.
    @Test func endpoints() {
        let global = SocketAddress(v4: 0x0808_0808, port: 7717)
        let site = SocketAddress(v4: 0x0a00_0001, port: 7717)
        let host = SocketAddress(v4: 0x7f00_0001, port: 7717)
        let six = SocketAddress(v6High: 0x2a00_0000_0000_0001, low: 1, port: 7717)
        func chosen(_ interfaces: [SocketAddress], _ policy: PeerPolicy = PeerPolicy()) -> UnsignedRecord {
            let lab = Lab(0, starts: false)
            lab.give(
                .started(
                    RestoredMembership(network: lab.network, policy: policy, hasGenesis: true, ownsGenesis: true)))
            lab.give(.clock(unixMilliseconds: Lab.unix))
            lab.give(.interfaces(interfaces))
            return Self.told(lab)[0].content
        }
        #expect(Set(chosen([host, site, global, six]).endpoints.map(\.address)) == [site, global, six])
        #expect(chosen([host]).endpoints.map(\.address) == [host])
        #expect(chosen([]).reach == .client)
        #expect(chosen([site], PeerPolicy(advertised: [global])).endpoints.map(\.address) == [global])
        let many = (1...5).map { SocketAddress(v4: 0x0a00_0000 + UInt32($0), port: 7717) }
        #expect(chosen(many).endpoints.count == 3)
        #expect(chosen(many + [six]).endpoints.contains { $0.address == six })
    }

    /// Shows availability by precedence and by the hour of the week, with its bits in the record and its event.
    @Test func availability() {
        let lab = Lab(0)
        _ = lab.take()
        lab.give(.policy(PeerPolicy(isSilent: true)))
        #expect(lab.events == [.availability(.silent)])
        #expect(Self.told(lab).last?.content.status == [])
        lab.give(.policy(PeerPolicy(isSilent: true, isDraining: true)))
        #expect(lab.events.last == .availability(.draining))
        #expect(Self.told(lab).last?.content.status == .draining)
        let hour = WeekHours.hour(unixMilliseconds: lab.core.clock.unix(lab.now), zoneOffsetMinutes: 1_440)
        var bits = [UInt8](repeating: 0xff, count: 21)
        let next = (hour + 1) % 168
        bits[next / 8] &= ~(1 << UInt8(next % 8))
        lab.give(.policy(PeerPolicy(schedule: WeekHours(bits: bits))))
        #expect(lab.events.last == .availability(.accepting))
        _ = lab.take()
        lab.advance(.seconds(3_600))
        #expect(lab.events.first == .availability(.offSchedule))
        lab.advance(.seconds(3_600))
        #expect(lab.events.last == .availability(.accepting))
    }

    /// Shows draining: existing links stay, new requests are refused with that reason.
    @Test func draining() {
        let lab = Lab(2)
        lab.link(0)
        lab.give(.policy(PeerPolicy(isDraining: true)))
        lab.connect(1)
        _ = lab.take()
        lab.say(1, .linkRequest(linkCount: 0, isLowPriority: false))
        #expect(lab.messages(to: 1) == [.linkRefuse(.draining, retrySeconds: 60)])
        #expect(lab.core.links[lab.index(0)]?.isUp == true)
    }

    /// Shows documents (11.3): fetched once for all who wait, cached by digest, refused if the hash, the key or the
    /// bitmap is not the record's, and asked for again only after the pause.
    @Test func documents() {
        let lab = Lab(1)
        let signer = lab.peers[0].signer
        var document = CapabilityDocument(
            key: signer.publicKey, cpuArchitecture: .arm64, cpuModel: "m", coresPhysical: 4,
            coresLogical: 4, memoryMiB: 8_192, diskMiB: 20_480, coresMax: 4, memoryMaxMiB: 4_096,
            diskMaxMiB: 10_240)
        document.tags = ["Pd"]
        func claim(_ classes: UInt64?) {
            var content = lab.peers[0].record.content
            content.sequence += 1
            content.classes = classes ?? document.classes(hashing: lab.hashing).rawValue
            content.capabilityDigest = document.digest(hashing: lab.hashing)
            content.capabilityBytes = UInt16(document.encoded.count)
            lab.peers[0].record = content.signed(by: signer, network: lab.network)
            lab.push(0, [lab.peers[0].record])
        }
        func fetches() -> [Ticket] {
            lab.effects.compactMap { if case .fetchDocument(_, _, _, let ticket) = $0 { ticket } else { nil } }
        }
        func ready(_ n: UInt64) -> [UInt8]?? {
            for effect in lab.effects {
                if case .documentReady(Ticket(n), _, let bytes) = effect { return .some(bytes) }
            }
            return nil
        }
        lab.link(0)
        lab.give(.document(lab.index(0), Ticket(1)))
        #expect(ready(1) == .some(nil), "a record without a document")
        claim(nil)
        _ = lab.take()
        lab.give(.document(lab.index(0), Ticket(2)))
        lab.give(.document(lab.index(0), Ticket(3)))
        #expect(fetches().count == 1)
        let digest = document.digest(hashing: lab.hashing)
        lab.give(.documentFetched(lab.index(0), digest, document.encoded, fetches()[0]))
        #expect(ready(2) == document.encoded && ready(3) == document.encoded)
        lab.give(.document(lab.index(0), Ticket(4)))
        #expect(ready(4) == document.encoded && fetches().count == 1)

        document.region = "eu"
        claim(1)
        lab.jump(.seconds(61))
        lab.connect(0)
        _ = lab.take()
        lab.give(.document(lab.index(0), Ticket(5)))
        lab.give(.documentFetched(lab.index(0), document.digest(hashing: lab.hashing), document.encoded, fetches()[0]))
        #expect(ready(5) == .some(nil))
        #expect(lab.core.counters[.documentMismatch] == 1)
        lab.give(.document(lab.index(0), Ticket(6)))
        #expect(ready(6) == .some(nil) && fetches().count == 1, "paused")
    }

    /// Shows a saved row, byte by byte, and that mutations of it never trap and have one encoding.
    @Test func savedRow() throws {
        let lab = Lab(1)
        let row = SavedRow(
            id: lab.peers[0].id, record: lab.peers[0].record, isAnchor: true, scopeFloor: .site,
            firstSeen: 1, verifiedAt: 2, lastAttempt: 3, failures: 4)
        let bytes = row.value
        let record = lab.peers[0].record.encoded
        #expect(record.count == 166)
        let golden = [1, 166, 0] + record + [UInt8](hex: "0101" + "0100000000000000" + "0200000000000000" + "0300000000000000" + "0400")!
        #expect(bytes == golden)
        #expect(try SavedRow(value: bytes, hashing: lab.hashing) == row)
        var rng = SeededGenerator(seed: 3)
        for _ in 0..<2_000 {
            var mutated = bytes
            mutated[Int.random(in: 0..<mutated.count, using: &rng)] = UInt8.random(in: 0...255, using: &rng)
            if Int.random(in: 0..<3, using: &rng) == 0 { mutated.removeLast(Int.random(in: 1...mutated.count, using: &rng)) }
            if let read = try? SavedRow(value: mutated, hashing: lab.hashing) { #expect(read.value == mutated) }
        }
    }

    /// Shows that what a run stores is what the next one restores, and that rows that do not decode are counted.
    @Test func storeAndRestore() {
        let lab = Lab(3)
        for i in 0..<3 { lab.link(i) }
        lab.advance(.seconds(1))
        var batch = lab.core.rowsBatch()
        #expect(batch.rows.count == 3 && batch.rows.allSatisfy(\.isAnchor))
        batch.ownSequence = 77
        batch.network = lab.network
        batch.seeds = [Seed(host: "a.example", port: 1), Seed(host: "::1", port: 2)]
        batch.joinsAutomatically = false
        var store = StoreBatch(isSynced: false)
        batch.store(into: &store)
        #expect(store.isSynced)
        let rows = store.operations.compactMap { operation -> (key: [UInt8], value: [UInt8])? in
            if case .put(.book, let key, let value) = operation { (key, value) } else { nil }
        }
        var restored = RestoredMembership(book: rows + [(key: lab.peers[0].id.bytes, value: [9])])
        #expect(restored.ownSequence == 77 && restored.network == lab.network)
        #expect(restored.seeds == batch.seeds && !restored.joinsAutomatically)
        #expect(restored.rows.count == 4)
        restored.joinsAutomatically = true
        let other = Lab(0, starts: false)
        other.give(.started(restored))
        #expect(other.core.book.count == 3)
        #expect(other.core.book.entries.allSatisfy { $0.value.isVerified && $0.value.isAnchor })
        #expect(other.core.counters[.rowUndecodable] == 1)
        #expect(lab.core.rowsBatch().isEmpty, "nothing changed since")
    }

    /// Shows `behind`: a link that is ahead by more than one for 2 s, again after 5 s, not for one block.
    @Test func behind() {
        let lab = Lab(1)
        lab.link(0)
        lab.give(.tip(ChainTip(height: 10)))
        func tell(_ height: UInt64) {
            lab.say(
                0,
                .ping(
                    Ping(
                        probe: 1, sinceHeard: 1, flags: .linked, mySequence: Lab.unix,
                        yourSequence: lab.core.own.published!.sequence, tip: ChainTip(height: height))))
        }
        _ = lab.take()
        tell(11)
        lab.advance(.seconds(3))
        tell(11)
        #expect(lab.events.isEmpty)
        tell(.max)
        lab.advance(.milliseconds(2_000))
        tell(.max)
        #expect(lab.events == [.behind(lab.index(0), ChainTip(height: .max))])
        tell(.max)
        #expect(lab.events.count == 1)
    }

    /// Shows the token bucket and the bars at their edges.
    @Test func budgets() {
        let start = Instant(nanoseconds: 0)
        var bucket = TokenBucket(rate: 2, per: .seconds(1), burst: 3, now: start)
        var taken = (0..<5).map { _ in bucket.take(now: start) }
        #expect(taken == [true, true, true, false, false])
        #expect(bucket.nextAt(now: start) == start + .milliseconds(500))
        taken = (0..<2).map { _ in bucket.take(now: start + .milliseconds(500)) }
        #expect(taken == [true, false])
        taken = (0..<4).map { _ in bucket.take(now: start + .seconds(1_000)) }
        #expect(taken == [true, true, true, false])
        var bars = BarTable(entriesMax: 2)
        bars.bar(PeerID(repeating: 1), until: start + .seconds(1))
        bars.bar(PeerID(repeating: 2), until: start + .seconds(3))
        bars.bar(PeerID(repeating: 3), until: start + .seconds(2))
        #expect(bars.count == 2 && !bars.bars(PeerID(repeating: 1), now: start))
        bars.bar(PeerID(repeating: 2), until: start + .seconds(1))
        #expect(bars.end(of: PeerID(repeating: 2), now: start) == start + .seconds(3))
        #expect(!bars.bars(PeerID(repeating: 2), now: start + .seconds(3)))
    }
}
