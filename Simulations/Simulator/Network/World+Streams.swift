import Basis
import NodeCore
import Records
import Session
import Trust

/// Connections: opened after one round trip, ordered, late instead of lost (`simulation.md` 6, streams).
extension World {
    /// How long a connect is tried before it fails.
    static let connectMax = Interval.seconds(30)

    mutating func connect(_ ticket: Ticket, to address: SocketAddress, from i: Int) {
        let boot = peers[i].boot
        guard let j = byAddress[address], j != i else {
            return queue.push(
                .connectFailed(peer: i, boot: boot, ticket, .connectionRefused), at: now + .milliseconds(50))
        }
        lastPipe += 1
        var pipe = StreamPipe(ends: [.init(peer: i, boot: boot), .init(peer: j, boot: 0)])
        pipe.connecting = ticket
        pipes[lastPipe] = pipe
        peers[i].connecting[ticket] = lastPipe
        tryConnect(lastPipe, waited: .zero)
    }

    /// One SYN: it arrives, or another follows later.
    mutating func tryConnect(_ number: UInt64, waited: Interval) {
        guard let pipe = pipes[number], let ticket = pipe.connecting else { return }
        let (i, j) = (pipe.ends[0].peer, pipe.ends[1].peer)
        guard peers[i].boot == pipe.ends[0].boot, peers[i].isUp, peers[i].connecting[ticket] == number else {
            pipes[number] = nil
            return
        }
        if waited >= World.connectMax { return failConnect(number, .timeout) }
        let isClosed = peers[j].plan.nat != .public && peers[j].plan.nat != .fullCone
        if isBlocked(i, j) || isBlocked(j, i) || isClosed || peers[j].life == .gone {
            let wait = max(Interval.seconds(1), waited)
            return queue.push(.connectTried(pipe: number, after: waited + wait), at: now + wait)
        }
        queue.push(.connectArrives(pipe: number), at: now + delay(i, j))
    }

    private mutating func failConnect(_ number: UInt64, _ failure: DialFailure) {
        guard let pipe = pipes.removeValue(forKey: number), let ticket = pipe.connecting else { return }
        let end = pipe.ends[0]
        guard peers[end.peer].boot == end.boot else { return }
        peers[end.peer].connecting[ticket] = nil
        give(end.peer, end.boot, .transport(.connectFailed(ticket, failure)), .opened, ticket.number)
    }

    mutating func connectArrives(_ number: UInt64) {
        guard let pipe = pipes[number], pipe.connecting != nil else { return }
        let (i, j) = (pipe.ends[0].peer, pipe.ends[1].peer)
        let back = delay(j, i)
        guard peers[j].isUp else {
            // Nobody listens: the host refuses.
            let ticket = pipe.connecting ?? Ticket(0)
            pipes[number] = nil
            return queue.push(
                .connectFailed(peer: i, boot: pipe.ends[0].boot, ticket, .connectionRefused), at: now + back)
        }
        pipes[number]?.ends[1] = .init(peer: j, boot: peers[j].boot)
        peers[j].pipes.append(number)
        note(.connected, .connected(j, to: i))
        // The kernel answers, also for a paused process.
        queue.push(.connected(pipe: number), at: now + back)
        let from = peers[i].plan.address.with(port: UInt16(truncatingIfNeeded: 32_768 + number % 28_000))
        give(
            j, peers[j].boot, .transport(.accepted(StreamPipe.connection(number, 1), from: from)), .opened, number)
    }

    mutating func connected(_ number: UInt64) {
        guard let pipe = pipes[number], let ticket = pipe.connecting else { return }
        let end = pipe.ends[0]
        guard peers[end.peer].boot == end.boot, peers[end.peer].isUp,
            peers[end.peer].connecting.removeValue(forKey: ticket) != nil
        else { return closeEnd(number, 0, isSilent: false) }
        pipes[number]?.connecting = nil
        peers[end.peer].pipes.append(number)
        note(.connected, .connected(end.peer, to: pipe.ends[1].peer))
        let to = peers[pipe.ends[1].peer].plan.address
        give(
            end.peer, end.boot, .transport(.connected(ticket, StreamPipe.connection(number, 0), to: to)), .opened,
            number)
    }

    // MARK: bytes

