/// Is told apart by one number.
public protocol Numbered: Sendable {
    var tableNumber: UInt64 { get }
}

extension UInt32: Numbered {
    @inlinable public var tableNumber: UInt64 { UInt64(self) }
}

/// A table by numbers that only this process gives out: a look-up costs a tenth of a dictionary's.
///
/// Open addressing with linear probing over a power of two, never more than half full. Its hash is a multiplication, so
/// who could choose the keys of its entries could make it slow: it is not for keys that come from outside. It has no
/// order (STYLE 2.1).
///
/// All of it is inlinable: what other modules specialise must be usable from where they are specialised in turn.
public struct NumberTable<Key: Numbered, Value: Sendable>: Sendable {
    @usableFromInline var numbers: [UInt64] = []
    /// Nil where a place is free.
    @usableFromInline var values: [Value?] = []
    @usableFromInline var used = 0

    @inlinable public init() {}

    @inlinable public var count: Int { used }
    @inlinable public var isEmpty: Bool { used == 0 }

    /// All numbers, ascending. O(n log n).
    public var sortedNumbers: [UInt64] { values.indices.filter { values[$0] != nil }.map { numbers[$0] }.sorted() }

    /// Nil if there is none; set to nil to remove.
    @inlinable public subscript(key: Key) -> Value? {
        @inline(__always)
        get {
            let place = find(key.tableNumber)
            return place < 0 ? nil : values[place]
        }
        @inline(__always)
        set {
            if let newValue { insert(newValue, key.tableNumber) } else { removeValue(forKey: key) }
        }
        @inline(__always)
        _modify {
            let number = key.tableNumber
            let place = find(number)
            if place >= 0 {
                yield &values[place]
                if values[place] == nil { close(place) }
            } else {
                var value: Value?
                yield &value
                if let value { insert(value, number) }
            }
        }
    }

    @discardableResult
    @inlinable
    public mutating func removeValue(forKey key: Key) -> Value? {
        let place = find(key.tableNumber)
        if place < 0 { return nil }
        var value: Value?
        swap(&value, &values[place])
        close(place)
        return value
    }

    /// Changes every value, in no order that means anything.
    @inlinable
    public mutating func changeAll(_ change: (inout Value) -> Void) {
        for place in values.indices { if values[place] != nil { change(&values[place]!) } }
    }

    // MARK: below their use

    @inline(__always)
    @inlinable
    func home(_ number: UInt64) -> Int {
        // The high bits of the product depend on all of the number; there are 2^k places.
        let bits = UInt64(values.count.trailingZeroBitCount)
        return Int(truncatingIfNeeded: (number &* 0x9e37_79b9_7f4a_7c15) >> (64 - bits))
    }

    /// Where the number is; -1 if it is not here.
    @inline(__always)
    @inlinable
    func find(_ number: UInt64) -> Int {
        if used == 0 { return -1 }
        let mask = values.count - 1
        var place = home(number)
        while values[place] != nil {
            if numbers[place] == number { return place }
            place = (place + 1) & mask
        }
        return -1
    }

    @inlinable
    mutating func insert(_ value: Value, _ number: UInt64) {
        let standing = find(number)
        if standing >= 0 {
            values[standing] = value
            return
        }
        if (used + 1) * 2 > values.count { grow() }
        let mask = values.count - 1
        var place = home(number)
        while values[place] != nil { place = (place + 1) & mask }
        numbers[place] = number
        values[place] = value
        used += 1
    }

    @inlinable
    mutating func grow() {
        let (oldNumbers, oldValues) = (numbers, values)
        let places = Swift.max(8, values.count * 2)
        numbers = [UInt64](repeating: 0, count: places)
        values = [Value?](repeating: nil, count: places)
        used = 0
        for place in oldValues.indices { if let value = oldValues[place] { insert(value, oldNumbers[place]) } }
    }

    /// A place became free: entries that probed past it move up, so that no search ends too early.
    @inlinable
    mutating func close(_ place: Int) {
        used -= 1
        let mask = values.count - 1
        var free = place
        var next = (place + 1) & mask
        while values[next] != nil {
            let home = home(numbers[next])
            if (next &- home) & mask >= (next &- free) & mask {
                numbers[free] = numbers[next]
                values.swapAt(free, next)
                free = next
            }
            next = (next + 1) & mask
        }
    }
}
