import Basis
import Records

/// The wall clock as told, and how far the network's clock is from it (`gossip.md` 3.5).
struct ClockState: Sendable {
    struct Sample: Sendable {
        let difference: Int64
        let group: AddressGroup
    }

    /// Unix milliseconds at `toldAt`; nil before the first `.clock`.
    var told: UInt64?
    var toldAt = Instant.zero
    /// Milliseconds to add.
    var offset: Int64 = 0
    var hasGroupMedian = false
    /// Newest last.
    var samples: [Sample] = []
    var lastReportedSkew: Instant?

    /// `unixNow` in milliseconds; 0 before the clock was told.
    func unix(_ now: Instant) -> UInt64 {
        guard let told else { return 0 }
        let passed = max(0, (now - toldAt).milliseconds)
        let raw = told.addingReportingOverflow(UInt64(passed)).partialValue
        return offset >= 0
            ? raw.addingReportingOverflow(UInt64(offset)).partialValue
            : raw > offset.magnitude ? raw - offset.magnitude : 0
    }

    /// The median of (theirs − ours) over the samples kept.
    var median: Int64? {
        if samples.isEmpty { return nil }
        let sorted = samples.map(\.difference).sorted()
        return sorted[sorted.count / 2]
    }

    var groupCount: Int { Set(samples.map(\.group)).count }

    mutating func add(_ sample: Sample, samplesMax: Int) {
        samples.append(sample)
        if samples.count > samplesMax { samples.removeFirst() }
    }
}

extension Membership {
    mutating func setClock(_ unix: UInt64) {
        clock.told = unix
        clock.toldAt = now
        evaluateAvailability()
        refreshOwnRecord()
        needsPlan = true
    }

    /// One sample per outbound handshake, before its record is judged.
    mutating func noteClockSample(_ facts: SessionFacts) {
        // A year beyond the largest offset says nothing but "absurd"; it is cut so that sums cannot overflow.
        let cut: Int64 = 400 * 86_400_000
        let difference = min(max(facts.clockDifferenceMilliseconds, -cut), cut)
        clock.add(
            ClockState.Sample(difference: difference, group: facts.remote.coarseGroup),
            samplesMax: limits.clockSamplesMax)
        guard let median = clock.median else { return }
        if abs(median) > limits.clockSkewReportedMin.milliseconds,
            clock.lastReportedSkew.map({ now - $0 >= limits.clockOffsetAdoptedMin }) ?? true
        {
            clock.lastReportedSkew = now
            raise(.clockSkew(milliseconds: median))
        }
        if abs(median) > limits.clockOffsetMax.milliseconds { return }
        let isBroad = clock.groupCount >= limits.clockGroupsMin
        let isAll = book.count < limits.clockGroupsMin && !clock.hasGroupMedian
        guard isBroad || isAll else { return }
        let before = clock.offset
        if abs(median) > limits.clockOffsetAdoptedMin.milliseconds {
            clock.offset = median
        } else if isBroad {
            clock.offset = 0
        }
        if isBroad { clock.hasGroupMedian = true }
        if clock.offset != before {
            mark("clock offset adopted")
            // A record of ours with the wrong time is refused by everybody: a new one at once.
            own.isForced = true
            refreshOwnRecord()
        }
    }
}