    mutating func writeStream(_ id: ConnectionID, _ bytes: [UInt8], _ i: Int) {
        let (number, end) = StreamPipe.place(id)
        guard let pipe = pipes[number], pipe.ends[end].isOpen, !pipe.ways[end].isClosing else { return }
        samples.sent(i, bytes.count)
        if peers[i].isByzantine, swallows(stream: bytes, by: i, to: pipe.ends[1 - end].peer) { return }
        if pipe.ways[end].waiting.isEmpty {
            pass(bytes, number, end)
        } else {
            pipes[number]?.ways[end].waiting.append(bytes)
        }
        // The kernel has room: what waits in the process is what the path does not take.
        let queued = pipes[number]?.ways[end].waiting.reduce(0) { $0 + $1.count } ?? 0
        if queued == 0 { answer(.transport(.writable(id, queuedBytes: 0))) }
    }

    /// Sends one segment, or keeps it while nothing passes.
    private mutating func pass(_ bytes: [UInt8], _ number: UInt64, _ way: Int) {
        guard let pipe = pipes[number] else { return }
        let (i, j) = (pipe.ends[way].peer, pipe.ends[1 - way].peer)
        if isBlocked(i, j) || isBlocked(j, i) {
            pipes[number]?.ways[way].waiting.append(bytes)
            if pipe.ways[way].blockedSince == nil {
                pipes[number]?.ways[way].blockedSince = now
                pipes[number]?.ways[way].retry = StreamPipe.retryFirst
                queue.push(.streamRetry(pipe: number, way: way), at: now + StreamPipe.retryFirst)
            }
            return
        }
        // Streams wait for their uplink instead of being dropped there.
        let leaves = network.uplink(i, bytes: bytes.count, now: now, weather) ?? now + .milliseconds(100)
        var delay = firstCopy(i, j)
        if isSegmentLost(i, j) { delay = delay + max(delay * 4, StreamPipe.retryFirst) }
        let arrives = max(pipe.ways[way].lastArrival + .nanoseconds(1), leaves + delay)
        pipes[number]?.ways[way].lastArrival = arrives
        queue.push(.segment(pipe: number, way: way, bytes), at: arrives)
    }

    /// A segment that is late is sent again, with waits that double: what arrives first counts (RFC 6298).
    private mutating func firstCopy(_ i: Int, _ j: Int) -> Interval {
        var first = delay(i, j)
        var (waited, patience) = (Interval.zero, StreamPipe.retryFirst)
        for _ in 0..<StreamPipe.copiesMax where first > waited + patience {
            waited = waited + patience
            patience = patience * 2
            first = min(first, waited + delay(i, j))
        }
        return first
    }

    mutating func retryStream(_ number: UInt64, _ way: Int) {
        guard let pipe = pipes[number], let since = pipe.ways[way].blockedSince else { return }
        let (i, j) = (pipe.ends[way].peer, pipe.ends[1 - way].peer)
        if isBlocked(i, j) || isBlocked(j, i) {
            if now - since >= StreamPipe.blockedMax { return breakPipe(number) }
            let next = min(pipe.ways[way].retry * 2, StreamPipe.retryMax)
            pipes[number]?.ways[way].retry = next
            return queue.push(.streamRetry(pipe: number, way: way), at: now + next)
        }
        let waiting = pipe.ways[way].waiting
        pipes[number]?.ways[way].waiting = []
        pipes[number]?.ways[way].blockedSince = nil
        for bytes in waiting { pass(bytes, number, way) }
        let end = pipe.ends[way]
        if end.isOpen, !pipe.ways[way].isClosing {
            give(
                end.peer, end.boot, .transport(.writable(StreamPipe.connection(number, way), queuedBytes: 0)), .bytes, 0
            )
        }
        if pipe.ways[way].isClosing { sendEnd(number, way) }
    }

    /// Both ends learn that nothing passes any more.
    private mutating func breakPipe(_ number: UInt64) {
        guard let pipe = pipes.removeValue(forKey: number) else { return }
        for end in 0..<2 where pipe.ends[end].isOpen { tellEnded(pipe, number, end) }
    }

    private mutating func tellEnded(_ pipe: StreamPipe, _ number: UInt64, _ end: Int) {
        let at = pipe.ends[end]
        peers[at.peer].pipes.removeAll { $0 == number }
        give(at.peer, at.boot, .transport(.ended(StreamPipe.connection(number, end))), .closed, number)
    }

