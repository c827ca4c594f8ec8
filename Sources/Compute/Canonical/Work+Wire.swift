import Verdict
public import Wire

// The layout of part W, in the order of `compute.md` 1.4. What belongs to stage 2 has its place already, as an empty
// list or a zero tag, so that stage 2 changes no byte of a stage 1 job.

extension Payload: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        switch self {
        case .inPlace(let bytes):
            writer.u8(0)
            writer.bytes(bytes)
        case .blob(let id, let bytes):
            writer.u8(1)
            writer.value(id)
            writer.u64(bytes)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let tag = try reader.u8()
        switch tag {
        case 0: self = .inPlace(try reader.bytes(max: ComputeLimits.inPlaceBytesMax))
        case 1: self = .blob(try reader.value(), bytes: try reader.blobLength())
        default: throw .unknownTag(UInt64(tag))
        }
    }
}

extension WireReader {
    mutating func blobLength() throws(WireError) -> UInt64 {
        let length = try u64()
        if length > ComputeLimits.blobBytesMax { throw .outOfRange }
        return length
    }

    /// A u8 enum.
    mutating func tag<T: RawRepresentable>(_ type: T.Type = T.self) throws(WireError) -> T
    where T.RawValue == UInt8 {
        let raw = try u8()
        guard let value = T(rawValue: raw) else { throw .unknownTag(UInt64(raw)) }
        return value
    }

    /// A place that stage 1 leaves empty.
    mutating func reserved(_ what: UInt32) throws(WireError) {
        let found = try u32()
        if found != what { throw .unknownTag(UInt64(found)) }
    }

    /// Texts in strictly ascending order of their bytes.
    mutating func ascendingTexts(max: Int, bytesMax: Int) throws(WireError) -> [String] {
        try ascending(max: max, itemBytesMin: 4, by: { Array($0.utf8).asText }) {
            (r) throws(WireError) in try r.text(max: bytesMax)
        }
    }
}

/// Bytes ordered as bytes, for lists that ascend by text.
struct TextBytes: Comparable {
    let bytes: [UInt8]
    static func < (a: TextBytes, b: TextBytes) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }
}

extension [UInt8] {
    var asText: TextBytes { TextBytes(bytes: self) }
}

extension String {
    var asBytes: TextBytes { TextBytes(bytes: Array(utf8)) }
}

extension JobInput: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.text(name)
        switch content {
        case .json(let payload):
            writer.u8(0)
            writer.value(payload)
        case .file(let id, let bytes):
            writer.u8(1)
            writer.value(id)
            writer.u64(bytes)
        case .tree(let id, let bytes):
            writer.u8(2)
            writer.value(id)
            writer.u64(bytes)
        }
        writer.text(mount)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        name = try reader.text(max: 64)
        let tag = try reader.u8()
        switch tag {
        case 0: content = .json(try reader.value())
        case 1: content = .file(try reader.value(), bytes: try reader.blobLength())
        case 2: content = .tree(try reader.value(), bytes: try reader.blobLength())
        default: throw .unknownTag(UInt64(tag))
        }
        mount = try reader.text(max: 1_024)
        guard SandboxPath.isBelow("/in", mount), ManifestNames.isInput(name) else {
            throw .outOfRange
        }
    }
}

extension OutputFileRule: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.text(path)
        writer.text(name)
        writer.u64(bytesMax)
        writer.bool(isOptional)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        path = try reader.text(max: 1_024)
        name = try reader.text(max: 64)
        bytesMax = try reader.u64()
        isOptional = try reader.bool()
        guard SandboxPath.isBelow("/out", path), bytesMax <= ComputeLimits.artifactBytesMax else {
            throw .outOfRange
        }
    }
}

