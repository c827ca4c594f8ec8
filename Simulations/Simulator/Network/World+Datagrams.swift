import Basis
import Gossip
import NodeCore
import Records
import Session
import Trust

/// Sockets: datagrams and connections as the daemon's transport has them.
extension World {
    /// IP and UDP headers.
    static let datagramOverhead = 28

    mutating func carryOut(_ order: SessionEffect, _ i: Int) {
        switch order {
        case .transmit(let bytes, let to, _): transmit(bytes, to: to, from: i)
        case .connect(let ticket, let to): connect(ticket, to: to, from: i)
        case .cancelConnect(let ticket):
            if let pipe = peers[i].connecting.removeValue(forKey: ticket) { closeEnd(pipe, 0, isSilent: false) }
        case .writeBytes(let id, let bytes): writeStream(id, bytes, i)
        case .closeConnection(let id):
            let place = StreamPipe.place(id)
            closeEnd(place.pipe, place.end, isSilent: false)
        case .pauseReading(let id):
            let place = StreamPipe.place(id)
            pipes[place.pipe]?.ends[place.end].isReadingPaused = true
        case .resumeReading(let id): resumeReading(id)
        case .needEntropy, .sessionUp, .sessionDown, .dialFailed, .unknownSession, .deliver, .deliverLane, .streamPong,
            .sendFailed, .laneRoom, .laneOverflow, .opened, .openedLocally, .openFailed, .streamBytes, .streamRoom,
            .streamReset:
            unreachable("\(order) is for the core")
        }
    }

    mutating func transmit(_ bytes: [UInt8], to address: SocketAddress, from i: Int) {
        if plant != .none, let planted = planted(datagram: bytes, to: address, from: i) {
            for packet in planted.packets { send(packet, to: planted.to, from: i) }
            return
        }
        var packets = [bytes]
        if peers[i].isByzantine { packets = tampered(bytes, to: address, by: i) }
        for packet in packets { send(packet, to: address, from: i) }
    }

    mutating func send(_ bytes: [UInt8], to address: SocketAddress, from i: Int) {
        network.noteSent()
        let size = bytes.count + World.datagramOverhead
        samples.sent(i, size)
        note(.transmitted, .transmitted(i, bytes.count))
        note(.sent, .sent(i, bytes, to: address))
        if plant == .swallowsPackets, network.sent % 64 == 63 { return }
        if weather.peers[i].isInterfaceDown {
            network.drop(.interface)
            return answer(.transport(.datagramFailed(to: address, .unreachable)))
        }
        guard let j = byAddress[address] else { return network.drop(.noPeer) }
        let mtu = weather.touched[i] ? min(weather.peers[i].mtu, network.profile.mtu) : network.profile.mtu
        if bytes.count > mtu { return network.drop(.mtu) }
        guard let leaves = network.uplink(i, bytes: size, now: now, weather) else { return network.drop(.upQueue) }
        if peers[i].plan.nat != .public { peers[i].contacted[address] = now }
        if weather.isCut(i, j) { return network.drop(.partition) }
        if weather.peers[i].isUDPBlocked || weather.peers[j].isUDPBlocked || peers[i].plan.nat == .udpBlocked {
            return network.drop(.udpBlocked)
        }
        guard
            let passage = network.pass(i, j, peers[i].plan.region, peers[j].plan.region, weather)
        else { return }
        var carried = bytes
        if let flipped = passage.flipped, !carried.isEmpty {
            let bit = Int(flipped % UInt64(carried.count * 8))
            carried[bit / 8] ^= 1 << (bit % 8)
        }
        let from = peers[i].plan.address
        if weather.peers[i].isClogged || weather.peers[j].isClogged {
            for _ in 0..<(passage.copy == nil ? 1 : 2) {
                clogged.append((to: j, from: from, bytes: carried, sender: i))
            }
            return
        }
        queue.push(.datagram(to: j, from: from, sender: i, carried), at: leaves + passage.delay)
        if let copy = passage.copy {
            queue.push(.datagram(to: j, from: from, sender: i, carried), at: leaves + copy)
        }
    }

    mutating func arrive(_ bytes: [UInt8], at j: Int, from: SocketAddress, sender: Int) {
        if weather.peers[j].isInterfaceDown { return network.drop(.interface) }
        if peers[j].plan.nat != .public, !isContacted(from, by: j) { return network.drop(.nat) }
        let size = bytes.count + World.datagramOverhead
        guard let free = network.downlink(j, bytes: size, now: now, weather) else { return network.drop(.downQueue) }
        // Below a millisecond the order of events is kept and no event is spent on it.
        if free - now > .milliseconds(1) {
            queue.push(.downlinked(to: j, from: from, bytes), at: free)
        } else {
            deliver(bytes, at: j, from: from)
        }
    }

    /// How long a NAT keeps a mapping (`simulation.md` 6).
    static let mappingLife = Interval.seconds(60)

    private func isContacted(_ address: SocketAddress, by j: Int) -> Bool {
        if peers[j].plan.nat == .fullCone { return !peers[j].contacted.isEmpty }
        guard let at = peers[j].contacted[address] else { return false }
        return now - at <= World.mappingLife
    }

    mutating func deliver(_ bytes: [UInt8], at j: Int, from: SocketAddress) {
        guard peers[j].isUp else { return network.drop(.peerDown) }
        network.noteDelivered()
        if plant == .echoes { send(bytes, to: from, from: j) }
        let size = bytes.count + World.datagramOverhead
        samples.received(j, size)
        if peers[j].isByzantine { overhear(bytes, by: j, from: from) }
        var sip = SipHash(from.low, UInt64(from.port))
        sip.add(bytes)
        give(
            j, peers[j].boot, .transport(.datagram(bytes, from: from, on: LocalSocket(1))), .datagram, sip.finished())
    }
}