    mutating func segmentArrives(_ number: UInt64, _ way: Int, _ bytes: [UInt8]) {
        let to = 1 - way
        guard let pipe = pipes[number], pipe.ends[to].isOpen else { return }
        let end = pipe.ends[to]
        samples.received(end.peer, bytes.count)
        if end.isReadingPaused {
            pipes[number]?.ends[to].held.append(bytes)
            return
        }
        var sip = SipHash(number, UInt64(way))
        sip.add(bytes)
        give(
            end.peer, end.boot, .transport(.bytes(StreamPipe.connection(number, to), bytes)), .bytes, sip.finished())
    }

    mutating func resumeReading(_ id: ConnectionID) {
        let (number, end) = StreamPipe.place(id)
        guard let pipe = pipes[number] else { return }
        pipes[number]?.ends[end].isReadingPaused = false
        pipes[number]?.ends[end].held = []
        for bytes in pipe.ends[end].held { answer(.transport(.bytes(id, bytes))) }
    }

    // MARK: ends

    /// One end closes; what it wrote is still delivered unless its process died (`isSilent`: its machine is gone, too).
    mutating func closeEnd(_ number: UInt64, _ end: Int, isSilent: Bool) {
        guard let pipe = pipes[number], pipe.ends[end].isOpen else { return }
        let peer = pipe.ends[end].peer
        peers[peer].pipes.removeAll { $0 == number }
        if let ticket = pipe.connecting { peers[pipe.ends[0].peer].connecting[ticket] = nil }
        pipes[number]?.ends[end].isOpen = false
        if !pipe.ends[1 - end].isOpen || pipe.connecting != nil && pipe.ends[1].boot == 0 {
            pipes[number] = nil
            return
        }
        pipes[number]?.ways[end].isClosing = true
        if isSilent {
            queue.push(.streamEnd(pipe: number, way: end), at: now + StreamPipe.blockedMax)
        } else if pipe.ways[end].waiting.isEmpty {
            sendEnd(number, end)
        }
    }

    private mutating func sendEnd(_ number: UInt64, _ way: Int) {
        guard let pipe = pipes[number] else { return }
        let (i, j) = (pipe.ends[way].peer, pipe.ends[1 - way].peer)
        if isBlocked(i, j) || isBlocked(j, i) {
            return queue.push(.streamEnd(pipe: number, way: way), at: now + StreamPipe.blockedMax)
        }
        let at = max(pipe.ways[way].lastArrival + .nanoseconds(1), now + delay(i, j))
        queue.push(.streamEnd(pipe: number, way: way), at: at)
    }

    mutating func streamEnds(_ number: UInt64, _ way: Int) {
        guard let pipe = pipes.removeValue(forKey: number) else { return }
        if pipe.ends[1 - way].isOpen { tellEnded(pipe, number, 1 - way) }
    }

    /// The process of a peer ended: the kernel closes its connections, or the whole machine is gone.
    mutating func dropPipes(of i: Int, isSilent: Bool) {
        for number in peers[i].pipes.sorted() {
            guard let pipe = pipes[number] else { continue }
            for end in 0..<2 where pipe.ends[end].peer == i { closeEnd(number, end, isSilent: isSilent) }
        }
        peers[i].pipes = []
        for ticket in peers[i].connecting.keys.sorted() {
            if let number = peers[i].connecting[ticket] { pipes[number] = nil }
        }
        peers[i].connecting = [:]
    }

    // MARK: paths

    /// Whether stream bytes from one peer to another wait for better times.
    func isBlocked(_ i: Int, _ j: Int) -> Bool {
        weather.isCut(i, j) || weather.peers[i].isInterfaceDown || weather.peers[j].isInterfaceDown
            || weather.peers[i].isClogged || weather.peers[j].isClogged
    }

    mutating func delay(_ i: Int, _ j: Int) -> Interval {
        network.delay(i, j, peers[i].plan.region, peers[j].plan.region, weather)
    }

    private mutating func isSegmentLost(_ i: Int, _ j: Int) -> Bool {
        var loss = network.profile.loss
        for peer in [i, j] where weather.touched[peer] { loss = loss.combined(with: weather.peers[peer].loss) }
        return loss.fires(network.segmentDraw(i, j))
    }
}
