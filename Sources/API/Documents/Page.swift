/// A part of a list, and the cursor of the next part.
public struct Page<Item: Codable & Sendable & Equatable>: Document {
    public static var documentType: String { "page" }

    public private(set) var schema = SchemaTag<Page<Item>>()
    public var items: [Item]
    /// The cursor of the next part; null at the end. Opaque, bound to the filter, stable under inserts, valid 1 h.
    public var next: Known<String>?

    /// - Parameter next: nil at the end of the list.
    public init(items: [Item], next: String? = nil) {
        self.items = items
        self.next = Known(next)
    }
}
