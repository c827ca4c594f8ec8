import Basis
import Records
import Trust
import Wire

/// How many answers strangers get (`gossip.md` 4.3, 15.1): nothing a flood of spoofed Hellos asks for costs more.
struct AnswerBudgets: Sendable {
    var accepts: SecondBudget
    var retries: SecondBudget
    var refuses: SecondBudget
    var unknowns: SecondBudget
    /// Retries of the running second by fine group; emptied each second, so never more than `retriesPerSecondMax`.
    var retriesPerGroup: [AddressGroup: Int] = [:]
    var unknownsPerSource: Set<SocketAddress> = []
    var secondAt: Instant
    let perGroupMax: Int

    init(_ limits: SessionLimits, now: Instant) {
        accepts = SecondBudget(perSecond: limits.acceptsPerSecondMax, now: now)
        retries = SecondBudget(perSecond: limits.retriesPerSecondMax, now: now)
        refuses = SecondBudget(perSecond: limits.refusesPerSecondMax, now: now)
        unknowns = SecondBudget(perSecond: limits.unknownsPerSecondMax, now: now)
        perGroupMax = limits.retriesPerGroupPerSecondMax
        secondAt = now
    }

    private mutating func turnSecond(_ now: Instant) {
        if now - secondAt < .seconds(1) { return }
        secondAt = now
        retriesPerGroup.removeAll(keepingCapacity: true)
        unknownsPerSource.removeAll(keepingCapacity: true)
    }

    mutating func mayRetry(_ from: SocketAddress, _ now: Instant) -> Bool {
        turnSecond(now)
        let group = from.fineGroup
        if retriesPerGroup[group, default: 0] >= perGroupMax || !retries.take(now) { return false }
        retriesPerGroup[group, default: 0] += 1
        return true
    }

    mutating func mayAnswerUnknown(_ from: SocketAddress, _ now: Instant) -> Bool {
        turnSecond(now)
        if unknownsPerSource.contains(from) || !unknowns.take(now) { return false }
        unknownsPerSource.insert(from)
        return true
    }
}

/// Cookies prove that a Hello's source address receives what we send to it, without any state here.
struct CookieSecrets: Sendable {
    var current: Bytes32?
    var madeAt = Instant.zero
    var previous: Bytes32?

    /// Whether a new secret is due; the caller draws it from the entropy pool.
    func needsSecret(_ limits: SessionLimits, now: Instant) -> Bool {
        current == nil || now - madeAt >= limits.cookieSecretInterval
    }

    mutating func turn(to secret: Bytes32, now: Instant) {
        previous = current
        current = secret
        madeAt = now
    }

    /// `minute u32 ‖ K(secret, "peernode/cookie/v1", source ‖ initiatorIndex ‖ ephemeral ‖ minute)[..16]`.
    static func cookie(
        _ secret: Bytes32, for hello: Hello, from: SocketAddress, minute: UInt32,
        crypto: some SessionCrypto
    ) -> [UInt8] {
        var w = WireWriter()
        w.value(from)
        w.u32(hello.initiatorIndex)
        w.bytes32(hello.ephemeral)
        w.u32(minute)
        let mac = crypto.keyed(secret, "peernode/cookie/v1", w.bytes)
        var cookie = WireWriter(capacity: 20)
        cookie.u32(minute)
        cookie.fixed(mac.bytes.prefix(16))
        return cookie.bytes
    }

    /// Whether the Hello's cookie is of this or the last minute, under the secret of now or that of two minutes ago.
    func accepts(
        _ hello: Hello, from: SocketAddress, limits: SessionLimits, crypto: some SessionCrypto, now: Instant
    ) -> Bool {
        var reader = WireReader(hello.cookie)
        guard let minute = try? reader.u32() else { return false }
        let this = CookieSecrets.minute(now)
        if minute != this && minute &+ 1 != this { return false }
        var secrets = [current]
        if now - madeAt < limits.cookieSecretGrace { secrets.append(previous) }
        return secrets.contains { secret in
            guard let secret else { return false }
            return CookieSecrets.cookie(secret, for: hello, from: from, minute: minute, crypto: crypto)
                == hello.cookie
        }
    }

    static func minute(_ now: Instant) -> UInt32 {
        UInt32(truncatingIfNeeded: now.nanoseconds / 60_000_000_000)
    }
}
