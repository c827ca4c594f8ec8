import Credits
import Records
import Storage

/// The store as the queries of the ledger read it. A row that cannot be read counts as absent: the store reports its
/// own failures.
struct StoreView: StoreReading {
    let store: Store

    func value(_ family: Family, _ key: [UInt8]) -> [UInt8]? { (try? store.get(family, key)).flatMap { $0 } }

    func rows(
        _ family: Family, prefix: [UInt8], from start: [UInt8]?, limit: Int, descending: Bool
    ) -> [(key: [UInt8], value: [UInt8])] {
        let found =
            try? store.scan(
                family, prefix: prefix, from: descending ? nil : start, to: descending ? start : nil,
                reverse: descending, limit: limit)
        return (found ?? []).map { ($0.key, $0.value) }
    }
}
