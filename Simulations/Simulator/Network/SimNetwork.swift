import Basis

/// Decides what becomes of each datagram (`simulation.md` 6). Draws are counter-based: (key, from, to, number of the
/// packet on this link, purpose), without shared state, so that leaving a fault or a peer out changes no draw
/// elsewhere.
struct SimNetwork: Sendable {
    enum Drop: UInt8, Sendable, CaseIterable {
        case noPeer, interface, mtu, upQueue, nat, partition, loss, burst, downQueue, peerDown, backlog, udpBlocked
    }

    enum Purpose: UInt64 {
        case loss = 1
        case burstState, burstLoss, corrupt, duplicate, delay, slowTail, reorder, replay, flip
    }

    struct LinkState: Sendable {
        var number: UInt64 = 0
        var isBad = false
    }

    /// What one packet meets. Times are from its departure.
    struct Passage: Sendable {
        var delay: Interval
        /// A second copy arrives after this.
        var copy: Interval?
        /// Bit to be turned, if any.
        var flipped: UInt64?
    }

    let profile: NetworkProfile
    private let key: UInt64
    private let table: DelayTable
    private let regions: [[DelayTable]]
    private var links: [UInt64: LinkState] = [:]
    /// When the uplink and the downlink of each peer are free.
    private var upFree: [Int64]
    private var downFree: [Int64]
    /// By reason.
    private(set) var drops: [UInt64]
    private(set) var sent: UInt64 = 0
    private(set) var delivered: UInt64 = 0
    private(set) var copies: UInt64 = 0

    init(profile: NetworkProfile, regions: [[Interval]], key: UInt64, peers: Int) {
        self.profile = profile
        self.key = key
        table = DelayTable(profile.delay)
        self.regions = regions.map { row in
            row.map { median in
                if case .lognormal(_, let tail) = profile.delay {
                    return DelayTable(.lognormal(median: median, tail: tail))
                }
                return DelayTable(.constant(median))
            }
        }
        upFree = Array(repeating: 0, count: peers)
        downFree = Array(repeating: 0, count: peers)
        drops = Array(repeating: 0, count: Drop.allCases.count)
    }

    mutating func drop(_ why: Drop) { drops[Int(why.rawValue)] += 1 }
    mutating func noteSent() { sent += 1 }
    mutating func noteDelivered() { delivered += 1 }

    @inline(__always)
    private func draw(_ link: UInt64, _ number: UInt64, _ purpose: Purpose) -> UInt64 {
        Seeding.mixed(key ^ Seeding.mixed(link &* 0x1_0000_01b3 &+ number) &+ purpose.rawValue << 56)
    }

    /// When a packet of `bytes` handed over at `now` has left the uplink; nil if the queue is full.
    mutating func uplink(_ from: Int, bytes: Int, now: Instant, _ weather: Weather) -> Instant? {
        let rate = weather.peers[from].upRate != 0 ? weather.peers[from].upRate : profile.upRate
        return SimNetwork.queue(&upFree[from], rate, bytes, now, profile.queueBytes)
    }

    /// The same for the downlink of the receiver.
    mutating func downlink(_ to: Int, bytes: Int, now: Instant, _ weather: Weather) -> Instant? {
        let rate = weather.peers[to].downRate != 0 ? weather.peers[to].downRate : profile.downRate
        return SimNetwork.queue(&downFree[to], rate, bytes, now, profile.queueBytes)
    }

    private static func queue(_ free: inout Int64, _ rate: UInt64, _ bytes: Int, _ now: Instant, _ limit: Int)
        -> Instant?
    {
        if rate == 0 { return now }
        let start = max(free, now.nanoseconds)
        // Bytes that wait: (start − now) × rate / 8.
        let waiting = UInt64(start - now.nanoseconds).multipliedFullWidth(by: rate)
        let queued = UInt64(8_000_000_000).dividingFullWidth((waiting.high, waiting.low)).quotient
        if queued + UInt64(bytes) > UInt64(limit) { return nil }
        free = start + Int64(UInt64(bytes) * 8_000_000_000 / rate)
        return Instant(nanoseconds: free)
    }

