import Basis
import FoundationEssentials

/// A document of the API (`surfaces.md` 4.4): the one shape of a fact, for HTTP, `--json`, dashboard and SDK.
///
/// Within one version fields are only added. A field that is absent is unknown; `null` (see ``Known``) means known to
/// be none.
public protocol Document: Codable, Sendable, Equatable {
    /// The middle of `peernode/<type>/<version>`.
    static var documentType: String { get }
    /// Raised only when a field changes its meaning.
    static var documentVersion: Int { get }
}

extension Document {
    public static var documentVersion: Int { 1 }
    /// `peernode/<type>/<version>`.
    public static var schemaName: String { "peernode/\(documentType)/\(documentVersion)" }

    /// The document as compact JSON with sorted keys: the same value always gives the same bytes.
    public func json() -> [UInt8] { JSONText.encode(self) }

    /// Reads a document that a node of the same or a newer version wrote; unknown fields are ignored.
    ///
    /// - Throws: ``DocumentError`` with what is wrong, without effect.
    public init(json: [UInt8]) throws(DocumentError) {
        self = try JSONText.decode(Self.self, from: json)
    }
}

/// Why bytes are not the document that was expected. Says what was found; there is no state to change.
public struct DocumentError: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}

/// The `schema` field of a document: fixed when written, checked when read.
public struct SchemaTag<Owner: Document>: Codable, Sendable, Equatable {
    public init() {}

    public init(from decoder: any Decoder) throws {
        let found = try decoder.singleValueContainer().decode(String.self)
        guard found == Owner.schemaName else {
            throw DocumentError("schema is \"\(found)\", expected \"\(Owner.schemaName)\"")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Owner.schemaName)
    }
}

/// JSON at the edge: one encoder and one decoder setting for all documents.
public enum JSONText {
    /// Compact JSON with sorted keys and plain slashes.
    public static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch {
            // Documents hold text, integers and booleans only, which always encode.
            unreachable("a document cannot be encoded: \(error)")
        }
    }

    /// - Throws: ``DocumentError`` naming the place and the reason.
    public static func decode<T: Decodable>(
        _ type: T.Type, from bytes: [UInt8]
    ) throws(DocumentError) -> T {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DocumentError {
            throw error
        } catch let error as DecodingError {
            throw DocumentError(describe(error))
        } catch {
            throw DocumentError("not valid JSON")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        func pointer(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map {
                "/" + ($0.intValue.map(String.init) ?? $0.stringValue)
            }
            return path.joined()
        }
        switch error {
        case .keyNotFound(let key, let context):
            return "\(pointer(context))/\(key.stringValue): required field is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(pointer(context)): \(context.debugDescription)"
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty
                ? "not valid JSON" : "\(pointer(context)): \(context.debugDescription)"
        @unknown default:
            return "not valid JSON"
        }
    }
}