extension Work: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.u8(runtime.rawValue)
        writer.text(engine)
        encodeSource(to: &writer)
        writer.text(entry)
        writer.list(arguments) { $0.text($1) }
        writer.list(environment) {
            $0.text($1.name)
            $0.text($1.value)
        }
        writer.u32(0)  // packages
        writer.u8(0)  // inference
        encodeStdin(to: &writer)
        switch seed {
        case .auto: writer.u8(0)
        case .value(let value):
            writer.u8(1)
            writer.u64(value)
        }
        writer.u64(epochSeconds)
        writer.list(inputs)
        writer.u8(resultMode.rawValue)
        writer.optional(resultSchema)
        writer.u64(resultBytesMax)
        writer.u32(0)  // unordered
        writer.list(files)
        writer.u64(stdoutBytesMax)
        writer.u32(cpuThousandths)
        writer.u64(memoryBytes)
        writer.u64(diskBytes)
        writer.u16(pids)
        writer.u64(runNanoseconds)
        writer.u64(cpuNanoseconds)
        writer.u64(fuel)
        writer.u32(0)  // gpu
        writer.u8(determinism.rawValue)
        writer.u8(isolation.rawValue)
        writer.u32(0)  // network
        writer.list(pythonPackages) { $0.text($1) }
        writer.value(comparator)
        writer.u32(0)  // steps
        writer.u8(0)  // items
    }

    func encodeSource(to writer: inout WireWriter) {
        switch source {
        case .none: writer.u8(0)
        case .file(let id, let bytes):
            writer.u8(1)
            writer.value(id)
            writer.u64(bytes)
        case .tree(let id, let bytes):
            writer.u8(2)
            writer.value(id)
            writer.u64(bytes)
        }
    }

    func encodeStdin(to writer: inout WireWriter) {
        switch stdin {
        case .empty: writer.u8(0)
        case .bytes(let payload):
            writer.u8(1)
            writer.value(payload)
        case .input(let name):
            writer.u8(2)
            writer.text(name)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init()
        runtime = try reader.tag()
        engine = try reader.text(max: 64)
        source = try Work.source(from: &reader)
        entry = try reader.text(max: 256)
        arguments = try reader.list(max: ComputeLimits.argumentsMax, itemBytesMin: 4) {
            (r) throws(WireError) in try r.text(max: ComputeLimits.argumentBytesMax)
        }
        environment = try reader.ascending(
            max: ComputeLimits.environmentMax, itemBytesMin: 8, by: { $0.name.asBytes }
        ) { (r) throws(WireError) in
            Variable(
                name: try r.text(max: 256),
                value: try r.text(max: ComputeLimits.environmentValueBytesMax))
        }
        try reader.reserved(0)
        if try reader.u8() != 0 { throw .unknownTag(1) }
        stdin = try Work.stdin(from: &reader)
        let seedTag = try reader.u8()
        switch seedTag {
        case 0: seed = .auto
        case 1: seed = .value(try reader.u64())
        default: throw .unknownTag(UInt64(seedTag))
        }
        epochSeconds = try reader.u64()
        inputs = try reader.ascending(
            max: ComputeLimits.inputsMax, itemBytesMin: 10, by: { $0.name.asBytes }
        ) { (r) throws(WireError) in try JobInput(from: &r) }
        try readOutputs(from: &reader)
        try readResources(from: &reader)
        determinism = try reader.tag()
        isolation = try reader.tag()
        try reader.reserved(0)
        pythonPackages = try reader.ascendingTexts(max: ComputeLimits.placeRulesMax, bytesMax: 64)
        comparator = try reader.value()
        try reader.reserved(0)
        if try reader.u8() != 0 { throw .unknownTag(1) }
    }

    static func source(from reader: inout WireReader) throws(WireError) -> Source {
        let tag = try reader.u8()
        switch tag {
        case 0: return .none
        case 1: return .file(try reader.value(), bytes: try reader.blobLength())
        case 2: return .tree(try reader.value(), bytes: try reader.blobLength())
        default: throw .unknownTag(UInt64(tag))
        }
    }

    static func stdin(from reader: inout WireReader) throws(WireError) -> Stdin {
        let tag = try reader.u8()
        switch tag {
        case 0: return .empty
        case 1: return .bytes(try reader.value())
        case 2: return .input(try reader.text(max: 64))
        default: throw .unknownTag(UInt64(tag))
        }
    }

    mutating func readOutputs(from reader: inout WireReader) throws(WireError) {
        resultMode = try reader.tag()
        resultSchema = try reader.optional { (r) throws(WireError) in try Payload(from: &r) }
        resultBytesMax = try reader.u64()
        try reader.reserved(0)
        files = try reader.ascending(
            max: ComputeLimits.outputFilesMax, itemBytesMin: 17, by: { $0.path.asBytes }
        ) { (r) throws(WireError) in try OutputFileRule(from: &r) }
        stdoutBytesMax = try reader.u64()
        guard resultBytesMax <= ComputeLimits.resultBytesMax,
            stdoutBytesMax <= ComputeLimits.stdoutBytesMax
        else { throw .outOfRange }
    }

    /// Ranges are those of `compute.md` 1.2: a worker never has to ask whether a number makes sense.
    mutating func readResources(from reader: inout WireReader) throws(WireError) {
        cpuThousandths = try reader.u32()
        memoryBytes = try reader.u64()
        diskBytes = try reader.u64()
        pids = try reader.u16()
        runNanoseconds = try reader.u64()
        cpuNanoseconds = try reader.u64()
        fuel = try reader.u64()
        try reader.reserved(0)
        guard ManifestRanges.cpuThousandths.contains(UInt64(cpuThousandths)),
            ManifestRanges.memory.contains(memoryBytes), ManifestRanges.disk.contains(diskBytes),
            ManifestRanges.pids.contains(UInt64(pids)), ManifestRanges.run.contains(runNanoseconds),
            ManifestRanges.cpuTime.contains(cpuNanoseconds), fuel <= 1_000_000_000_000
        else { throw .outOfRange }
    }
}
