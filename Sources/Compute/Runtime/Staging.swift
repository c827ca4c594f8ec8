public import Records
public import Trust
import Verdict

/// Bytes of a blob that a frame needs in place.
public struct BlobValue: Sendable, Hashable {
    public var id: BlobID
    public var bytes: [UInt8]

    public init(id: BlobID, bytes: [UInt8]) {
        self.id = id
        self.bytes = bytes
    }
}

/// What the shell prepared for one execution (`compute.md` 4.7).
public struct StagePlan: Sendable, Hashable {
    /// What stands at `/in`, made from `Staging.entries`.
    public var inputs: RunInputs
    /// Bytes of `Staging.values`, in that order.
    public var values: [BlobValue]
    public var fetchedBytes: UInt64

    public init(inputs: RunInputs, values: [BlobValue] = [], fetchedBytes: UInt64 = 0) {
        self.inputs = inputs
        self.values = values
        self.fetchedBytes = fetchedBytes
    }
}

/// What a job needs at `/in` (`compute.md` 3.1, places).
public enum Staging {
    public struct Entry: Sendable, Hashable {
        public enum Content: Sendable, Hashable {
            case blob(BlobID)
            /// A folder made from the tree's entries.
            case tree(BlobID)
            /// `inputs.json`; its bytes are `Staging.inputsJSON`.
            case inputsJSON
        }
        /// Relative to `/in`.
        public var path: String
        public var content: Content
        public var isExecutable: Bool
    }

    /// Up to this much, files travel in init's frame; beyond, a stage folder is bound.
    public static let frameBytesMax = 8 << 20

    /// What has to be placed, ascending by path.
    public static func entries(_ work: Work) -> [Entry] {
        var all: [Entry] = []
        switch work.source {
        case .none: break
        case .file(let id, _):
            all.append(.init(path: ".program", content: .blob(id), isExecutable: true))
        case .tree(let id, _):
            all.append(.init(path: ".app", content: .tree(id), isExecutable: false))
        }
        if case .bytes(.blob(let id, _)) = work.stdin {
            all.append(.init(path: ".stdin", content: .blob(id), isExecutable: false))
        }
        for input in work.inputs {
            let path = String(input.mount.dropFirst("/in/".count))
            switch input.content {
            case .json: break
            case .file(let id, _):
                all.append(.init(path: path, content: .blob(id), isExecutable: false))
            case .tree(let id, _):
                all.append(.init(path: path, content: .tree(id), isExecutable: false))
            }
        }
        all.append(.init(path: "inputs.json", content: .inputsJSON, isExecutable: false))
        return all.sorted { $0.path.asBytes < $1.path.asBytes }
    }

    /// Blobs whose bytes the frame needs: JSON inputs above 1 KiB. At most 256 × 64 KiB.
    public static func values(_ work: Work) -> [BlobID] {
        work.inputs.compactMap {
            if case .json(.blob(let id, _)) = $0.content { id } else { nil }
        }
    }

    /// The canonical object of all inline inputs; nil if a value is missing or no JSON.
    public static func inputsJSON(_ work: Work, values: [BlobValue]) -> [UInt8]? {
        var out: [UInt8] = [0x7b]
        for input in work.inputs {
            guard case .json = input.content else { continue }
            guard let bytes = json(input, values: values), CanonicalJSON.isCanonical(bytes) else {
                return nil
            }
            if out.count > 1 { out.append(0x2c) }
            out += CanonicalJSON.bytes(.string(input.name)) + [0x3a] + bytes
        }
        return out + [0x7d]
    }

    /// The canonical JSON of an inline input; nil for files, or if the value was not fetched.
    static func json(_ input: JobInput, values: [BlobValue]) -> [UInt8]? {
        guard case .json(let payload) = input.content else { return nil }
        switch payload {
        case .inPlace(let bytes): return bytes
        case .blob(let id, _): return values.first { $0.id == id }?.bytes
        }
    }
}
