import Basis

/// One stream of a connection: a request and the bytes both sides send after it.
struct StreamFlow: Sendable {
    let id: FlowID
    let trafficClass: UInt8
    let isLocal: Bool
    /// Bytes to send, in pieces as they were written.
    private(set) var pieces: [[UInt8]] = []
    private(set) var firstPiece = 0
    private(set) var offset = 0
    private(set) var queuedBytes = 0
    var endsAfterQueue = false
    /// Whether the last DATA of this side is out.
    var hasSentLast = false
    var hasReceivedLast = false
    var sendCredit: Int
    var receiveCredit: Int
    /// Delivered and not yet consumed.
    var unconsumed = 0
    var taken = 0
    /// Whether the writer was told, or must be told, to wait.
    var wantsRoom = false
    var heardAt: Instant

    init(id: FlowID, trafficClass: UInt8, isLocal: Bool, now: Instant) {
        self.id = id
        self.trafficClass = trafficClass
        self.isLocal = isLocal
        sendCredit = LaneRules.streamWindow(trafficClass)
        receiveCredit = LaneRules.streamWindow(trafficClass)
        heardAt = now
    }

    var isDone: Bool { hasSentLast && hasReceivedLast }

    mutating func write(_ bytes: [UInt8], isLast: Bool) {
        if !bytes.isEmpty {
            pieces.append(bytes)
            queuedBytes += bytes.count
        }
        if queuedBytes > LaneRules.streamWindow(trafficClass) { wantsRoom = true }
        endsAfterQueue = isLast
    }

    /// Whether the writer waits and may go on; tells it once.
    mutating func tellsRoom() -> Bool {
        if !wantsRoom || queuedBytes > LaneRules.streamWindow(trafficClass) / 2 { return false }
        wantsRoom = false
        return true
    }

    var isSendable: Bool {
        if hasSentLast { return false }
        return queuedBytes > 0 ? sendCredit > 0 : endsAfterQueue
    }

    /// The length of the next frame, head included, of at most `room`; nil if nothing can be sent.
    func nextFrameBytes(room: Int) -> Int? {
        if !isSendable || room < Frame.headBytes { return nil }
        if queuedBytes == 0 { return Frame.headBytes }
        let body = min(room - Frame.headBytes, sendCredit, queuedBytes)
        return body > 0 ? Frame.headBytes + body : nil
    }

    mutating func nextFrame(room: Int) -> Frame {
        var left = max(0, min(room - Frame.headBytes, sendCredit, queuedBytes))
        sendCredit -= left
        queuedBytes -= left
        var bytes: [UInt8] = []
        bytes.reserveCapacity(left)
        while left > 0 {
            let piece = pieces[firstPiece]
            let count = min(left, piece.count - offset)
            bytes += piece[offset..<offset + count]
            left -= count
            offset += count
            if offset == piece.count {
                pieces[firstPiece] = []
                firstPiece += 1
                offset = 0
            }
        }
        if firstPiece > 32 && firstPiece * 2 > pieces.count {
            pieces.removeFirst(firstPiece)
            firstPiece = 0
        }
        let isLast = queuedBytes == 0 && endsAfterQueue
        if isLast { hasSentLast = true }
        return Frame(id, .data(bytes, isLast: isLast))
    }
}