    /// For the loss of the stream segment that was sent last on this link.
    func segmentDraw(_ from: Int, _ to: Int) -> UInt64 {
        let link = UInt64(from) << 32 | UInt64(to)
        return draw(link, links[link]?.number ?? 0, .loss)
    }

    /// Delay of one stream segment, without loss.
    mutating func delay(_ from: Int, _ to: Int, _ fromRegion: Int, _ toRegion: Int, _ weather: Weather) -> Interval {
        let link = UInt64(from) << 32 | UInt64(to)
        links[link, default: LinkState()].number += 1
        return delay(link, links[link]?.number ?? 0, from, to, fromRegion, toRegion, weather)
    }

    private func delay(
        _ link: UInt64, _ number: UInt64, _ from: Int, _ to: Int, _ fromRegion: Int, _ toRegion: Int, _ weather: Weather
    ) -> Interval {
        let table = regions.isEmpty ? table : regions[fromRegion][toRegion]
        var delay = table.draw(draw(link, number, .delay))
        // One draw, and the longest tail that it falls into: two ends in one tail must not multiply their factors, or a
        // segment would be hours late.
        var tail: Int64 = 1
        var added = Interval.zero
        if !profile.slowTail.isNever, profile.slowTail.fires(draw(link, number, .slowTail)) {
            tail = profile.slowTailFactor
        }
        for peer in [from, to] where weather.touched[peer] {
            let local = weather.peers[peer]
            if local.slowTail.fires(draw(link, number, .slowTail)) { tail = max(tail, local.slowTailFactor) }
            delay = delay * local.delayFactor
            added = added + local.delayAdd
        }
        return delay * tail + added
    }

    /// What a packet meets on its way; nil and a counted reason if it does not arrive.
    mutating func pass(
        _ from: Int, _ to: Int, _ fromRegion: Int, _ toRegion: Int, _ weather: Weather
    ) -> Passage? {
        let link = UInt64(from) << 32 | UInt64(to)
        var state = links[link] ?? LinkState()
        state.number += 1
        let number = state.number
        var loss = weather.isCalm ? profile.loss.tenth : profile.loss
        var burst = profile.burst
        if weather.isCalm, let rough = burst?.toBad { burst?.toBad = rough.tenth }
        var duplicate = profile.duplicate
        var reorder = profile.reorder
        var reorderExtra = profile.reorderExtra
        var corrupt = profile.corrupt
        var replay = Chance.never
        var replayAfter = Interval.zero
        for peer in [from, to] where weather.touched[peer] {
            let local = weather.peers[peer]
            loss = loss.combined(with: local.loss)
            burst = local.burst ?? burst
            duplicate = duplicate.combined(with: local.duplicate)
            corrupt = corrupt.combined(with: local.corrupt)
            if !local.reorder.isNever {
                reorder = reorder.combined(with: local.reorder)
                reorderExtra = max(reorderExtra, local.reorderExtra)
            }
            if !local.replay.isNever {
                replay = replay.combined(with: local.replay)
                replayAfter = local.replayAfter
            }
        }
        var lost: Drop?
        if loss.fires(draw(link, number, .loss)) { lost = .loss }
        if let burst {
            let word = draw(link, number, .burstState)
            state.isBad = state.isBad ? !burst.toGood.fires(word) : burst.toBad.fires(word)
            if state.isBad, burst.loss.fires(draw(link, number, .burstLoss)) { lost = lost ?? .burst }
        }
        links[link] = state
        if let lost {
            drop(lost)
            return nil
        }
        var passage = Passage(delay: delay(link, number, from, to, fromRegion, toRegion, weather))
        if reorder.fires(draw(link, number, .reorder)) { passage.delay = passage.delay + reorderExtra }
        if corrupt.fires(draw(link, number, .corrupt)) { passage.flipped = draw(link, number, .flip) }
        if duplicate.fires(draw(link, number, .duplicate)) {
            passage.copy = passage.delay + .nanoseconds(Int64(draw(link, number, .flip) % 20_000_000))
            copies += 1
        } else if replay.fires(draw(link, number, .replay)) {
            passage.copy = passage.delay + replayAfter
            copies += 1
        }
        return passage
    }
}
