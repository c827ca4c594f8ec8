/// A large value behind one reference: copies share it until one of them changes it.
///
/// For values of hundreds of bytes in optionals, dictionaries and arrays, which copy and move what they hold with every
/// look at one field. Equal to the bare value in all but cost.
public struct Boxed<Value: Sendable>: @unchecked Sendable {
    // Unchecked, because the storage changes only while this is its one reference.
    @usableFromInline
    final class Storage {
        @usableFromInline var value: Value

        @inlinable init(_ value: Value) { self.value = value }
    }

    @usableFromInline var storage: Storage

    @inlinable
    public init(_ value: Value) { storage = Storage(value) }

    /// Changed in place. To call something of a value with existentials copies it whole first, for which there is
    /// `peek`.
    @inlinable public var value: Value {
        _read { yield storage.value }
        _modify {
            if !isKnownUniquelyReferenced(&storage) { storage = Storage(storage.value) }
            yield &storage.value
        }
    }

    /// Asks the value something in place, shared or not. `body` must not change it.
    @inlinable
    public func peek<Result>(_ body: (inout Value) -> Result) -> Result { body(&storage.value) }
}
